-- Errors of the API by day and service: requests, share with a client's error (4xx) and with the server's (5xx, or no answer).
-- Which source counts: see api_usage.
-- usages: U-api.request_failed-1
-- ledger: 267, 276
select
    tenant_id,
    cast(requested_at as date) as day,
    service_name,
    count(*) as requests,
    round(count(*) filter (failed and status_code between 400 and 499) / count(*), 4) as client_error_share,
    round(count(*) filter (failed and not coalesce(status_code between 400 and 499, false)) / count(*), 4) as server_error_share
from api_requests
group by all
order by all
