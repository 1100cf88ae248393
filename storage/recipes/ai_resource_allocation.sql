-- Who gets the models: by priority and model, requests and their share, what they cost, and how far the estimates were off.
-- A request counts once per request_id. actual_to_estimated compares sums over requests that have both costs.
-- usages: U-ai.model_requested-4
-- ledger: 258, 276
select
    tenant_id,
    coalesce(priority_level, 'unknown') as priority_level,
    model_name,
    count(*) filter (status <> 'cost only') as requests,
    round(
        count(*) filter (status <> 'cost only') / nullif(sum(count(*) filter (status <> 'cost only')) over (partition by tenant_id), 0),
        4
    ) as share_of_requests,
    round(median(processing_time_ms), 3) as median_ms,
    round(cast(sum(cost_usd) as double), 6) as cost_usd,
    round(
        cast(sum(cost_usd) filter (estimated_cost_usd is not null) as double)
            / nullif(cast(sum(estimated_cost_usd) filter (cost_usd is not null) as double), 0),
        3
    ) as actual_to_estimated
from ai_requests
group by tenant_id, coalesce(priority_level, 'unknown'), model_name
order by tenant_id, requests desc, priority_level, model_name
