-- What AI models cost by month and organization: in all, for a request, for a thousand tokens, share of the month; dearest first.
-- Which source counts: actual_cost of ai.model_completed, once per request_id, else cost_amount of ai.cost_incurred; see the view
-- ai_requests. Estimates and workflow.execution_completed's cost_incurred are not added. What only costs tell of is spent, but no request.
-- usages: U-ai.model_requested-2, U-ai.cost_incurred-1
-- ledger: 258-261, 276
with costs as (
    select
        tenant_id,
        organization_id,
        cast(date_trunc('month', timestamp) as date) as month,
        model_provider,
        model_name,
        count(*) filter (status <> 'cost only') as requests,
        cast(sum(cost_usd) as double) as cost_usd,
        cast(sum(cost_usd) filter (status <> 'cost only') as double) as cost_of_requests_usd,
        cast(sum(cost_usd) filter (total_tokens is not null) as double) / nullif(sum(total_tokens), 0) * 1000 as cost_per_1000_tokens
    from ai_requests
    where cost_usd is not null
    group by all
)
select
    tenant_id,
    organization_id,
    month,
    model_provider,
    model_name,
    requests,
    cost_usd,
    round(cost_of_requests_usd / requests, 6) as cost_per_request,
    round(cost_per_1000_tokens, 6) as cost_per_1000_tokens,
    round(cost_usd / nullif(sum(cost_usd) over (partition by tenant_id, organization_id, month), 0), 4) as share_of_month
from costs
order by tenant_id, organization_id, month, cost_usd desc, model_provider, model_name
