-- AI spending of each billing period against a budget: spent, change against the period before, and share of the budget used.
-- Which source counts: see ai_cost_per_model. The budget is the parameter monthly_budget_usd, of each organization; 0 means there is none.
-- A period is billing_period where the cost's event says it, else the month.
-- usages: U-ai.cost_incurred-2
-- ledger: 261, 276
with spent as (
    select tenant_id, organization_id, billing_period, cast(sum(cost_usd) as double) as spent_usd
    from ai_requests
    where cost_usd is not null
    group by all
)
select
    tenant_id,
    organization_id,
    billing_period,
    spent_usd,
    round(spent_usd / nullif(lag(spent_usd) over periods, 0) - 1, 4) as change,
    round(spent_usd / nullif(cast(coalesce(getvariable('monthly_budget_usd'), 0) as double), 0), 4) as budget_used
from spent
window periods as (partition by tenant_id, organization_id order by billing_period)
order by all
