-- Speed and efficiency of AI models, slowest first: processing time in milliseconds, output tokens for each second and input token.
-- Of completed requests, once per request_id; failed ones count for no time. Ratios are of sums, over requests that say both.
-- usages: U-ai.model_requested-3, U-ai.model_completed-2, U-ai.model_completed-3
-- ledger: 258, 259, 276
select
    tenant_id,
    model_provider,
    model_name,
    count(*) as completed,
    round(median(processing_time_ms), 3) as median_ms,
    round(quantile_cont(processing_time_ms, 0.95), 3) as p95_ms,
    round(quantile_cont(processing_time_ms, 0.99), 3) as p99_ms,
    round(
        sum(output_tokens) filter (processing_time_ms is not null) * 1000
            / nullif(sum(processing_time_ms) filter (output_tokens is not null), 0),
        3
    ) as output_tokens_per_second,
    round(sum(output_tokens) filter (input_tokens is not null) / nullif(sum(input_tokens) filter (output_tokens is not null), 0), 3)
        as output_to_input
from ai_requests
where status = 'completed'
group by all
order by tenant_id, median_ms desc nulls last, model_provider, model_name
