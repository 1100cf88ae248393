-- Use of AI models by day: requests, tokens and the organizations that ask, by provider, model and kind of task.
-- A request counts once, on the day it was first told of, whatever came of it (the view ai_requests); tokens are those of completed ones
-- and of what only costs tell of, which is no request.
-- usages: U-ai.model_requested-1
-- ledger: 258, 276
select
    tenant_id,
    cast(timestamp as date) as day,
    model_provider,
    model_name,
    coalesce(task_type, 'unknown') as task_type,
    count(*) filter (status <> 'cost only') as requests,
    count(distinct organization_id) as organizations,
    cast(coalesce(sum(total_tokens) filter (status in ('completed', 'cost only')), 0) as bigint) as tokens
from ai_requests
group by all
order by tenant_id, day, requests desc, model_provider, model_name, task_type
