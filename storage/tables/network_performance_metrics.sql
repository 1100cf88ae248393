-- What pages load over the network, one row each: documents, scripts, stylesheets, images, fonts, requests of fetch and XMLHttpRequest.
-- Read from the events browser.resource_timing and browser.navigation_timing, and from the spans of OpenTelemetry's browser packages
-- (resourceFetch, documentFetch, requests of fetch and XMLHttpRequest). The files hold every report; the view shows a request once.
-- A browser tells the phases and sizes of another origin's resource only where that sends Timing-Allow-Origin: NULL (sizes: 0) elsewhere.
create table network_performance_metrics (
    id                     uuid generated always as (try_cast(md5(concat_ws('/', tenant_id, payload_digest, item_index, report_source, span_id, 'network_performance_metrics')) as uuid)),
    request_url            text not null default '',
    resource_type          text not null,
    transfer_size          bigint,
    encoded_size           bigint,
    decoded_size           bigint,
    duration_ms            double,
    dns_lookup_time        double,
    tcp_connection_time    double,
    tls_handshake_time     double,
    time_to_first_byte     double,
    content_download_time  double,
    redirect_time          double,
    start_ms               double,
    from_cache             boolean,
    initiator_type         text,
    http_method            text,
    status_code            integer,
    protocol               text,
    render_blocking_status text,
    timestamp              timestamptz not null,
    time_unix_nano         bigint not null,
    created_at             timestamptz generated always as (ingested_at),
    user_id                text,
    user_role              text not null default 'anonymous',
    session_id             text,
    page_load_id           text,
    page_slug              text not null default '',
    page_path              text,
    url                    text,
    user_agent             text,
    organization_id        text not null,
    service_name           text not null,
    service_version        text,
    environment            text not null,
    scope_name             text,
    trace_id               text,
    span_id                text,
    report_source          text not null,
    event_id               text,
    request_key            bigint not null,
    payload_digest         text not null,
    item_index             integer not null,
    dt                     date not null,
    time_suspect           boolean not null,
    ingested_at            timestamptz not null,
    tenant_id              text not null
);

comment on column network_performance_metrics.id is 'made from the payload''s digest and the record''s position in it';
comment on column network_performance_metrics.request_url is 'what was loaded: browser.resource_timing.url or .name, else url.full of the event (in the official package the resource''s) or span';
comment on column network_performance_metrics.resource_type is 'document, script, stylesheet, image, font, media, fetch, xmlhttprequest, beacon or other: by initiator_type, else by the ending of the URL';
comment on column network_performance_metrics.transfer_size is 'bytes over the network with headers; 0 from the cache, and where another origin does not tell';
comment on column network_performance_metrics.encoded_size is 'bytes of the body as sent (encoded_body_size), of a span http.response.body.size and its older names';
comment on column network_performance_metrics.decoded_size is 'bytes of the body once decompressed (decoded_body_size)';
comment on column network_performance_metrics.duration_ms is 'milliseconds from start to the last byte; of a document since its navigation began';
comment on column network_performance_metrics.dns_lookup_time is 'milliseconds: domain_lookup_end - domain_lookup_start; 0 where the connection was open';
comment on column network_performance_metrics.tcp_connection_time is 'milliseconds: connect_start to secure_connection_start, else to connect_end';
comment on column network_performance_metrics.tls_handshake_time is 'milliseconds: connect_end - secure_connection_start; NULL without TLS';
comment on column network_performance_metrics.time_to_first_byte is 'milliseconds of waiting: response_start - request_start';
comment on column network_performance_metrics.content_download_time is 'milliseconds: response_end - response_start';
comment on column network_performance_metrics.redirect_time is 'milliseconds: redirect_end - redirect_start; NULL without a redirect';
comment on column network_performance_metrics.start_ms is 'milliseconds since the page''s navigation began: start_time, else fetch_start; NULL of spans';
comment on column network_performance_metrics.from_cache is 'true where a body came and nothing was transferred; NULL where sizes are not known';
comment on column network_performance_metrics.initiator_type is 'what asked for it, as the browser says: script, link, css, img, fetch, xmlhttprequest, navigation, ...';
comment on column network_performance_metrics.http_method is 'http.request.method, else http.method, of a request''s span';
comment on column network_performance_metrics.status_code is 'browser.resource_timing.response_status, of a span http.response.status_code; NULL where there was no answer or it is not told';
comment on column network_performance_metrics.protocol is 'next_hop_protocol: http/1.1, h2, h3';
comment on column network_performance_metrics.render_blocking_status is 'blocking or non-blocking';
comment on column network_performance_metrics.timestamp is 'when it began, of a span; of an event the event''s time, which the official packages set when they report';
comment on column network_performance_metrics.time_unix_nano is 'the same in nanoseconds since 1970';
comment on column network_performance_metrics.created_at is 'when the collector accepted it';
comment on column network_performance_metrics.user_id is 'user.id, else enduser.id';
comment on column network_performance_metrics.user_role is 'user.role, else enduser.role, else the first of user.roles; anonymous where there is none';
comment on column network_performance_metrics.session_id is 'session.id';
comment on column network_performance_metrics.page_load_id is 'browser.page_load.id, else the id of the documentLoad span above: joins frontend_performance_metrics; NULL where the packages give none';
comment on column network_performance_metrics.page_slug is 'as in events: page_slug, else page.slug, else of the map page_slugs, else the template of the page''s path; empty where no page is known';
comment on column network_performance_metrics.page_path is 'page_path without query and fragment, else the path of url';
comment on column network_performance_metrics.url is 'the page: browser.document.url.full, else url.full where that is not the resource''s';
comment on column network_performance_metrics.user_agent is 'user_agent.original, else http.user_agent';
comment on column network_performance_metrics.organization_id is 'organization.id of the record, else of its resource, else the tenant';
comment on column network_performance_metrics.service_name is 'service.name of the resource; unknown where absent';
comment on column network_performance_metrics.service_version is 'service.version of the resource';
comment on column network_performance_metrics.environment is 'deployment.environment.name of the resource, else deployment.environment; unknown where absent';
comment on column network_performance_metrics.scope_name is 'name of the instrumentation scope: who reported it, where two packages report the same';
comment on column network_performance_metrics.trace_id is '32 lower-case hex digits: the request''s trace, which its answer''s API row has too; NULL where an event has none';
comment on column network_performance_metrics.span_id is '16 lower-case hex digits: the request''s span, parent of the answer''s; NULL where an event has none';
comment on column network_performance_metrics.report_source is 'who reported it: resource_timing, navigation_timing (events), document_fetch, resource_fetch or request (spans)';
comment on column network_performance_metrics.event_id is 'log.record.uid of the event';
comment on column network_performance_metrics.request_key is 'equal for reports that may be of the same request: 63 bits of md5 of tenant, span and URL, else of tenant and event_id, else of what is told';
comment on column network_performance_metrics.payload_digest is 'xxh3-128 of tenant, signal and payload, 32 hex digits';
comment on column network_performance_metrics.item_index is 'position among the payload''s items, from 0';
comment on column network_performance_metrics.dt is 'partition: UTC date of the row''s own time, or of arrival where that time is suspect';
comment on column network_performance_metrics.time_suspect is 'true where the row''s own time is more than 90 days before or 1 hour after arrival, or missing';
comment on column network_performance_metrics.ingested_at is 'when the collector accepted the payload';
comment on column network_performance_metrics.tenant_id is 'whose token sent it; a sender cannot set it';

