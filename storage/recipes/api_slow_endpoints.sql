-- Endpoints that are slow, by the time they cost: requests slower than slow_ms (500), their share, all seconds beyond it.
-- Which source counts: see api_usage. Requests that failed are slow ones too: somebody waited.
-- usages: U-api.request_completed-4
-- ledger: 266, 276
with timed as (
    select *, duration_ms - cast(coalesce(getvariable('slow_ms'), 500) as double) as beyond_ms
    from api_requests
    where duration_ms is not null
)
select
    tenant_id,
    service_name,
    method,
    endpoint,
    count(*) as requests,
    count(*) filter (beyond_ms > 0) as slow_requests,
    round(count(*) filter (beyond_ms > 0) / count(*), 4) as slow_share,
    round(sum(beyond_ms) filter (beyond_ms > 0) / 1000, 3) as seconds_beyond
from timed
group by all
having slow_requests > 0
order by tenant_id, seconds_beyond desc, service_name, endpoint, method
