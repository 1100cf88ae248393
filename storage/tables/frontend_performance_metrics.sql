-- How fast pages load, one row a page load. The files hold one row a report; the view puts the reports of one page load together.
-- Reports are the events browser.web_vital, browser.navigation_timing and browser.long_task, and the spans of OpenTelemetry's older browser
-- packages: documentLoad, documentFetch and longtask. Times are milliseconds since the navigation began (of documentLoad spans, since its
-- document was fetched).
create table frontend_performance_metrics (
    id                        uuid generated always as (try_cast(md5(concat_ws('/', tenant_id, payload_digest, item_index, report_source, span_id, 'frontend_performance_metrics')) as uuid)),
    user_id                   text,
    user_role                 text not null default 'anonymous',
    session_id                text not null default '',
    page_slug                 text not null default '',
    page_load_time            integer,
    time_to_first_byte        integer,
    first_contentful_paint    integer,
    largest_contentful_paint  integer,
    cumulative_layout_shift   decimal(10,4),
    first_input_delay         integer,
    interaction_to_next_paint integer,
    time_to_interactive       integer,
    first_paint               integer,
    dom_interactive           integer,
    dom_content_loaded        integer,
    window_load               integer,
    javascript_execution_time integer generated always as (try_cast(round(long_task_ms) as integer)),
    resource_load_times       json generated always as (try_cast(null as json)),
    timestamp                 timestamptz not null,
    time_unix_nano            bigint not null,
    created_at                timestamptz generated always as (ingested_at),
    page_load_id              text,
    page_path                 text,
    url                       text,
    navigation_type           text,
    user_agent                text,
    organization_id           text not null,
    service_name              text not null,
    service_version           text,
    environment               text not null,
    scope_name                text,
    trace_id                  text,
    span_id                   text,
    report_source             text not null,
    long_task_ms              double,
    page_start_unix_nano      bigint,
    payload_digest            text not null,
    item_index                integer not null,
    dt                        date not null,
    time_suspect              boolean not null,
    ingested_at               timestamptz not null,
    tenant_id                 text not null
);

comment on column frontend_performance_metrics.id is 'made from tenant and page load; of a report from its payload''s digest and position';
comment on column frontend_performance_metrics.user_id is 'user.id, else enduser.id';
comment on column frontend_performance_metrics.user_role is 'user.role, else enduser.role, else the first of user.roles; anonymous where there is none';
comment on column frontend_performance_metrics.session_id is 'session.id; empty where there is none';
comment on column frontend_performance_metrics.page_slug is 'as in events: page_slug, else page.slug, else of the map page_slugs, else the template of the page''s path; empty where no page is known';
comment on column frontend_performance_metrics.page_load_time is 'milliseconds until the load event was over: load_event_end, of a documentLoad span its duration';
comment on column frontend_performance_metrics.time_to_first_byte is 'milliseconds until the document''s first byte (TTFB): browser.web_vital ttfb, else response_start, else responseStart of the documentFetch span';
comment on column frontend_performance_metrics.first_contentful_paint is 'milliseconds (FCP): browser.web_vital fcp, else firstContentfulPaint of the documentLoad span';
comment on column frontend_performance_metrics.largest_contentful_paint is 'milliseconds (LCP): browser.web_vital lcp, else largestContentfulPaint of the documentLoad span; good up to 2500, poor over 4000';
comment on column frontend_performance_metrics.cumulative_layout_shift is 'a score without unit (CLS), the page''s largest: browser.web_vital cls; good up to 0.1, poor over 0.25';
comment on column frontend_performance_metrics.first_input_delay is 'milliseconds (FID): browser.web_vital fid, which browsers'' libraries no longer send: see interaction_to_next_paint';
comment on column frontend_performance_metrics.interaction_to_next_paint is 'milliseconds (INP), the page''s longest: browser.web_vital inp; good up to 200, poor over 500';
comment on column frontend_performance_metrics.time_to_interactive is 'milliseconds (TTI): browser.web_vital tti, where somebody sends it; browsers do not measure it';
comment on column frontend_performance_metrics.first_paint is 'milliseconds: firstPaint of the documentLoad span';
comment on column frontend_performance_metrics.dom_interactive is 'milliseconds until the document was parsed: dom_interactive';
comment on column frontend_performance_metrics.dom_content_loaded is 'milliseconds until the event DOMContentLoaded: dom_content_loaded_event_start';
comment on column frontend_performance_metrics.window_load is 'milliseconds until the event load of the window: load_event_start';
comment on column frontend_performance_metrics.javascript_execution_time is 'milliseconds in tasks of 50 ms and more (browser.long_task, longtask spans), over the life of the page';
comment on column frontend_performance_metrics.resource_load_times is 'array of {url, type, start_ms, duration_ms, transfer_size}, in the order of their start: the rows of network_performance_metrics with this page_load_id; the view puts them together';
comment on column frontend_performance_metrics.timestamp is 'when the navigation began, where that is known, else the first report of it';
comment on column frontend_performance_metrics.time_unix_nano is 'the same in nanoseconds since 1970';
comment on column frontend_performance_metrics.created_at is 'when the collector accepted it';
comment on column frontend_performance_metrics.page_load_id is 'browser.page_load.id, else the id of the documentLoad span; NULL where the packages give none: the view then goes by session and time';
comment on column frontend_performance_metrics.page_path is 'page_path without query and fragment, else the path of url';
comment on column frontend_performance_metrics.url is 'the page: browser.document.url.full, else url.full';
comment on column frontend_performance_metrics.navigation_type is 'navigate, reload, back-forward, back-forward-cache, prerender, restore: browser.navigation_timing.type, else browser.web_vital.navigation_type';
comment on column frontend_performance_metrics.user_agent is 'user_agent.original, else http.user_agent';
comment on column frontend_performance_metrics.organization_id is 'organization.id of the record, else of its resource, else the tenant';
comment on column frontend_performance_metrics.service_name is 'service.name of the resource; unknown where absent';
comment on column frontend_performance_metrics.service_version is 'service.version of the resource';
comment on column frontend_performance_metrics.environment is 'deployment.environment.name of the resource, else deployment.environment; unknown where absent';
comment on column frontend_performance_metrics.scope_name is 'name of the instrumentation scope';
comment on column frontend_performance_metrics.trace_id is '32 lower-case hex digits; NULL where an event has none';
comment on column frontend_performance_metrics.span_id is '16 lower-case hex digits; NULL where an event has none';
comment on column frontend_performance_metrics.report_source is 'who reported it: web_vital, navigation_timing, long_task (events), document_load, document_fetch or long_task_span; of a page load all of them, by name';
comment on column frontend_performance_metrics.long_task_ms is 'milliseconds of one long task, of a page load of all of them';
comment on column frontend_performance_metrics.page_start_unix_nano is 'when the navigation began, in nanoseconds since 1970, as far as a report without page_load_id tells: its time less its value, or less load_event_end';
comment on column frontend_performance_metrics.payload_digest is 'xxh3-128 of tenant, signal and payload, 32 hex digits';
comment on column frontend_performance_metrics.item_index is 'position among the payload''s items, from 0';
comment on column frontend_performance_metrics.dt is 'partition: UTC date of the row''s own time, or of arrival where that time is suspect';
comment on column frontend_performance_metrics.time_suspect is 'true where the row''s own time is more than 90 days before or 1 hour after arrival, or missing';
comment on column frontend_performance_metrics.ingested_at is 'when the collector accepted the payload';
comment on column frontend_performance_metrics.tenant_id is 'whose token sent it; a sender cannot set it';

