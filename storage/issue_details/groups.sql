-- Which fingerprints are one issue, and of what were they made? The most frequent first.
select
    service_name,
    fingerprint,
    arg_max(grouping, error_timestamp) as grouping,
    arg_max(grouping_version, error_timestamp) as grouping_version,
    arg_max(concat_ws(': ', nullif(type, ''), nullif(left(message, 2000), '')), error_timestamp) as example,
    arg_max(culprit, error_timestamp) as culprit,
    list(distinct source_table order by source_table) as source_tables,
    count(*) as events,
    min(error_timestamp) as first_seen,
    max(error_timestamp) as last_seen
from issue_events
where issue_id = $issue_id
group by service_name, fingerprint
order by events desc, service_name, fingerprint;
