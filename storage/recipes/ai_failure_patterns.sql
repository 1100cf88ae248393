-- How AI models fail, most frequent first: by model, reason and the provider's code, with the time that was lost.
-- Every failed attempt counts, once per request_id and retry_attempt, those of requests that completed later too.
-- usages: U-ai.model_failed-2
-- ledger: 260, 276
with attempts as (
    select
        tenant_id,
        coalesce(arg_min(properties ->> 'model_name', timestamp), 'unknown') as model_name,
        coalesce(arg_min(properties ->> 'failure_reason', timestamp), 'unknown') as failure_reason,
        coalesce(arg_min(properties ->> 'error_code', timestamp), '') as error_code,
        arg_min(try_cast(properties ->> 'processing_time' as double), timestamp) as processing_time_ms
    from events
    where event_name = 'ai.model_failed'
    group by
        tenant_id,
        coalesce(nullif(properties ->> 'request_id', ''), event_id),
        coalesce(try_cast(properties ->> 'retry_attempt' as double), 0)
)
select
    tenant_id,
    model_name,
    failure_reason,
    error_code,
    count(*) as failures,
    round(count(*) / sum(count(*)) over (partition by tenant_id, model_name), 4) as share_of_model,
    round(median(processing_time_ms), 3) as median_ms_lost
from attempts
group by tenant_id, model_name, failure_reason, error_code
order by tenant_id, failures desc, model_name, failure_reason, error_code
