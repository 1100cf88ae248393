-- Crashes. The files hold every report; the view shows each crash once.
-- Reports are the events app.crash and device.crash, log records of severity FATAL that carry an exception, and what nobody caught in a browser:
-- exceptions with otelpond.mechanism uncaught_exception or unhandled_rejection, and all that OpenTelemetry's packages for such errors send.
create table crash_reports (
    id                   uuid generated always as (try_cast(md5(concat_ws('/', tenant_id, payload_digest, item_index, 'crash_reports')) as uuid)),
    crash_id             uuid not null,
    crash_type           text not null,
    crash_message        text not null default '',
    crash_stack          text not null default '',
    exception_type       text,
    crash_timestamp      timestamptz not null,
    user_id              text,
    user_role            text not null default 'anonymous',
    session_id           text,
    page_slug            text,
    url                  text,
    user_agent           text,
    device_info          json,
    memory_info          json,
    performance_info     json,
    breadcrumbs          json,
    context              json,
    release_version      text,
    environment          text not null,
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
    service_instance_id  text,
    trace_id             text,
    span_id              text,
    payload_digest       text not null,
    item_index           integer not null,
    dt                   date not null,
    time_suspect         boolean not null,
    ingested_at          timestamptz not null,
    tenant_id            text not null
);

comment on column crash_reports.id is 'made from the payload''s digest and the record''s position in it';
comment on column crash_reports.crash_id is 'app.crash.id, else log.record.uid, by md5 where that is no UUID; else made from the payload''s digest and the record''s position in it';
comment on column crash_reports.crash_type is 'otelpond.crash.type (segmentation_fault, abort, out_of_memory_kill, killed, ...), unhandled_rejection, uncaught_exception, or the event''s name (app_crash, device_crash) where no exception is told';
comment on column crash_reports.crash_message is 'exception.message, else the body, else empty';
comment on column crash_reports.crash_stack is 'exception.stacktrace, else empty';
comment on column crash_reports.exception_type is 'exception.type';
comment on column crash_reports.crash_timestamp is 'when it crashed, to the microsecond';
comment on column crash_reports.user_id is 'user.id, else enduser.id';
comment on column crash_reports.user_role is 'user.role, else enduser.role, else the first of user.roles; anonymous where there is none';
comment on column crash_reports.session_id is 'session.id';
comment on column crash_reports.page_slug is 'page_slug, else page.slug; of a browser as in events: else of the map page_slugs, else the template of the page''s path';
comment on column crash_reports.url is 'url.full, else http.url, else browser.document.url.full';
comment on column crash_reports.user_agent is 'user_agent.original, else http.user_agent';
comment on column crash_reports.device_info is 'the attributes device.*, os.* and browser.* of record and resource; of a browser also device_type, browser and os of its user agent';
comment on column crash_reports.memory_info is 'attributes about memory, where the report holds them; else the view takes the instance''s last server row of the 60 s before';
comment on column crash_reports.performance_info is 'attributes about CPU, uptime and performance; else as memory_info';
comment on column crash_reports.breadcrumbs is 'otelpond.breadcrumbs: the last log records, requests, queries and events before it; else NULL, and they are found by session_id and trace_id';
comment on column crash_reports.context is 'the other attributes of the log record';
comment on column crash_reports.release_version is 'service.version of the event (of what crashed), else of the resource (who reports)';
comment on column crash_reports.environment is 'deployment.environment.name of the event, else of the resource; unknown where absent';
comment on column crash_reports.resolved is 'whether its issue is resolved (see issues)';
comment on column crash_reports.resolved_at is 'since when its issue is resolved; else NULL';
comment on column crash_reports.resolved_by is 'who resolved its issue; NULL where it is not resolved';
comment on column crash_reports.created_at is 'when the collector accepted it';
comment on column crash_reports.issue_id is 'the issue it belongs to: made from tenant, service and fingerprint; NULL without a fingerprint';
comment on column crash_reports.fingerprint is '32 hex digits, equal for what is the same error: made of a rule of the configuration, else of exception.fingerprint, else of in-app frames and exception types, else of all frames, else of type and message without their variable parts';
comment on column crash_reports.grouping_version is 'version of the grouping that gave fingerprint; NULL where none did';
comment on column crash_reports.previous_fingerprint is 'fingerprint by the version before, for 30 days after a change of version; else NULL';
comment on column crash_reports.grouping is 'what the fingerprint is made of: {"by", "rule", "parts"}, by one of rule, attribute, in_app_frames, frames, message, request, query, type';
comment on column crash_reports.culprit is 'function and module of the frame to blame, as `total in shop.orders`; NULL where no stack tells it';
comment on column crash_reports.mapped_stack is 'crash_stack with the sources'' places, where source maps of the release were known; else NULL';
comment on column crash_reports.organization_id is 'organization.id of the record, else of its resource, else the tenant';
comment on column crash_reports.service_name is 'service.name of the resource; unknown where absent';
comment on column crash_reports.service_version is 'service.version of the resource';
comment on column crash_reports.service_instance_id is 'service.instance.id of the event (of what crashed), else of the resource, else host name and process id';
comment on column crash_reports.trace_id is '32 lower-case hex digits; NULL where a log record has none';
comment on column crash_reports.span_id is '16 lower-case hex digits; NULL where a log record has none';
comment on column crash_reports.payload_digest is 'xxh3-128 of tenant, signal and payload, 32 hex digits';
comment on column crash_reports.item_index is 'position among the payload''s items, from 0';
comment on column crash_reports.dt is 'partition: UTC date of the row''s own time, or of arrival where that time is suspect';
comment on column crash_reports.time_suspect is 'true where the row''s own time is more than 90 days before or 1 hour after arrival, or missing';
comment on column crash_reports.ingested_at is 'when the collector accepted the payload';
comment on column crash_reports.tenant_id is 'whose token sent it; a sender cannot set it';

