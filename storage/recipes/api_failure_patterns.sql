-- How requests fail, most frequent first: by endpoint, status and kind of error, with callers and the share of all so far.
-- Which source counts: see api_usage. Where no event says the kind, it follows from the status: 401 authentication, 403 authorization,
-- other 4xx validation, else server_error.
-- usages: U-api.request_failed-2, U-api.request_failed-3
-- ledger: 267, 276
with patterns as (
    select
        tenant_id,
        service_name,
        method,
        endpoint,
        coalesce(status_code, 0) as status_code,
        error_type,
        count(*) as failures,
        count(distinct coalesce(api_key_id, user_id)) as callers
    from api_requests
    where failed
    group by all
)
select
    *,
    round(
        sum(failures) over (partition by tenant_id order by failures desc, service_name, endpoint, method, status_code, error_type)
            / sum(failures) over (partition by tenant_id),
        4
    ) as share_so_far
from patterns
order by tenant_id, failures desc, service_name, endpoint, method, status_code, error_type
