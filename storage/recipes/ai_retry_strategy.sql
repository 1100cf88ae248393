-- What retries achieve: share of requests that completed, by model, reason of the last failure and number of failed attempts.
-- Of requests with a failed attempt; attempts count once per retry_attempt. Where a higher number of failures no longer completes,
-- retrying costs time only.
-- usages: U-ai.model_failed-3
-- ledger: 260, 276
select
    tenant_id,
    model_name,
    coalesce(failure_reason, 'unknown') as failure_reason,
    failed_attempts,
    count(*) as requests,
    count(*) filter (status = 'completed') as completed,
    round(count(*) filter (status = 'completed') / count(*), 4) as completed_share
from ai_requests
where failed_attempts > 0
group by all
order by all
