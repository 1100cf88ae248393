-- What AI costs for each transaction, by month and organization.
-- A transaction is an execution that asked a model, or a request outside of executions.
-- Which source counts: see ai_cost_per_model. Requests without a cost (failed ones) make a transaction only beside one that has a cost.
-- usages: U-ai.model_completed-1
-- ledger: 259, 276
with transactions as (
    select
        tenant_id,
        organization_id,
        coalesce('execution ' || execution_id, 'request ' || request_id) as transaction,
        min(timestamp) as began_at,
        count(*) filter (status <> 'cost only') as requests,
        cast(sum(cost_usd) as double) as cost_usd
    from ai_requests
    where status <> 'cost only' or execution_id is not null
    group by all
)
select
    tenant_id,
    organization_id,
    cast(date_trunc('month', began_at) as date) as month,
    count(*) as transactions,
    round(avg(requests), 3) as requests_per_transaction,
    round(avg(cost_usd), 6) as cost_per_transaction,
    round(median(cost_usd), 6) as median_cost,
    max(cost_usd) as highest_cost
from transactions
where cost_usd is not null
group by all
order by all