with entry as (
    select
        record.*,
        event.page_slug as told_slug,
        performance_entry(record.attributes) as e,
        json_extract_string(record.attributes, '$."browser.document.url.full"') as document_url,
        record.event_name = 'browser.navigation_timing' as is_document
    from decoded_browser_records record
    left join decoded_browser_events event on event.row_id = record.row_id
    where record.event_name in ('browser.resource_timing', 'browser.resource.timing', 'browser.navigation_timing')
),
moment as (
    select
        span_row_id,
        min(case when event_name = 'domainLookupStart' then event_time_unix_nano / 1e6 end) as domain_lookup_start,
        min(case when event_name = 'domainLookupEnd' then event_time_unix_nano / 1e6 end) as domain_lookup_end,
        min(case when event_name = 'connectStart' then event_time_unix_nano / 1e6 end) as connect_start,
        min(case when event_name = 'secureConnectionStart' then event_time_unix_nano / 1e6 end) as secure_connection_start,
        min(case when event_name = 'connectEnd' then event_time_unix_nano / 1e6 end) as connect_end,
        min(case when event_name = 'requestStart' then event_time_unix_nano / 1e6 end) as request_start,
        min(case when event_name = 'responseStart' then event_time_unix_nano / 1e6 end) as response_start,
        min(case when event_name = 'responseEnd' then event_time_unix_nano / 1e6 end) as response_end
    from decoded_browser_span_events
    group by span_row_id
),
report as (
    select
        case when is_document then 'navigation_timing' else 'resource_timing' end as report_source,
        coalesce(e._url, e._name, url_full, '') as request_url,
        coalesce(e._initiator_type, case when is_document then 'navigation' end) as initiator_type,
        case when is_document then 'document' else resource_type(initiator_type, request_url) end as resource_type,
        case when e._transfer_size >= 0 then e._transfer_size end as transfer_size,
        case when e._encoded_body_size >= 0 then e._encoded_body_size end as encoded_size,
        case when e._decoded_body_size >= 0 then e._decoded_body_size end as decoded_size,
        coalesce(
            case
                when is_document then round(happened_at(e._response_end) - coalesce(e._start_time, 0), 3)
                when e._duration >= 0 then e._duration
            end,
            elapsed_ms(e._fetch_start, e._response_end)
        ) as duration_ms,
        e._domain_lookup_start as domain_lookup_start, e._domain_lookup_end as domain_lookup_end,
        e._connect_start as connect_start, e._secure_connection_start as secure_connection_start, e._connect_end as connect_end,
        e._request_start as request_start, e._response_start as response_start, e._response_end as response_end,
        elapsed_ms(e._redirect_start, e._redirect_end) as redirect_time,
        coalesce(e._start_time, nullif(e._redirect_start, 0), e._fetch_start) as start_ms,
        try_cast(null as text) as http_method,
        nullif(e._response_status, 0) as status_code,
        nullif(e._next_hop_protocol, '') as protocol,
        e._render_blocking_status as render_blocking_status,
        json_extract_string(attributes, '$."browser.page_load.id"') as page_load_id,
        coalesce(document_url, case when is_document or coalesce(e._url, e._name) is not null then url_full end) as url,
        log_record_uid as event_id,
        -- an event whose url.full is the resource's names no page by it
        case when is_document or contains(attributes, '"page_path"') or contains(attributes, '"page_slug"') then told_slug end as told_slug,
        timestamp, time_unix_nano, attributes, user_id, user_role, user_roles, session_id, user_agent_original, organization_id,
        service_name, service_version, environment, scope_name, trace_id, span_id, payload_digest, item_index, dt, time_suspect,
        ingested_at, tenant_id
    from entry
    union all by name
    select
        case s.name when 'resourceFetch' then 'resource_fetch' when 'documentFetch' then 'document_fetch' else 'request' end as report_source,
        coalesce(s.url_full, '') as request_url,
        case
            when s.name = 'documentFetch' then 'navigation'
            when s.name = 'resourceFetch' then null
            when s.scope_name like '%xml-http-request' or s.scope_name like '%/xhr' then 'xmlhttprequest'
            else 'fetch'
        end as initiator_type,
        resource_type(initiator_type, request_url) as resource_type,
        s.http_response_body_size as encoded_size,
        coalesce(
            try_cast(json_extract_string(s.attributes, '$."http.response_content_length_uncompressed"') as bigint),
            s.http_response_body_size
        ) as decoded_size,
        case when s.duration_ns >= 0 then round(s.duration_ns / 1e6, 3) end as duration_ms,
        moment.* exclude (span_row_id),
        s.http_request_method as http_method,
        try_cast(nullif(s.http_response_status_code, 0) as integer) as status_code,
        case when s.name in ('documentFetch', 'resourceFetch') then s.parent_span_id end as page_load_id,
        coalesce(
            json_extract_string(s.attributes, '$."browser.document.url.full"'), case when s.name = 'documentFetch' then s.url_full end
        ) as url,
        s.start_time as timestamp, s.start_time_unix_nano as time_unix_nano, s.attributes, s.user_id, s.user_role, s.user_roles,
        s.session_id, s.user_agent_original, s.organization_id, s.service_name, s.service_version, s.environment, s.scope_name,
        s.trace_id, s.span_id, s.payload_digest, s.item_index, s.dt, s.time_suspect, s.ingested_at, s.tenant_id
    from decoded_browser_spans s
    left join moment on moment.span_row_id = s.row_id
    where s.name in ('documentFetch', 'resourceFetch') or (s.kind = 'CLIENT' and s.http_request_method is not null)
),
placed as (
    select
        *,
        coalesce(case when contains(attributes, '"page_path"') then plain_path(json_extract_string(attributes, '$."page_path"')) end, url_path(url))
            as page_path,
        initiator_type in ('fetch', 'xmlhttprequest') and span_id is not null as is_request,
        -- a handshake lies within its connection; a span over plain HTTP has it at the origin of times
        case when secure_connection_start >= connect_start then secure_connection_start end as handshake_start
    from report
)
select
    request_url, resource_type, transfer_size, encoded_size, decoded_size, duration_ms,
    elapsed_ms(domain_lookup_start, domain_lookup_end) as dns_lookup_time,
    elapsed_ms(connect_start, coalesce(nullif(handshake_start, 0), connect_end)) as tcp_connection_time,
    elapsed_ms(handshake_start, connect_end) as tls_handshake_time,
    elapsed_ms(request_start, response_start) as time_to_first_byte,
    elapsed_ms(response_start, response_end) as content_download_time,
    redirect_time, start_ms,
    case when transfer_size > 0 then false when transfer_size = 0 and decoded_size > 0 then true end as from_cache,
    initiator_type, http_method, status_code, protocol, render_blocking_status, timestamp, time_unix_nano,
    user_id,
    role_of(user_role, user_roles) as user_role,
    session_id, page_load_id,
    coalesce(told_slug, page_slug_of(attributes, page_path)) as page_slug,
    page_path, url,
    user_agent_original as user_agent,
    organization_id, service_name, service_version, environment, scope_name, trace_id, span_id, report_source, event_id,
    try_cast(md5_number_lower(concat_ws('/', tenant_id,
        case
            when is_request then concat_ws('/', trace_id, span_id, split_part(request_url, '#', 1))
            when event_id is not null then concat_ws('/', 'event', event_id)
            when session_id is not null then concat_ws('/', 'told', session_id, page_load_id, time_unix_nano, start_ms, request_url)
            else concat_ws('/', 'record', payload_digest, item_index, report_source)
        end
    )) >> 1 as bigint) as request_key,
    payload_digest, item_index, dt, time_suspect, ingested_at, tenant_id
from placed;
