-- Crashes
select
    service_name as service,
    release_version as release,
    crash_type as type,
    crash_message as message,
    crash_timestamp as crashed_at
from crash_reports
where ingested_at >= $since
order by crashed_at desc
