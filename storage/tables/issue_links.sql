-- Issues whose events count for another one, because they were merged into it. A view without files.
-- The last activity (merged into, or split from another) decides. Links are followed to their end; of links in a circle the oldest does
-- not count. Where nothing of an issue says otherwise, a source map that came late (mapped_stacks) and a new version of the grouping
-- change no issue that something was done about: what its events have become counts for it; of several such issues for the one that
-- something was done about last.
create table issue_links (
    issue_id         uuid not null,
    current_issue_id uuid not null,
    merged_at        timestamptz,
    service_name     text not null,
    tenant_id        text not null
);

comment on column issue_links.issue_id is 'the issue that its events would belong to';
comment on column issue_links.current_issue_id is 'the issue that they count for';
comment on column issue_links.merged_at is 'since when they do: the last of the merges on the way; NULL where a source map or a new version of the grouping made the link';
comment on column issue_links.service_name is 'service of the issue, as its last activity says';
comment on column issue_links.tenant_id is 'whose issue it is';

with recursive regrouped as (
    select tenant_id, service_name, fingerprint, previous_fingerprint from error_logs_files where previous_fingerprint is not null
    union
    select tenant_id, service_name, fingerprint, previous_fingerprint from crash_reports_files where previous_fingerprint is not null
    union
    select tenant_id, service_name, fingerprint, previous_fingerprint from api_error_logs_files where previous_fingerprint is not null
    union
    select tenant_id, service_name, fingerprint, previous_fingerprint from database_error_logs_files where previous_fingerprint is not null
),
became as (
    select
        tenant_id, service_name,
        issue_of(tenant_id, service_name, fingerprint, null) as issue_id,
        issue_of(tenant_id, service_name, previous_fingerprint, null) as old_issue_id
    from regrouped
    union
    select
        tenant_id, service_name,
        issue_of(tenant_id, service_name, fingerprint, previous_fingerprint) as issue_id,
        issue_of(tenant_id, service_name, stored_fingerprint, null) as old_issue_id
    from last_mapped_stacks
),
said as (
    select
        case activity when 'merged' then issue_id else try_cast(md5(concat_ws('/', tenant_id, service_name, fingerprint)) as uuid) end
            as issue_id,
        target_issue_id, service_name, tenant_id,
        {'at': activity_timestamp, 'id': activity_id} as told
    from issue_activity
    where activity in ('merged', 'split')
    union all
    select
        became.issue_id, arg_max(old.issue_id, old.told) as target_issue_id, became.service_name, became.tenant_id,
        {'at': timestamptz '-infinity', 'id': null} as told
    from became
    join (
        select tenant_id, issue_id, max({'at': activity_timestamp, 'id': activity_id}) as told from issue_activity group by tenant_id, issue_id
    ) old
        on became.tenant_id = old.tenant_id and became.old_issue_id = old.issue_id
    where became.issue_id not in (select issue_id from issue_activity)
    group by all
),
link as materialized (
    select
        tenant_id, issue_id,
        arg_max(service_name, told) as service_name,
        arg_max_null(target_issue_id, told) as target_issue_id,
        max(told) as told
    from said
    group by tenant_id, issue_id
    having target_issue_id is not null
),
reached as (
    select tenant_id, issue_id, service_name, target_issue_id as place, told.at as merged_at from link
    union
    select
        reached.tenant_id, reached.issue_id, reached.service_name, link.target_issue_id as place,
        greatest(reached.merged_at, link.told.at) as merged_at
    from reached join link on reached.tenant_id = link.tenant_id and reached.place = link.issue_id
)
select
    reached.issue_id,
    coalesce(
        any_value(reached.place) filter (link.issue_id is null),
        arg_min(reached.place, link.told) filter (circle.issue_id is not null)
    ) as current_issue_id,
    nullif(coalesce(
        any_value(reached.merged_at) filter (link.issue_id is null),
        arg_min(reached.merged_at, {'told': link.told, 'at': reached.merged_at}) filter (circle.issue_id is not null)
    ), timestamptz '-infinity') as merged_at,
    reached.service_name,
    reached.tenant_id
from reached
left join link on reached.tenant_id = link.tenant_id and reached.place = link.issue_id
left join (from reached select distinct tenant_id, issue_id where issue_id = place) circle
    on reached.tenant_id = circle.tenant_id and reached.place = circle.issue_id
group by reached.tenant_id, reached.issue_id, reached.service_name
having current_issue_id <> reached.issue_id;
