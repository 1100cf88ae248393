-- How the API's speed and error rate change from day to day, by service.
-- Milliseconds; quantiles are exact. A request failed where its status is 500 or above or its span says so.
-- ledger: 183, 199-201
select
    cast(request_timestamp as date) as day,
    service_name,
    count(*) as requests,
    round(avg(duration_ns) / 1e6, 1) as average_ms,
    round(quantile_cont(duration_ns, 0.95) / 1e6, 1) as p95_ms,
    round(quantile_cont(duration_ns, 0.99) / 1e6, 1) as p99_ms,
    round(count(*) filter (slow_api) / count(*), 4) as slow_rate,
    round(count(*) filter (error) / count(*), 4) as error_rate
from api_performance_metrics
group by day, service_name
order by day, service_name
