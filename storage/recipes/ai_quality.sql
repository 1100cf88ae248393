-- Quality of AI answers by week and model: mean score (1 to 10), share scored, share of low scores, cost of a good answer.
-- Low is a score below low_quality (5), good any other.
-- Of completed requests, once per request_id. Weeks begin on Monday.
-- usages: U-ai.model_completed-4
-- ledger: 259, 276
select
    tenant_id,
    cast(date_trunc('week', timestamp) as date) as week,
    model_name,
    count(*) as answers,
    round(avg(response_quality), 3) as mean_quality,
    round(count(response_quality) / count(*), 4) as scored_share,
    round(
        count(*) filter (response_quality < cast(coalesce(getvariable('low_quality'), 5) as double))
            / nullif(count(response_quality), 0),
        4
    ) as low_share,
    round(
        cast(sum(cost_usd) filter (response_quality is not null) as double)
            / nullif(count(*) filter (response_quality >= cast(coalesce(getvariable('low_quality'), 5) as double)), 0),
        6
    ) as cost_per_good_answer
from ai_requests
where status = 'completed'
group by all
order by all
