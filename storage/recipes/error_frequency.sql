-- Errors by type and day: how many, of how many people, and the share of the day.
-- ledger: 184, 206
select
    cast(error_timestamp as date) as day,
    error_type,
    count(*) as errors,
    count(distinct user_id) as people,
    round(count(*) / sum(count(*)) over (partition by day), 4) as share
from error_logs
group by day, error_type
order by day, errors desc, error_type