with crash as (
    select
        record.*,
        coalesce(json_extract_string(record.attributes, '$."app.crash.id"'), nullif(record.log_record_uid, '')) as given_id,
        json_extract_string(record.attributes, '$."otelpond.mechanism"') as mechanism,
        coalesce(record.url_full, json_extract_string(record.attributes, '$."browser.document.url.full"')) as page_url,
        json_extract_string(record.attributes, '$."otelpond.crash.type"') as told_type,
        merged(coalesce(record.resource_attributes, '{}'), coalesce(record.attributes, '{}')) as known,
        members(known, '^(device|os|browser)\.', unwanted := '^browser\.(document|page_load)\.') as own_device,
        of_browser(record.telemetry_sdk_language, record.scope_name) as in_browser,
        read.page_slug as told_slug,
        case when in_browser and read.row_id is not null then told_device(read) end as told_device
    from decoded_crash_records record
    left join decoded_error_events read on read.row_id = record.row_id
    where record.event_name in ('app.crash', 'device.crash')
        or (record.severity_number >= 21 and (record.exception_type is not null or record.exception_message is not null))
        or (record.event_name = 'exception' and (
            record.scope_name in ('@opentelemetry/browser-instrumentation/errors', '@opentelemetry/instrumentation-web-exception')
            or regexp_matches(record.attributes, '"otelpond\.mechanism":"(uncaught_exception|unhandled_rejection)"')
        ))
)
select
    coalesce(
        try_cast(try_cast(given_id as uuid) as text),
        try_cast(
            try_cast(md5(concat_ws('/', tenant_id, coalesce(given_id, concat_ws('/', payload_digest, item_index)), 'crash')) as uuid) as text
        )
    ) as crash_id,
    case
        when told_type <> '' then told_type
        when regexp_matches(
            concat_ws(' ', event_name, exception_type, mechanism, json_extract_string(attributes, '$."crash.type"')),
            '(?i)unhandled.?(promise.?)?rejection'
        ) then 'unhandled_rejection'
        when exception_type is not null or exception_message is not null or exception_stacktrace is not null then 'uncaught_exception'
        else replace(event_name, '.', '_')
    end as crash_type,
    coalesce(exception_message, body, '') as crash_message,
    coalesce(exception_stacktrace, '') as crash_stack,
    exception_type,
    timestamp as crash_timestamp,
    user_id,
    role_of(user_role, user_roles) as user_role,
    session_id,
    case
        when in_browser and told_slug is not null then told_slug
        else coalesce(json_extract_string(attributes, '$."page_slug"'), json_extract_string(attributes, '$."page.slug"'))
    end as page_slug,
    page_url as url,
    user_agent_original as user_agent,
    case when told_device <> '{}' then merged(coalesce(own_device, '{}'), told_device) else own_device end as device_info,
    members(attributes, 'memory') as memory_info,
    members(attributes, 'cpu|uptime|performance') as performance_info,
    try_cast(json_extract_string(attributes, '$."otelpond.breadcrumbs"') as json) as breadcrumbs,
    members(attributes, '', unwanted := '^otelpond\.(breadcrumbs|exception\.id)$') as context,
    coalesce(nullif(json_extract_string(attributes, '$."service.version"'), ''), service_version) as release_version,
    coalesce(nullif(json_extract_string(attributes, '$."deployment.environment.name"'), ''), environment) as environment,
    -- grouping/ replaces these, and reads what stands in `grouping`: what the other columns do not tell it
    null as fingerprint,
    null as grouping_version,
    null as previous_fingerprint,
    json_object(
        'language', telemetry_sdk_language,
        'fingerprint', case
            when contains(attributes, '"exception.fingerprint"') then json_extract(attributes, '$."exception.fingerprint"')
        end
    ) as grouping,
    null as culprit,
    null as mapped_stack,
    organization_id, service_name, service_version,
    coalesce(
        nullif(json_extract_string(attributes, '$."service.instance.id"'), ''),
        instance_of(service_instance_id, host_name, resource_attributes)
    ) as service_instance_id,
    trace_id, span_id, payload_digest, item_index, dt, time_suspect, ingested_at, tenant_id
from crash;
