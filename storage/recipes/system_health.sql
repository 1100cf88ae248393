-- Health of systems now: of each metric its newest value, whether it breached its threshold, and for how many measurements in a row.
-- Of system.performance_metric events; metrics that come as OTLP metric points are in metric_points and are not counted here.
-- usages: U-system.performance_metric-1
-- ledger: 268, 276
with measured as (
    select
        tenant_id,
        coalesce(properties ->> 'service_name', service_name) as service_name,
        coalesce(properties ->> 'environment', environment) as environment,
        properties ->> 'metric_name' as metric_name,
        properties ->> 'metric_unit' as metric_unit,
        timestamp,
        try_cast(properties ->> 'metric_value' as double) as metric_value,
        coalesce(try_cast(properties ->> 'threshold_breached' as boolean), false) as breached,
        properties ->> 'severity_level' as severity_level
    from events
    where event_name = 'system.performance_metric'
),
marked as (
    select
        *,
        max(case when not breached then timestamp end) over (partition by tenant_id, service_name, environment, metric_name) as last_good
    from measured
)
select
    tenant_id,
    service_name,
    environment,
    metric_name,
    arg_max(metric_value, timestamp) as metric_value,
    arg_max(metric_unit, timestamp) as metric_unit,
    max(timestamp) as measured_at,
    arg_max(breached, timestamp) as breached,
    count(*) filter (breached and (last_good is null or timestamp > last_good)) as breaches_in_a_row,
    max(last_good) as last_good
from marked
group by tenant_id, service_name, environment, metric_name
order by tenant_id, breached desc, breaches_in_a_row desc, service_name, environment, metric_name
