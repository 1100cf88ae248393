-- The slowest routes
select
    http_method as method,
    endpoint_path as route,
    count(*) as requests,
    round(quantile_cont(duration_ns, 0.5) / 1e6, 1) as p50_ms,
    round(quantile_cont(duration_ns, 0.95) / 1e6, 1) as p95_ms,
    count(*) filter (status_code >= 500) as errors_5xx,
    count(*) filter (slow_api) as slow
from api_performance_metrics
where ingested_at >= $since
group by all
order by p95_ms desc, requests desc
