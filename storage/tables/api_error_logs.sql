-- Requests that failed, one row each: SERVER spans that carry an HTTP method and a status code of 400 or above or an ERROR status.
create table api_error_logs (
    id                   uuid generated always as (try_cast(md5(concat_ws('/', tenant_id, trace_id, span_id, 'api_error_logs')) as uuid)),
    error_id             uuid generated always as (try_cast(md5(concat_ws('/', tenant_id, trace_id, span_id, 'api_error')) as uuid)),
    endpoint_path        text not null default '',
    http_method          text not null,
    status_code          integer not null default 0,
    status_class         text generated always as (case when status_code >= 100 then (status_code // 100) || 'xx' end),
    error_message        text not null default '',
    error_stack          text,
    exception_type       text,
    request_body         json,
    request_headers      json,
    response_body        json,
    error_timestamp      timestamptz not null,
    duration_ns          bigint not null,
    user_id              text,
    user_role            text not null default 'anonymous',
    ip_address           text,
    user_agent           text,
    resolved             boolean generated always as (false),
    resolved_at          timestamptz generated always as (try_cast(null as timestamptz)),
    resolved_by          text generated always as (try_cast(null as text)),
    created_at           timestamptz generated always as (ingested_at),
    issue_id             uuid generated always as (case when fingerprint is not null then try_cast(md5(concat_ws('/', tenant_id, service_name, fingerprint)) as uuid) end),
    fingerprint          text,
    grouping_version     integer,
    previous_fingerprint text,
    grouping             json,
    culprit              text,
    mapped_stack         text,
    organization_id      text not null,
    service_name         text not null,
    service_version      text,
    environment          text not null,
    trace_id             text not null,
    span_id              text not null,
    dt                   date not null,
    time_suspect         boolean not null,
    ingested_at          timestamptz not null,
    tenant_id            text not null
);

comment on column api_error_logs.id is 'made from tenant, trace id and span id';
comment on column api_error_logs.error_id is 'made from tenant, trace id and span id: one failed request is one error';
comment on column api_error_logs.endpoint_path is 'http.route; else the path (url.path, http.target, that of url.full) with numbers, UUIDs, hex and long tokens replaced by {id}; else empty';
comment on column api_error_logs.http_method is 'http.request.method, else http.method';
comment on column api_error_logs.status_code is 'http.response.status_code, else http.status_code; 0 where no answer was given';
comment on column api_error_logs.status_class is '4xx, 5xx, ...; NULL where no answer was given';
comment on column api_error_logs.error_message is 'message of the span''s last exception, else exception.message of the span, else Status.message, else empty';
comment on column api_error_logs.error_stack is 'exception.stacktrace of that exception';
comment on column api_error_logs.exception_type is 'exception.type of that exception, else of the span (what a refusal was made of), else error.type';
comment on column api_error_logs.request_body is 'otelpond.http.request.body, sanitised at the source: a JSON document, else a string; sent where OTELPOND_BODIES is set';
comment on column api_error_logs.request_headers is 'http.request.header.* attributes, where a service sends them; credentials and cookies left out';
comment on column api_error_logs.response_body is 'otelpond.http.response.body, as request_body';
comment on column api_error_logs.error_timestamp is 'start of the request';
comment on column api_error_logs.duration_ns is 'nanoseconds; negative where clocks ran backwards';
comment on column api_error_logs.user_id is 'user.id, else enduser.id';
comment on column api_error_logs.user_role is 'user.role, else enduser.role, else the first of user.roles; anonymous where there is none';
comment on column api_error_logs.ip_address is 'keyed hash of client.address, else of network.peer.address';
comment on column api_error_logs.user_agent is 'user_agent.original, else http.user_agent';
comment on column api_error_logs.resolved is 'whether its issue is resolved (see issues)';
comment on column api_error_logs.resolved_at is 'since when its issue is resolved; else NULL';
comment on column api_error_logs.resolved_by is 'who resolved its issue; NULL where it is not resolved';
comment on column api_error_logs.created_at is 'when the collector accepted it';
comment on column api_error_logs.issue_id is 'the issue it belongs to: made from tenant, service and fingerprint; NULL without a fingerprint';
comment on column api_error_logs.fingerprint is '32 hex digits, equal for what is the same error: made of a rule of the configuration, else of exception.fingerprint, else of in-app frames and exception types, else of all frames, else of method, endpoint and status';
comment on column api_error_logs.grouping_version is 'version of the grouping that gave fingerprint; NULL where none did';
comment on column api_error_logs.previous_fingerprint is 'fingerprint by the version before, for 30 days after a change of version; else NULL';
comment on column api_error_logs.grouping is 'what the fingerprint is made of: {"by", "rule", "parts"}, by one of rule, attribute, in_app_frames, frames, message, request, query, type';
comment on column api_error_logs.culprit is 'function and module of the frame to blame, as `total in shop.orders`; without a stack method and endpoint';
comment on column api_error_logs.mapped_stack is 'error_stack with the sources'' places, where source maps of the release were known; else NULL';
comment on column api_error_logs.organization_id is 'organization.id of the record, else of its resource, else the tenant';
comment on column api_error_logs.service_name is 'service.name of the resource; unknown where absent';
comment on column api_error_logs.service_version is 'service.version of the resource';
comment on column api_error_logs.environment is 'deployment.environment.name of the resource, else deployment.environment; unknown where absent';
comment on column api_error_logs.trace_id is '32 lower-case hex digits';
comment on column api_error_logs.span_id is '16 lower-case hex digits';
comment on column api_error_logs.dt is 'partition: UTC date of the row''s own time, or of arrival where that time is suspect';
comment on column api_error_logs.time_suspect is 'true where the row''s own time is more than 90 days before or 1 hour after arrival, or missing';
comment on column api_error_logs.ingested_at is 'when the collector accepted the payload';
comment on column api_error_logs.tenant_id is 'whose token sent it; a sender cannot set it';

with failed as (
    select * from decoded_failed_spans
    where kind = 'SERVER' and http_request_method is not null and (http_response_status_code >= 400 or status_code = 'ERROR')
),
exception as (
    -- the last exception of a span is the one that ended it
    select span_row_id, exception_type as type, exception_message as message, exception_stacktrace as stack,
        case when contains(attributes, '"exception.fingerprint"') then json_extract(attributes, '$."exception.fingerprint"') end as fingerprint
    from decoded_span_events
    where row_id in (
        select arg_max(row_id, event_index) from decoded_span_events
        where event_name = 'exception' or exception_type is not null
        group by span_row_id
    )
)
select
    endpoint_path(s.http_route, s.url_path, s.http_target, s.url_full) as endpoint_path,
    s.http_request_method as http_method,
    coalesce(try_cast(s.http_response_status_code as integer), 0) as status_code,
    coalesce(
        nullif(e.message, ''),
        case when contains(s.attributes, '"exception.message"') then json_extract_string(s.attributes, '$."exception.message"') end,
        s.status_message,
        ''
    ) as error_message,
    nullif(e.stack, '') as error_stack,
    coalesce(
        nullif(e.type, ''),
        case when contains(s.attributes, '"exception.type"') then json_extract_string(s.attributes, '$."exception.type"') end,
        s.error_type
    ) as exception_type,
    case when contains(s.attributes, '"otelpond.http.request.body"') then
        document(json_extract_string(s.attributes, '$."otelpond.http.request.body"'))
    end as request_body,
    case when contains(s.attributes, '"http.request.header.') then
        members(s.attributes, '^http\.request\.header\.', unwanted := '(?i)authorization|cookie|token|secret|api[-_]?key')
    end as request_headers,
    case when contains(s.attributes, '"otelpond.http.response.body"') then
        document(json_extract_string(s.attributes, '$."otelpond.http.response.body"'))
    end as response_body,
    s.start_time as error_timestamp,
    s.duration_ns,
    s.user_id,
    role_of(s.user_role, s.user_roles) as user_role,
    coalesce(s.client_address, s.network_peer_address) as ip_address,
    s.user_agent_original as user_agent,
    -- grouping/ replaces these, and reads what stands in `grouping`: what the other columns do not tell it
    null as fingerprint,
    null as grouping_version,
    null as previous_fingerprint,
    json_object('language', s.telemetry_sdk_language, 'fingerprint', e.fingerprint) as grouping,
    null as culprit,
    null as mapped_stack,
    s.organization_id, s.service_name, s.service_version, s.environment, s.trace_id, s.span_id,
    s.dt, s.time_suspect, s.ingested_at, s.tenant_id
from failed s
left join exception e on e.span_row_id = s.row_id;
