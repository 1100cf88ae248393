-- Use of the API by day, organization and API key: requests, endpoints, share that failed.
-- Which source counts: the span of a request where there is one, else its api.request_* events, once; see the view api_requests.
-- usages: U-api.request_received-1
-- ledger: 265-267, 276
select
    tenant_id,
    cast(requested_at as date) as day,
    organization_id,
    coalesce(api_key_id, '') as api_key_id,
    count(*) as requests,
    count(distinct (method, endpoint)) as endpoints,
    round(count(*) filter (failed) / count(*), 4) as failed_share
from api_requests
group by all
order by tenant_id, day, requests desc, organization_id, api_key_id
