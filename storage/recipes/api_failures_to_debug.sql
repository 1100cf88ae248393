-- The newest failed requests (100, or newest), with what leads to their cause: message, trace, caller, retries.
-- Which source counts: see api_usage; the message is the event's, else that of api_error_logs.
-- usages: U-api.request_failed-4
-- ledger: 267, 276
select
    request.tenant_id,
    request.requested_at,
    request.service_name,
    request.method,
    request.endpoint,
    request.status_code,
    request.error_type,
    coalesce(request.error_message, nullif(logged.error_message, '')) as error_message,
    request.duration_ms,
    request.retry_attempt,
    coalesce(request.api_key_id, request.user_id) as caller,
    request.trace_id
from api_requests as request
left join api_error_logs as logged
    on request.tenant_id = logged.tenant_id and request.trace_id = logged.trace_id and request.span_id = logged.span_id
where request.failed
order by request.requested_at desc, request.tenant_id, request.service_name, request.endpoint, request.trace_id
limit cast(coalesce(getvariable('newest'), 100) as bigint)
