-- Where models reach their limits: share of requests that failed for good, by model, kind of task and size of the input.
-- A request counts once per request_id. Sizes are bands of input tokens (below 1,000, 10,000, 100,000); what has not ended counts for
-- nothing.
-- usages: U-ai.model_failed-4
-- ledger: 260, 276
select
    tenant_id,
    model_name,
    coalesce(task_type, 'unknown') as task_type,
    case
        when input_tokens is null then 'unknown'
        when input_tokens < 1000 then '0-999'
        when input_tokens < 10000 then '1000-9999'
        when input_tokens < 100000 then '10000-99999'
        else '100000 and more'
    end as input_tokens,
    count(*) as requests,
    count(*) filter (status = 'failed') as failed,
    round(count(*) filter (status = 'failed') / count(*), 4) as failed_share,
    mode(failure_reason) filter (status = 'failed') as usual_reason
from ai_requests
where status in ('completed', 'failed')
group by all
order by tenant_id, failed_share desc, failed desc, model_name, task_type, input_tokens
