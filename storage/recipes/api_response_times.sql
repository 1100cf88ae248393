-- Response times of the API by endpoint, slowest first: median, 95th and 99th percentile in milliseconds, of requests that did not fail.
-- Which source counts: see api_usage. Requests that do not say how long they took count for no time.
-- usages: U-api.request_completed-1, U-api.request_completed-2
-- ledger: 266, 276
select
    tenant_id,
    service_name,
    method,
    endpoint,
    count(*) as requests,
    round(avg(duration_ms), 3) as mean_ms,
    round(median(duration_ms), 3) as median_ms,
    round(quantile_cont(duration_ms, 0.95), 3) as p95_ms,
    round(quantile_cont(duration_ms, 0.99), 3) as p99_ms
from api_requests
where not failed
group by all
order by tenant_id, p95_ms desc nulls last, service_name, endpoint, method
