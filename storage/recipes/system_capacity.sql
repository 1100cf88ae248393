-- Where capacity runs out: of each metric in per cent the newest daily peak, its growth a day, and in how many days it reaches 100.
-- Of system.performance_metric events with the unit percentage. Growth is the slope of a line through the daily peaks; where they do not
-- grow, or there is but one day, no date follows.
-- usages: U-system.performance_metric-3
-- ledger: 268, 276
with days as (
    select
        tenant_id,
        coalesce(properties ->> 'service_name', service_name) as service_name,
        coalesce(properties ->> 'environment', environment) as environment,
        properties ->> 'metric_name' as metric_name,
        cast(timestamp as date) as day,
        max(try_cast(properties ->> 'metric_value' as double)) as peak
    from events
    where event_name = 'system.performance_metric' and (properties ->> 'metric_unit') in ('percentage', 'percent', '%')
    group by all
),
lines as (
    select
        tenant_id,
        service_name,
        environment,
        metric_name,
        count(*) as days,
        arg_max(peak, day) as newest_peak,
        max(peak) as highest_peak,
        case when count(*) > 1 then round(regr_slope(peak, day - first_day), 6) end as growth_a_day
    from (select *, min(day) over (partition by tenant_id, service_name, environment, metric_name) as first_day from days)
    where peak is not null
    group by all
)
select *, round(case when growth_a_day > 0 then greatest(100 - newest_peak, 0) / growth_a_day end, 3) as days_to_full
from lines
order by tenant_id, days_to_full nulls last, newest_peak desc, service_name, environment, metric_name
