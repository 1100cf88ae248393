-- Return on investment by month and organization: value delivered, revenue, cost of executions and AI, in USD.
-- The roi is (value + revenue - cost) / cost.
-- Which source counts. Value: business.workflow_value_delivered in USD, and in hours at hourly_rate_usd (50); percentages are no money.
-- Revenue: business.revenue_generated; a value of type revenue_generated counts only where no such event names its workflow that month.
-- Cost: the whole cost of executions (workflow.execution_completed), and of AI requests outside of executions that say theirs (see
-- workflow_cost and ai_cost_per_model).
-- usages: U-ai.cost_incurred-3, U-business.workflow_value_delivered-1
-- ledger: 261, 272, 274, 276
with revenue as (
    select
        tenant_id,
        organization_id,
        cast(date_trunc('month', timestamp) as date) as month,
        properties ->> 'attribution_workflow' as workflow_id,
        try_cast(properties ->> 'revenue_amount' as decimal(18, 6)) as amount
    from events
    where event_name = 'business.revenue_generated'
),
delivered as (
    select
        tenant_id,
        organization_id,
        cast(date_trunc('month', timestamp) as date) as month,
        workflow_id,
        properties ->> 'value_type' as value_type,
        try_cast(properties ->> 'value_amount' as decimal(18, 6)) * case lower(properties ->> 'value_unit')
            when 'usd' then 1
            when 'hours' then cast(coalesce(getvariable('hourly_rate_usd'), 50) as decimal(12, 2))
        end as amount
    from events
    where event_name = 'business.workflow_value_delivered'
),
amounts as (
    select tenant_id, organization_id, month, 'revenue' as kind, cast(amount as double) as usd
    from revenue
    union all
    select tenant_id, organization_id, month, 'value', cast(amount as double)
    from delivered
    where value_type is distinct from 'revenue_generated' or not exists (
        from revenue
        where revenue.tenant_id = delivered.tenant_id and revenue.organization_id = delivered.organization_id
            and revenue.month = delivered.month and revenue.workflow_id = delivered.workflow_id
    )
    union all
    select tenant_id, organization_id, cast(date_trunc('month', ended_at) as date), 'cost', cast(cost_usd as double)
    from workflow_executions
    where cost_usd is not null
    union all
    select tenant_id, organization_id, cast(date_trunc('month', timestamp) as date), 'cost', cast(cost_usd as double)
    from ai_requests
    where cost_usd is not null and not exists (
        from workflow_executions as execution
        where execution.tenant_id = ai_requests.tenant_id and execution.execution_id = ai_requests.execution_id
            and execution.cost_usd is not null
    )
),
months as (
    select
        tenant_id,
        organization_id,
        month,
        coalesce(sum(usd) filter (kind = 'value'), 0) as value_usd,
        coalesce(sum(usd) filter (kind = 'revenue'), 0) as revenue_usd,
        coalesce(sum(usd) filter (kind = 'cost'), 0) as cost_usd
    from amounts
    group by all
)
select *, round((value_usd + revenue_usd - cost_usd) / nullif(cost_usd, 0), 4) as roi
from months
order by tenant_id, organization_id, month
