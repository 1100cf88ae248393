-- Stability of systems by day and service: errors, grave ones (high and critical), users affected, and mean hours between errors.
-- Of system.error_occurred events, once per error_id (see system_error_patterns). One error a day has none to be between.
-- usages: U-system.error_occurred-2
-- ledger: 269, 276
with errors as (
    select
        tenant_id,
        min(timestamp) as happened_at,
        coalesce(arg_min(properties ->> 'service_name', timestamp), min(service_name)) as service_name,
        arg_min(properties ->> 'error_severity', timestamp) as severity,
        arg_min(coalesce(properties ->> 'user_affected', user_id), timestamp) as user_affected
    from events
    where event_name = 'system.error_occurred'
    group by tenant_id, coalesce(nullif(properties ->> 'error_id', ''), event_id)
)
select
    tenant_id,
    cast(happened_at as date) as day,
    service_name,
    count(*) as errors,
    count(*) filter (severity in ('high', 'critical')) as grave_errors,
    count(distinct user_affected) as users_affected,
    round(epoch_us(max(happened_at) - min(happened_at)) / 3600e6 / nullif(count(*) - 1, 0), 3) as mean_hours_between
from errors
group by tenant_id, cast(happened_at as date), service_name
order by all
