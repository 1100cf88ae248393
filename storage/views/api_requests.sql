-- API requests, one row each, whoever tells of them.
-- The span counts where there is one (api_performance_metrics): api.request_* events of the same tenant, service and trace only add to
-- it what spans do not say (the API key, the rest of its rate limit, the kind of error). Of several spans of a trace, an event adds to the
-- one with its span_id, else to the only one with its endpoint and method, else to the only one, and to none where that leaves several.
-- Where a service sends no spans, a request is its api.request_completed or api.request_failed event, once per request_id where they
-- carry one; an api.request_received counts only where no such event of the same key, endpoint and method follows within five minutes.
-- failed: a status code of 400 or above, no answer, or an api.request_failed event.
with parsed as (
    select
        *,
        json_transform(properties, '{
            "request_id": "text", "api_key_id": "text", "endpoint": "text", "method": "text", "response_status": "integer",
            "processing_time": "double", "request_size": "bigint", "response_size": "bigint", "rate_limit_remaining": "bigint",
            "error_type": "text", "error_message": "text", "retry_attempt": "integer", "ip_address": "text", "user_agent": "text"
        }') as said
    from events
    where event_name in ('api.request_received', 'api.request_completed', 'api.request_failed')
),
told as (
    select
        tenant_id, organization_id, service_name, environment, event_id, event_name, timestamp, dt, trace_id, span_id, user_id,
        nullif(said.request_id, '') as request_id,
        said.api_key_id,
        coalesce(said.endpoint, '') as endpoint,
        coalesce(said.method, '') as method,
        said.response_status as status_code,
        said.processing_time as duration_ms,
        said.request_size as request_bytes,
        said.response_size as response_bytes,
        said.rate_limit_remaining,
        said.error_type,
        said.error_message,
        coalesce(said.retry_attempt, 0) as retry_attempt,
        coalesce(ip_address, said.ip_address) as ip_address,
        coalesce(user_agent, said.user_agent) as user_agent
    from parsed
),
placed as (
    select
        told.*,
        span.span_id as of_span,
        case when told.span_id = span.span_id then 1 when endpoint = endpoint_path and method = http_method then 2 else 3 end as nearness
    from told
    join api_performance_metrics as span using (tenant_id, trace_id, service_name)
    window event as (partition by told.tenant_id, event_id)
    qualify nearness = min(nearness) over event
        and (nearness = 1 or count(*) over (partition by told.tenant_id, event_id, nearness) = 1)
),
beside_spans as (
    select
        tenant_id, trace_id, service_name, of_span as span_id,
        any_value(api_key_id) as api_key_id,
        min(rate_limit_remaining) as rate_limit_remaining,
        any_value(error_type) as error_type,
        any_value(error_message) as error_message,
        max(retry_attempt) as retry_attempt
    from placed
    group by all
),
alone as (
    select * from told
    anti join api_performance_metrics using (tenant_id, trace_id, service_name)
),
followed as (
    select received.tenant_id, received.event_id
    from (select * from alone where event_name = 'api.request_received') as received
    asof join (select *, coalesce(api_key_id, '') as of_key from alone where event_name <> 'api.request_received') as ended
        on received.tenant_id = ended.tenant_id and received.organization_id = ended.organization_id
        and received.service_name = ended.service_name and received.endpoint = ended.endpoint and received.method = ended.method
        and coalesce(received.api_key_id, '') = ended.of_key and received.timestamp <= ended.timestamp
    where ended.timestamp <= received.timestamp + interval 5 minute
),
put_together as (
    -- the parts of one request: those that share a request_id
    select
        tenant_id,
        coalesce(request_id, event_id) as request,
        arg_min(organization_id, timestamp) as organization_id,
        arg_min(service_name, timestamp) as service_name,
        arg_min(environment, timestamp) as environment,
        arg_min(endpoint, timestamp) as endpoint,
        arg_min(method, timestamp) as method,
        min(timestamp) filter (event_name = 'api.request_received') as received_at,
        min(timestamp) filter (event_name <> 'api.request_received') as ended_at,
        arg_min(duration_ms, timestamp) as duration_ms,
        arg_min(status_code, timestamp) as status_code,
        bool_or(event_name = 'api.request_failed' or coalesce(status_code >= 400, false)) as failed,
        arg_min(request_bytes, timestamp) as request_bytes,
        arg_min(response_bytes, timestamp) as response_bytes,
        arg_min(api_key_id, timestamp) as api_key_id,
        min(rate_limit_remaining) as rate_limit_remaining,
        arg_min(error_type, timestamp) as error_type,
        arg_min(error_message, timestamp) as error_message,
        max(retry_attempt) as retry_attempt,
        arg_min(user_id, timestamp) as user_id,
        arg_min(ip_address, timestamp) as ip_address,
        arg_min(user_agent, timestamp) as user_agent,
        arg_min(trace_id, timestamp) as trace_id,
        min(dt) as dt
    from alone
    where request_id is not null or not exists (
        from followed where followed.tenant_id = alone.tenant_id and followed.event_id = alone.event_id
    )
    group by all
),
requests as (
    select
        tenant_id, organization_id, service_name, environment, 'event' as source, endpoint, method,
        coalesce(received_at, ended_at - to_milliseconds(coalesce(duration_ms, 0))) as requested_at,
        duration_ms, status_code, failed, request_bytes, response_bytes, api_key_id, rate_limit_remaining, error_type, error_message,
        retry_attempt, user_id, ip_address, user_agent, trace_id, try_cast(null as text) as span_id, dt
    from put_together
    union all
    select
        tenant_id, organization_id, service_name, environment, 'span', endpoint_path, http_method,
        request_timestamp,
        duration_ns / 1e6, nullif(status_code, 0), error or status_code >= 400 or status_code = 0,
        request_size_bytes, response_size_bytes, api_key_id, rate_limit_remaining, error_type, error_message,
        coalesce(retry_attempt, 0), user_id, ip_address, user_agent, trace_id, span_id, dt
    from api_performance_metrics
    left join beside_spans using (tenant_id, trace_id, service_name, span_id)
)
select * replace (
    case when failed then coalesce(error_type, case
        when status_code = 401 then 'authentication'
        when status_code = 403 then 'authorization'
        when status_code between 400 and 499 then 'validation'
        else 'server_error'
    end) end as error_type
)
from requests
