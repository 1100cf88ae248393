-- Reliability of AI models by day: requests that ended, share that completed, share that completed without a retry.
-- A request counts once per request_id, on the day it was first told of: one that failed and then completed is completed. What has not
-- ended yet counts for nothing.
-- usages: U-ai.model_failed-1
-- ledger: 260, 276
select
    tenant_id,
    cast(timestamp as date) as day,
    model_provider,
    model_name,
    count(*) as ended,
    round(count(*) filter (status = 'completed') / count(*), 4) as completed_share,
    round(count(*) filter (status = 'completed' and failed_attempts = 0) / count(*), 4) as completed_at_once_share
from ai_requests
where status in ('completed', 'failed')
group by all
order by all