with told as (
    select
        record.*,
        event.page_slug as told_slug,
        -- before log records had names the values stood in the body
        case when record.event_name = 'browser.web_vital' then
            from_json(
                case when record.body_type = 'kvlist' and not coalesce(contains(record.attributes, '"browser.web_vital.value"'), false)
                    then replace(replace(record.body, '"name"', '"browser.web_vital.name"'), '"value"', '"browser.web_vital.value"')
                    else record.attributes
                end,
                '{"browser.web_vital.name": "VARCHAR", "browser.web_vital.value": "DOUBLE", "browser.web_vital.navigation_type": "VARCHAR"}'
            )
        end as v,
        lower(struct_extract(v, 'browser.web_vital.name')) as vital,
        struct_extract(v, 'browser.web_vital.value') as value,
        case when record.event_name <> 'browser.web_vital' then performance_entry(record.attributes) end as e,
        nullif(json_extract_string(record.attributes, '$."browser.page_load.id"'), '') as given_page_load_id
    from decoded_browser_records record
    left join decoded_browser_events event on event.row_id = record.row_id
    where record.event_name in ('browser.web_vital', 'browser.navigation_timing', 'browser.long_task')
),
moment as (
    select
        span_row_id,
        min(case when event_name = 'firstPaint' then event_time_unix_nano end) as first_paint,
        min(case when event_name = 'firstContentfulPaint' then event_time_unix_nano end) as first_contentful_paint,
        min(case when event_name = 'largestContentfulPaint' then event_time_unix_nano end) as largest_contentful_paint,
        min(case when event_name = 'responseStart' then event_time_unix_nano end) as response_start,
        min(case when event_name = 'domInteractive' then event_time_unix_nano end) as dom_interactive,
        min(case when event_name = 'domContentLoadedEventStart' then event_time_unix_nano end) as dom_content_loaded,
        min(case when event_name = 'loadEventStart' then event_time_unix_nano end) as window_load
    from decoded_browser_span_events
    group by span_row_id
),
report as (
    select
        substr(event_name, 9) as report_source,
        coalesce(case when vital = 'ttfb' then value end, happened_at(e._response_start)) as time_to_first_byte,
        case when vital = 'fcp' then value end as first_contentful_paint,
        case when vital = 'lcp' then value end as largest_contentful_paint,
        case when vital = 'cls' then value end as cumulative_layout_shift,
        case when vital = 'fid' then value end as first_input_delay,
        case when vital = 'inp' then value end as interaction_to_next_paint,
        case when vital = 'tti' then value end as time_to_interactive,
        happened_at(e._load_event_end) as page_load_time,
        happened_at(e._dom_interactive) as dom_interactive,
        happened_at(e._dom_content_loaded_event_start) as dom_content_loaded,
        happened_at(e._load_event_start) as window_load,
        case when event_name = 'browser.long_task' and e._duration >= 0 then e._duration end as long_task_ms,
        coalesce(replace(e._type, '_', '-'), struct_extract(v, 'browser.web_vital.navigation_type')) as navigation_type,
        given_page_load_id as page_load_id,
        -- the time of ttfb and fcp is the moment that they tell, that of navigation timing shortly after the load
        case when given_page_load_id is null then case when vital in ('ttfb', 'fcp') then value else page_load_time end end as after_start_ms,
        coalesce(json_extract_string(attributes, '$."browser.document.url.full"'), url_full) as url,
        told_slug, timestamp, time_unix_nano, attributes, user_id, user_role, user_roles, session_id, user_agent_original,
        organization_id, service_name, service_version, environment, scope_name, trace_id, span_id, payload_digest, item_index, dt,
        time_suspect, ingested_at, tenant_id
    from told
    where e is not null or (value is not null and vital in ('cls', 'fcp', 'fid', 'inp', 'lcp', 'tti', 'ttfb'))
    union all by name
    select
        case s.name when 'documentLoad' then 'document_load' when 'documentFetch' then 'document_fetch' else 'long_task_span' end
            as report_source,
        (moment.response_start - s.start_time_unix_nano) / 1e6 as time_to_first_byte,
        (moment.first_contentful_paint - s.start_time_unix_nano) / 1e6 as first_contentful_paint,
        (moment.largest_contentful_paint - s.start_time_unix_nano) / 1e6 as largest_contentful_paint,
        (moment.first_paint - s.start_time_unix_nano) / 1e6 as first_paint,
        (moment.dom_interactive - s.start_time_unix_nano) / 1e6 as dom_interactive,
        (moment.dom_content_loaded - s.start_time_unix_nano) / 1e6 as dom_content_loaded,
        (moment.window_load - s.start_time_unix_nano) / 1e6 as window_load,
        case when s.name = 'documentLoad' and s.duration_ns > 0 then s.duration_ns / 1e6 end as page_load_time,
        case when s.name = 'longtask' then coalesce(
            try_cast(json_extract_string(s.attributes, '$."longtask.duration"') as double), s.duration_ns / 1e6
        ) end as long_task_ms,
        case s.name when 'documentLoad' then s.span_id when 'documentFetch' then s.parent_span_id end as page_load_id,
        coalesce(json_extract_string(s.attributes, '$."browser.document.url.full"'), s.url_full) as url,
        s.start_time as timestamp, s.start_time_unix_nano as time_unix_nano, s.attributes, s.user_id, s.user_role, s.user_roles,
        s.session_id, s.user_agent_original, s.organization_id, s.service_name, s.service_version, s.environment, s.scope_name,
        s.trace_id, s.span_id, s.payload_digest, s.item_index, s.dt, s.time_suspect, s.ingested_at, s.tenant_id
    from decoded_browser_spans s
    left join moment on moment.span_row_id = s.row_id
    where s.name in ('documentLoad', 'documentFetch', 'longtask')
),
placed as (
    select
        *,
        coalesce(case when contains(attributes, '"page_path"') then plain_path(json_extract_string(attributes, '$."page_path"')) end, url_path(url))
            as page_path
    from report
)
select
    user_id,
    role_of(user_role, user_roles) as user_role,
    coalesce(session_id, '') as session_id,
    coalesce(told_slug, page_slug_of(attributes, page_path)) as page_slug,
    try_cast(round(page_load_time) as integer) as page_load_time,
    try_cast(round(time_to_first_byte) as integer) as time_to_first_byte,
    try_cast(round(first_contentful_paint) as integer) as first_contentful_paint,
    try_cast(round(largest_contentful_paint) as integer) as largest_contentful_paint,
    try_cast(cumulative_layout_shift as decimal(10, 4)) as cumulative_layout_shift,
    try_cast(round(first_input_delay) as integer) as first_input_delay,
    try_cast(round(interaction_to_next_paint) as integer) as interaction_to_next_paint,
    try_cast(round(time_to_interactive) as integer) as time_to_interactive,
    try_cast(round(first_paint) as integer) as first_paint,
    try_cast(round(dom_interactive) as integer) as dom_interactive,
    try_cast(round(dom_content_loaded) as integer) as dom_content_loaded,
    try_cast(round(window_load) as integer) as window_load,
    timestamp, time_unix_nano, page_load_id, page_path, url, navigation_type,
    user_agent_original as user_agent,
    organization_id, service_name, service_version, environment, scope_name, trace_id, span_id, report_source, long_task_ms,
    case when after_start_ms between 0 and 1e9 then time_unix_nano - try_cast(round(after_start_ms * 1e6) as bigint) end
        as page_start_unix_nano,
    payload_digest, item_index, dt, time_suspect, ingested_at, tenant_id
from placed;
