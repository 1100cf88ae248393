-- Each issue_key of issue_rows, and the issue that its rows count for: few, and found without the rows that are events. It may name some
-- of rows that are none.
with own as (
    select
        issue_key,
        any_value(tenant_id) as tenant_id,
        issue_of(any_value(tenant_id), any_value(service_name), any_value(fingerprint), any_value(previous_fingerprint)) as own_id
    from (
        select *, hash(tenant_id, service_name, fingerprint, previous_fingerprint) as issue_key
        from (
            select tenant_id, service_name, fingerprint, previous_fingerprint from error_logs_mapped
            union all
            select tenant_id, service_name, fingerprint, previous_fingerprint from crash_reports_mapped
            union all
            select tenant_id, service_name, fingerprint, previous_fingerprint from api_error_logs_mapped
            union all
            select tenant_id, service_name, fingerprint, previous_fingerprint from database_error_logs_mapped
        )
        where fingerprint is not null
    )
    group by issue_key
)
select own.issue_key, own.tenant_id, coalesce(link.current_issue_id, own.own_id) as issue_id, link.merged_at
from own left join current_issues link on own.own_id = link.issue_id
