-- How clients use the API, busiest first: by user agent, requests, API keys, endpoints, share that failed, share that are retries.
-- Which source counts: see api_usage. Retries are known from api.request_failed's retry_attempt only.
-- usages: U-api.request_received-3
-- ledger: 265, 276
select
    tenant_id,
    coalesce(user_agent, 'unknown') as user_agent,
    count(*) as requests,
    count(distinct api_key_id) as api_keys,
    count(distinct (method, endpoint)) as endpoints,
    round(count(*) filter (failed) / count(*), 4) as failed_share,
    round(count(*) filter (retry_attempt > 0) / count(*), 4) as retry_share,
    max(requested_at) as last_request
from api_requests
group by all
order by tenant_id, requests desc, user_agent
