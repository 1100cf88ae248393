-- The API's endpoints, most requested first: requests, share, callers (API keys, else users) and organizations.
-- Which source counts: see api_usage. Spans name the route; events name what the service sent as `endpoint`.
-- usages: U-api.request_received-2
-- ledger: 265, 276
select
    tenant_id,
    service_name,
    method,
    endpoint,
    count(*) as requests,
    round(count(*) / sum(count(*)) over (partition by tenant_id), 4) as share,
    count(distinct coalesce(api_key_id, user_id)) as callers,
    count(distinct organization_id) as organizations
from api_requests
group by tenant_id, service_name, method, endpoint
order by tenant_id, requests desc, service_name, endpoint, method
