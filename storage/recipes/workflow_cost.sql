-- What executions cost, by month, organization and workflow, dearest first: in all, for each completed execution, and how much of it AI.
-- Which source counts: cost_incurred of workflow.execution_completed, once an execution. It is the whole cost; what AI models cost of it
-- (the view ai_requests, by execution_id) is shown beside it and never added.
-- usages: U-workflow.execution_completed-2
-- ledger: 255, 276
with ai as (
    select tenant_id, execution_id, sum(cost_usd) as ai_cost_usd
    from ai_requests
    where execution_id is not null
    group by all
)
select
    tenant_id,
    cast(date_trunc('month', ended_at) as date) as month,
    organization_id,
    workflow_id,
    count(*) as executions,
    round(cast(sum(cost_usd) as double), 6) as cost_usd,
    round(cast(sum(cost_usd) as double) / count(cost_usd), 6) as cost_per_execution,
    round(cast(sum(ai_cost_usd) as double), 6) as ai_cost_usd
from workflow_executions
left join ai using (tenant_id, execution_id)
where status = 'completed'
group by all
order by tenant_id, month, cost_usd desc nulls last, organization_id, workflow_id
