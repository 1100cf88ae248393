-- Requests that a service answered, one row each: SERVER spans that carry an HTTP method.
create table api_performance_metrics (
    id                  uuid generated always as (try_cast(md5(concat_ws('/', tenant_id, trace_id, span_id, 'api_performance_metrics')) as uuid)),
    endpoint_path       text not null default '',
    http_method         text not null,
    request_timestamp   timestamptz not null,
    response_time_ms    integer not null,
    duration_ns         bigint not null,
    status_code         integer not null default 0,
    slow_api            boolean not null default false,
    error               boolean not null default false,
    request_size_bytes  integer,
    response_size_bytes integer,
    user_id             text,
    user_role           text not null default 'anonymous',
    ip_address          text,
    user_agent          text,
    created_at          timestamptz generated always as (ingested_at),
    organization_id     text not null,
    service_name        text not null,
    service_version     text,
    environment         text not null,
    trace_id            text not null,
    span_id             text not null,
    dt                  date not null,
    time_suspect        boolean not null,
    ingested_at         timestamptz not null,
    tenant_id           text not null
);

comment on column api_performance_metrics.id is 'made from tenant, trace id and span id';
comment on column api_performance_metrics.endpoint_path is 'http.route; else the path (url.path, http.target, that of url.full) with numbers, UUIDs, hex and long tokens replaced by {id}; else empty';
comment on column api_performance_metrics.http_method is 'http.request.method, else http.method';
comment on column api_performance_metrics.request_timestamp is 'start of the request';
comment on column api_performance_metrics.response_time_ms is 'milliseconds, rounded; see duration_ns';
comment on column api_performance_metrics.duration_ns is 'nanoseconds; negative where clocks ran backwards';
comment on column api_performance_metrics.status_code is 'http.response.status_code, else http.status_code; 0 where no answer was given';
comment on column api_performance_metrics.slow_api is 'true where it took longer than slow_api_threshold_ms (500 unless set)';
comment on column api_performance_metrics.error is 'true where the status code is 500 or above, or the span''s status is ERROR';
comment on column api_performance_metrics.request_size_bytes is 'http.request.body.size and its older names; NULL above 2147483647';
comment on column api_performance_metrics.response_size_bytes is 'http.response.body.size and its older names; NULL above 2147483647';
comment on column api_performance_metrics.user_id is 'user.id, else enduser.id';
comment on column api_performance_metrics.user_role is 'user.role, else enduser.role, else the first of user.roles; anonymous where there is none';
comment on column api_performance_metrics.ip_address is 'keyed hash of client.address, else of network.peer.address';
comment on column api_performance_metrics.user_agent is 'user_agent.original, else http.user_agent';
comment on column api_performance_metrics.created_at is 'when the collector accepted it';
comment on column api_performance_metrics.organization_id is 'organization.id of the record, else of its resource, else the tenant';
comment on column api_performance_metrics.service_name is 'service.name of the resource; unknown where absent';
comment on column api_performance_metrics.service_version is 'service.version of the resource';
comment on column api_performance_metrics.environment is 'deployment.environment.name of the resource, else deployment.environment; unknown where absent';
comment on column api_performance_metrics.trace_id is '32 lower-case hex digits';
comment on column api_performance_metrics.span_id is '16 lower-case hex digits';
comment on column api_performance_metrics.dt is 'partition: UTC date of the row''s own time, or of arrival where that time is suspect';
comment on column api_performance_metrics.time_suspect is 'true where the row''s own time is more than 90 days before or 1 hour after arrival, or missing';
comment on column api_performance_metrics.ingested_at is 'when the collector accepted the payload';
comment on column api_performance_metrics.tenant_id is 'whose token sent it; a sender cannot set it';

select
    endpoint_path(http_route, url_path, http_target, url_full) as endpoint_path,
    http_request_method as http_method,
    start_time as request_timestamp,
    whole_ms(duration_ns) as response_time_ms,
    duration_ns,
    coalesce(try_cast(http_response_status_code as integer), 0) as status_code,
    duration_ns > getvariable('slow_api_ms') * 1000000 as slow_api,
    coalesce(http_response_status_code >= 500, false) or decoded_spans.status_code = 'ERROR' as error,
    try_cast(http_request_body_size as integer) as request_size_bytes,
    try_cast(http_response_body_size as integer) as response_size_bytes,
    user_id,
    role_of(user_role, user_roles) as user_role,
    coalesce(client_address, network_peer_address) as ip_address,
    user_agent_original as user_agent,
    organization_id, service_name, service_version, environment, trace_id, span_id, dt, time_suspect, ingested_at, tenant_id
from decoded_spans
where kind = 'SERVER' and http_request_method is not null;
