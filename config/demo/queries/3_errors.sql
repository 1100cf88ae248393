-- Errors
select
    error_type as type,
    exception_type as exception,
    left(error_message, 60) as message,
    count(*) as times,
    max(error_timestamp) as last_seen
from error_logs
where ingested_at >= $since
group by all
order by times desc
limit 8
