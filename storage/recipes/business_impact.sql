-- What workflows are worth, by month, kind of value and unit: deliveries, workflows, amount, and how much of it is confirmed.
-- Confirmed is what was measured or verified, and not estimated.
-- Of business.workflow_value_delivered events. Amounts of one unit are added; of percentages the mean is shown. Hours and USD are never
-- mixed: business_roi does that.
-- usages: U-business.workflow_value_delivered-2, U-business.workflow_value_delivered-3
-- ledger: 272, 276
with delivered as (
    select
        tenant_id,
        organization_id,
        cast(date_trunc('month', timestamp) as date) as month,
        coalesce(properties ->> 'value_type', 'unknown') as value_type,
        coalesce(lower(properties ->> 'value_unit'), 'unknown') as value_unit,
        workflow_id,
        try_cast(properties ->> 'value_amount' as decimal(18, 6)) as amount,
        (properties ->> 'confidence_level') in ('measured', 'verified') as confirmed
    from events
    where event_name = 'business.workflow_value_delivered'
)
select
    tenant_id,
    month,
    value_type,
    value_unit,
    count(*) as deliveries,
    count(distinct (organization_id, workflow_id)) as workflows,
    case value_unit when 'percentage' then avg(amount) else cast(sum(amount) as double) end as amount,
    round(cast(sum(amount) filter (confirmed) as double) / nullif(cast(sum(amount) as double), 0), 4) as confirmed_share
from delivered
group by tenant_id, month, value_type, value_unit
order by all
