-- How quickly the API answers, and how often it fails: average, P50, P95 and P99 of each route, the slowest first.
-- Milliseconds; quantiles are exact. A request failed where its status is 500 or above or its span says so; the 4xx are told apart.
-- Apdex: the share that took up to 500 ms, plus half of the share that took up to four times as long; failed requests count as none.
-- ledger: 183, 199-201
select
    http_method,
    endpoint_path,
    count(*) as requests,
    round(avg(duration_ns) / 1e6, 1) as average_ms,
    round(quantile_cont(duration_ns, 0.5) / 1e6, 1) as p50_ms,
    round(quantile_cont(duration_ns, 0.95) / 1e6, 1) as p95_ms,
    round(quantile_cont(duration_ns, 0.99) / 1e6, 1) as p99_ms,
    round(count(*) filter (error) / count(*), 4) as error_rate,
    round(count(*) filter (status_code between 400 and 499) / count(*), 4) as refused_rate,
    round((count(*) filter (not error and duration_ns <= threshold_ns)
        + count(*) filter (not error and duration_ns > threshold_ns and duration_ns <= 4 * threshold_ns) / 2) / count(*), 2) as apdex
from api_performance_metrics
cross join (select cast(coalesce(getvariable('apdex_ms'), 500) as bigint) * 1000000 as threshold_ns)
group by http_method, endpoint_path
order by p95_ms desc, requests desc, endpoint_path
