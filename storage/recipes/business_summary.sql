-- The business by month: revenue and its change, hours saved, cost of executions, organizations that pay and that execute workflows.
-- Which source counts: business.revenue_generated for revenue, business.workflow_value_delivered in hours for time saved, each completed
-- execution once for cost. Months without any of these are left out.
-- usages: U-business.revenue_generated-4
-- ledger: 274, 276
with told as (
    select
        tenant_id, organization_id, timestamp as told_at, 'revenue' as kind,
        try_cast(properties ->> 'revenue_amount' as decimal(18, 6)) as amount
    from events
    where event_name = 'business.revenue_generated'
    union all
    select tenant_id, organization_id, timestamp, 'hours', try_cast(properties ->> 'value_amount' as decimal(18, 6))
    from events
    where event_name = 'business.workflow_value_delivered' and lower(properties ->> 'value_unit') = 'hours'
    union all
    select tenant_id, organization_id, ended_at, 'execution', cost_usd
    from workflow_executions
    where status = 'completed'
),
months as (
    select
        tenant_id,
        cast(date_trunc('month', told_at) as date) as month,
        cast(coalesce(sum(amount) filter (kind = 'revenue'), 0) as double) as revenue_usd,
        cast(coalesce(sum(amount) filter (kind = 'hours'), 0) as double) as hours_saved,
        cast(coalesce(sum(amount) filter (kind = 'execution'), 0) as double) as execution_cost_usd,
        count(distinct organization_id) filter (kind = 'revenue') as paying_organizations,
        count(distinct organization_id) filter (kind = 'execution') as executing_organizations,
        count(*) filter (kind = 'execution') as executions
    from told
    group by all
)
select *, round(revenue_usd / nullif(lag(revenue_usd) over (partition by tenant_id order by month), 0) - 1, 4) as revenue_change
from months
order by tenant_id, month
