-- Performance of systems by hour: mean, 95th percentile and highest value, and the mean's change to the same hour a day before.
-- Of system.performance_metric events (see system_health).
-- usages: U-system.performance_metric-2
-- ledger: 268, 276
with hours as (
    select
        tenant_id,
        coalesce(properties ->> 'service_name', service_name) as service_name,
        properties ->> 'metric_name' as metric_name,
        properties ->> 'metric_unit' as metric_unit,
        date_trunc('hour', timestamp) as hour,
        round(avg(try_cast(properties ->> 'metric_value' as double)), 3) as mean_value,
        round(quantile_cont(try_cast(properties ->> 'metric_value' as double), 0.95), 3) as p95_value,
        max(try_cast(properties ->> 'metric_value' as double)) as highest_value
    from events
    where event_name = 'system.performance_metric'
    group by all
)
select
    *,
    round(
        mean_value / nullif(max(mean_value) over (
            partition by tenant_id, service_name, metric_name, metric_unit order by hour
            range between interval 24 hours preceding and interval 24 hours preceding
        ), 0) - 1,
        4
    ) as change_to_day_before
from hours
order by tenant_id, service_name, metric_name, metric_unit, hour
