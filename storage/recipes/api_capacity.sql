-- Capacity that the API needs, by day and service: its busiest minute, how many requests it works on at once, bytes in and out.
-- Which source counts: see api_usage. At once: the time that the minute's requests took, by the minute.
-- usages: U-api.request_received-4
-- ledger: 265, 276
with minutes as (
    select
        tenant_id,
        service_name,
        date_trunc('minute', requested_at) as minute,
        count(*) as requests,
        sum(duration_ms) / 60000 as at_once,
        sum(request_bytes) as request_bytes,
        sum(response_bytes) as response_bytes
    from api_requests
    group by all
)
select
    tenant_id,
    cast(minute as date) as day,
    service_name,
    cast(sum(requests) as bigint) as requests,
    max(requests) as most_in_a_minute,
    min(minute) filter (is_busiest) as busiest_minute,
    round(arg_min(at_once, minute) filter (is_busiest), 3) as at_once_in_busiest_minute,
    cast(coalesce(sum(request_bytes), 0) as bigint) as request_bytes,
    cast(coalesce(sum(response_bytes), 0) as bigint) as response_bytes
from (
    select *, requests = max(requests) over (partition by tenant_id, service_name, cast(minute as date)) as is_busiest
    from minutes
)
group by tenant_id, cast(minute as date), service_name
order by all
