-- Which part of the business AI costs belong to: by month, organization and category of workflow, with the share of the month.
-- Which source counts: see ai_cost_per_model. The category is workflow_category where the cost's event says it, else that of the request's
-- workflow (workflow.created), else unknown.
-- usages: U-ai.cost_incurred-4
-- ledger: 261, 276
with categories as (
    select tenant_id, workflow_id, arg_min(properties ->> 'category', timestamp) as category
    from events
    where event_name = 'workflow.created' and workflow_id is not null
    group by all
),
costs as (
    select
        tenant_id,
        organization_id,
        cast(date_trunc('month', timestamp) as date) as month,
        coalesce(workflow_category, category, 'unknown') as workflow_category,
        count(*) filter (status <> 'cost only') as requests,
        cast(sum(cost_usd) as double) as cost_usd
    from ai_requests
    left join categories using (tenant_id, workflow_id)
    where cost_usd is not null
    group by all
)
select *, round(cost_usd / nullif(sum(cost_usd) over (partition by tenant_id, organization_id, month), 0), 4) as share_of_month
from costs
order by tenant_id, organization_id, month, cost_usd desc, workflow_category
