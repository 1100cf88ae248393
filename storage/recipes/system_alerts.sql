-- Breaches of thresholds, newest first: when each began, how long it lasted, how bad it was, and whether it lasts.
-- Of system.performance_metric events (see system_health). A breach is a row of measurements of one metric that all breached; it ends with
-- the next that did not. It lasts where there is none.
-- usages: U-system.performance_metric-4
-- ledger: 268, 276
with measured as (
    select
        tenant_id,
        coalesce(properties ->> 'service_name', service_name) as service_name,
        coalesce(properties ->> 'environment', environment) as environment,
        properties ->> 'metric_name' as metric_name,
        timestamp,
        try_cast(properties ->> 'metric_value' as double) as metric_value,
        coalesce(try_cast(properties ->> 'threshold_breached' as boolean), false) as breached,
        list_position(['low', 'medium', 'high', 'critical'], properties ->> 'severity_level') as severity
    from events
    where event_name = 'system.performance_metric'
),
marked as (
    select
        *,
        min(case when not breached then timestamp end) over (
            partition by tenant_id, service_name, environment, metric_name order by timestamp
            rows between current row and unbounded following
        ) as ended_at
    from measured
)
select
    tenant_id,
    service_name,
    environment,
    metric_name,
    min(timestamp) as began_at,
    ended_at,
    round(epoch_us(ended_at - min(timestamp)) / 60e6, 3) as minutes,
    count(*) as measurements,
    max(metric_value) as highest_value,
    ['low', 'medium', 'high', 'critical'][max(severity)] as severity_level
from marked
where breached
group by tenant_id, service_name, environment, metric_name, ended_at
order by tenant_id, began_at desc, service_name, environment, metric_name
