-- How close API keys come to their rate limits, by day, closest first: lowest number left, requests refused with status 429.
-- Which source counts: see api_usage; what is left of a limit is said by api.request_completed only.
-- usages: U-api.request_completed-3
-- ledger: 266, 276
select
    tenant_id,
    organization_id,
    api_key_id,
    cast(requested_at as date) as day,
    count(*) as requests,
    min(rate_limit_remaining) as lowest_remaining,
    count(*) filter (status_code = 429) as refused,
    min(requested_at) filter (status_code = 429) as first_refused
from api_requests
where api_key_id is not null
group by all
order by tenant_id, refused desc, lowest_remaining nulls last, organization_id, api_key_id, day
