-- Performance by role: how long the requests of each role took, how many were slow, how many failed.
-- A request failed where its status is 500 or above or its span says so. Milliseconds; quantiles are exact.
-- ledger: 211
select
    user_role,
    count(*) as requests,
    round(avg(duration_ns) / 1e6, 1) as average_ms,
    round(quantile_cont(duration_ns, 0.5) / 1e6, 1) as p50_ms,
    round(quantile_cont(duration_ns, 0.95) / 1e6, 1) as p95_ms,
    round(count(*) filter (slow_api) / count(*), 4) as slow_rate,
    round(count(*) filter (error) / count(*), 4) as error_rate
from api_performance_metrics
group by user_role
order by requests desc, user_role
