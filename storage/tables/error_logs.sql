-- Errors. The files hold every report of an error; the view shows each error once.
-- Reports are exception events of spans, log records with an exception or of severity ERROR and above, events called error, and an ERROR
-- status without an exception on SERVER, CONSUMER and root spans.
create table error_logs (
    id                   uuid generated always as (try_cast(md5(concat_ws('/', tenant_id, error_key, report_source, span_id, report_index, 'error_logs')) as uuid)),
    error_id             uuid generated always as (try_cast(md5(concat_ws('/', error_key)) as uuid)),
    error_type           text not null,
    error_message        text not null default '',
    error_stack          text,
    error_code           text,
    exception_type       text,
    severity_number      integer,
    error_timestamp      timestamptz not null,
    error_time_unix_nano bigint not null,
    user_id              text,
    user_role            text not null default 'anonymous',
    session_id           text,
    page_slug            text,
    url                  text,
    user_agent           text,
    device_info          json,
    breadcrumbs          json,
    context              json,
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
    service_instance_id  text,
    scope_name           text,
    trace_id             text,
    span_id              text,
    report_source        text not null,
    error_key            text not null,
    report_index         bigint not null,
    exception_id         text,
    payload_digest       text not null,
    span_start_unix_nano bigint,
    span_end_unix_nano   bigint,
    dt                   date not null,
    time_suspect         boolean not null,
    ingested_at          timestamptz not null,
    tenant_id            text not null
);

comment on column error_logs.id is 'made from the report''s key, source and span';
comment on column error_logs.error_id is 'made from error_key and which of the equal errors it is';
comment on column error_logs.error_type is 'error_type of an event called error; else JavaScript (browser), Database (span with a database system), API (SERVER span or HTTP), else Application';
comment on column error_logs.error_message is 'exception.message, else error_message of an event called error, else a log record''s body, else Status.message, else empty';
comment on column error_logs.error_stack is 'exception.stacktrace, else error_stack of an event called error';
comment on column error_logs.error_code is 'error.type, else error_code of an event called error, else db.response.status_code, else the HTTP status code of 400 and above';
comment on column error_logs.exception_type is 'exception.type';
comment on column error_logs.severity_number is 'of a log record: 17-20 ERROR, 21-24 FATAL';
comment on column error_logs.error_timestamp is 'when it was reported, to the microsecond';
comment on column error_logs.error_time_unix_nano is 'the same in nanoseconds since 1970';
comment on column error_logs.user_id is 'user.id, else enduser.id, of the span or log record';
comment on column error_logs.user_role is 'user.role, else enduser.role, else the first of user.roles; anonymous where there is none';
comment on column error_logs.session_id is 'session.id';
comment on column error_logs.page_slug is 'page_slug, else page.slug; of an event of a browser and one called error as in events: else of the map page_slugs, else the template of the page''s path';
comment on column error_logs.url is 'url.full, else browser.document.url.full (the page), else built from scheme, server address, port and path';
comment on column error_logs.user_agent is 'user_agent.original, else http.user_agent';
comment on column error_logs.device_info is 'the attributes device.*, os.* and browser.* of record and resource; of a browser or an event called error also what was sent as device_info, and device_type, browser and os of its user agent';
comment on column error_logs.breadcrumbs is 'otelpond.breadcrumbs, else breadcrumbs of an event called error: the last log records, requests, queries and events before it; else NULL, and they are found by session_id and trace_id';
comment on column error_logs.context is 'the other attributes of the exception event, log record or span, among them how the process was';
comment on column error_logs.resolved is 'whether its issue is resolved (see issues)';
comment on column error_logs.resolved_at is 'since when its issue is resolved; else NULL';
comment on column error_logs.resolved_by is 'who resolved its issue; NULL where it is not resolved';
comment on column error_logs.created_at is 'when the collector accepted it';
comment on column error_logs.issue_id is 'the issue it belongs to: made from tenant, service and fingerprint; NULL without a fingerprint';
comment on column error_logs.fingerprint is '32 hex digits, equal for what is the same error: made of a rule of the configuration, else of exception.fingerprint, else of in-app frames and exception types, else of all frames, else of a bare status''s request or span name, else of type and message without their variable parts';
comment on column error_logs.grouping_version is 'version of the grouping that gave fingerprint; NULL where none did';
comment on column error_logs.previous_fingerprint is 'fingerprint by the version before, for 30 days after a change of version; else NULL';
comment on column error_logs.grouping is 'what the fingerprint is made of: {"by", "rule", "parts"}, by one of rule, attribute, in_app_frames, frames, message, request, query, type';
comment on column error_logs.culprit is 'function and module of the frame to blame, as `total in shop.orders`; NULL where no stack tells it';
comment on column error_logs.mapped_stack is 'error_stack with the sources'' places, where source maps of the release were known; else NULL';
comment on column error_logs.organization_id is 'organization.id of the record, else of its resource, else the tenant';
comment on column error_logs.service_name is 'service.name of the resource; unknown where absent';
comment on column error_logs.service_version is 'service.version of the resource';
comment on column error_logs.environment is 'deployment.environment.name of the resource, else deployment.environment; unknown where absent';
comment on column error_logs.service_instance_id is 'service.instance.id of the resource';
comment on column error_logs.scope_name is 'name of the instrumentation scope';
comment on column error_logs.trace_id is '32 lower-case hex digits; NULL where a log record has none';
comment on column error_logs.span_id is '16 lower-case hex digits; NULL where a log record has none';
comment on column error_logs.report_source is 'who reported it: span_event, log or span_status';
comment on column error_logs.error_key is 'equal for reports that may be of the same error: md5 of tenant and exception_id, else of tenant, trace, last part of the exception type, and message';
comment on column error_logs.report_index is 'position of the event in its span, or of the log record in its payload';
comment on column error_logs.exception_id is 'otelpond.exception.id: reports of one exception object, which is one error';
comment on column error_logs.payload_digest is 'xxh3-128 of tenant, signal and payload, 32 hex digits';
comment on column error_logs.span_start_unix_nano is 'start of the reporting span, in nanoseconds since 1970; NULL for log records';
comment on column error_logs.span_end_unix_nano is 'end of the reporting span, in nanoseconds since 1970; NULL for log records';
comment on column error_logs.dt is 'partition: UTC date of the row''s own time, or of arrival where that time is suspect';
comment on column error_logs.time_suspect is 'true where the row''s own time is more than 90 days before or 1 hour after arrival, or missing';
comment on column error_logs.ingested_at is 'when the collector accepted the payload';
comment on column error_logs.tenant_id is 'whose token sent it; a sender cannot set it';

with exception as (
    select * from decoded_span_events where event_name = 'exception' or exception_type is not null
),
-- one branch for exceptions and for bare statuses: two would each be set up, a millisecond of every batch
span_report as (
    select
        e.span_row_id is not null as by_exception,
        case when by_exception then 'span_event' else 'span_status' end as report_source,
        case when by_exception then e.event_index else 0 end as report_index,
        case when by_exception then s.trace_id else concat_ws('/', s.trace_id, 'span_status', s.span_id) end as told_in,
        e.exception_type,
        case when by_exception then e.exception_message else s.status_message end as error_message,
        e.exception_stacktrace as error_stack,
        case when by_exception then e.event_time else make_timestamptz((s.start_time_unix_nano + s.duration_ns) // 1000) end
            as error_timestamp,
        case when by_exception then e.event_time_unix_nano else s.start_time_unix_nano + s.duration_ns end as error_time_unix_nano,
        case when by_exception then e.attributes else s.attributes end as context,
        s.*
    from decoded_failed_spans s
    left join exception e on e.span_row_id = s.row_id
    where by_exception or (s.status_code = 'ERROR' and (s.kind in ('SERVER', 'CONSUMER') or s.parent_span_id is null))
),
told as (
    select
        record.*,
        case when record.event_name = 'error' then from_json(record.attributes, '{
            "error_type": "VARCHAR", "error_message": "VARCHAR", "message": "VARCHAR", "error_stack": "VARCHAR", "error_code": "VARCHAR",
            "breadcrumbs": "JSON"
        }') end as event,
        read.page_slug as told_slug,
        case when read.row_id is not null and (record.event_name = 'error' or of_browser(record.telemetry_sdk_language, record.scope_name))
            then told_device(read)
        end as told_device
    from decoded_error_records record
    left join decoded_error_events read on read.row_id = record.row_id
    where record.exception_type is not null or record.exception_message is not null or record.severity_number >= 17
        or record.event_name = 'error'
),
-- materialized, so that what follows is set up once and not for each branch of the union: 4 ms a batch, however few rows it has
report as materialized (
    select
        * exclude (error_type, by_exception),
        db_system_name is not null as of_database,
        kind = 'SERVER' or http_request_method is not null as of_api,
        coalesce(
            error_type,
            db_response_status_code,
            case when http_response_status_code >= 400 then try_cast(http_response_status_code as text) end
        ) as error_code,
        coalesce(
            url_full,
            case when url_path is not null and server_address is not null then
                concat(coalesce(url_scheme, 'http'), '://', server_address, ':' || server_port, url_path)
            end
        ) as url,
        start_time_unix_nano as span_start_unix_nano,
        start_time_unix_nano + duration_ns as span_end_unix_nano
    from span_report
    union all by name
    select
        * exclude (error_type),
        'log' as report_source,
        item_index as report_index,
        coalesce(trace_id, 'event/' || nullif(log_record_uid, ''), concat_ws('/', payload_digest, item_index)) as told_in,
        coalesce(exception_message, event.error_message, event.message, body) as error_message,
        coalesce(exception_stacktrace, event.error_stack) as error_stack,
        nullif(event.error_type, '') as told_type,
        timestamp as error_timestamp,
        time_unix_nano as error_time_unix_nano,
        attributes as context,
        event_name like 'db.%' or coalesce(contains(attributes, '"db.system'), false) as of_database,
        event_name like 'http.server%'
            or coalesce(contains(attributes, '"http.re') or contains(attributes, '"http.method'), false) as of_api,
        coalesce(
            error_type,
            event.error_code,
            case when contains(attributes, '.status_code') then coalesce(
                json_extract_string(attributes, '$."db.response.status_code"'),
                json_extract_string(attributes, '$."http.response.status_code"'),
                json_extract_string(attributes, '$."http.status_code"')
            ) end
        ) as error_code,
        coalesce(
            url_full,
            case when contains(attributes, '"browser.document.') then json_extract_string(attributes, '$."browser.document.url.full"') end
        ) as url
    from told
),
prepared as (
    select
        * replace (
            coalesce(error_message, '') as error_message,
            case
                when event is not null then members(
                    context, '',
                    unwanted := '^otelpond\.(breadcrumbs|exception\.id)$|^(error_(type|message|stack|code)|message|breadcrumbs|device_info)$'
                )
                when contains(context, '"otelpond.breadcrumbs"')
                    then members(context, '', unwanted := '^otelpond\.(breadcrumbs|exception\.id)$')
                else context
            end as context
        ),
        coalesce(
            case when contains(context, '"otelpond.breadcrumbs"')
                then try_cast(json_extract_string(context, '$."otelpond.breadcrumbs"') as json)
            end,
            case when event is not null then document(json_extract_string(event.breadcrumbs, '$')) end
        ) as breadcrumbs,
        of_browser(telemetry_sdk_language, scope_name) as in_browser,
        context as asked,
        case when contains(context, '"otelpond.exception.id"')
            then nullif(json_extract_string(context, '$."otelpond.exception.id"'), '')
        end as exception_id,
        -- what a Python traceback says last is the same in every report; exception.message is not: a span's is str(exception), the
        -- logging handler's is the exception's first argument
        case when contains(error_stack, 'Traceback (most recent call last)')
            then split_part(error_stack, chr(10) || '  ', -1)
            else coalesce(error_message, '')
        end as said,
        case when contains(attributes, '"device.') or contains(attributes, '"os.') or contains(attributes, '"browser.')
            or contains(resource_attributes, '"device.') or contains(resource_attributes, '"os.')
            or contains(resource_attributes, '"browser.')
            then members(
                merged(coalesce(resource_attributes, '{}'), coalesce(attributes, '{}')),
                '^(device|os|browser)\.', unwanted := '^browser\.(document|page_load)\.'
            )
        end as own_device
    from report
)
select
    report_source,
    report_index,
    payload_digest,
    exception_id,
    breadcrumbs,
    case when exception_id is not null then md5(concat_ws('/', tenant_id, 'exception', exception_id)) else md5(concat_ws(
        '/', tenant_id, told_in, regexp_extract(coalesce(exception_type, ''), '[^.:/\\]*$'),
        trim(
            case when contains(error_stack, 'Traceback (most recent call last)') then substr(said, strpos(said, chr(10)) + 1) else said end,
            chr(10) || ' ''"'
        )
    )) end as error_key,
    case
        when told_type is not null then told_type
        when in_browser then 'JavaScript'
        when of_database then 'Database'
        when of_api then 'API'
        else 'Application'
    end as error_type,
    error_message,
    error_stack,
    error_code,
    exception_type,
    severity_number,
    error_timestamp,
    error_time_unix_nano,
    user_id,
    role_of(user_role, user_roles) as user_role,
    session_id,
    case
        when told_slug is not null and (in_browser or event is not null) then told_slug
        when contains(attributes, '"page')
            then coalesce(json_extract_string(attributes, '$."page_slug"'), json_extract_string(attributes, '$."page.slug"'))
    end as page_slug,
    url,
    user_agent_original as user_agent,
    case when told_device <> '{}' then merged(coalesce(own_device, '{}'), told_device) else own_device end as device_info,
    context,
    -- grouping/ replaces these, and reads what stands in `grouping`: what the other columns do not tell it
    null as fingerprint,
    null as grouping_version,
    null as previous_fingerprint,
    json_object(
        'language', telemetry_sdk_language,
        'fingerprint', case when contains(asked, '"exception.fingerprint"') then json_extract(asked, '$."exception.fingerprint"') end,
        'operation', case
            when report_source <> 'span_status' then null
            when kind = 'SERVER' and http_request_method is not null then json_array(
                http_request_method, endpoint_path(http_route, url_path, http_target, url_full),
                coalesce(try_cast(try_cast(http_response_status_code as integer) as text), '0')
            )
            else json_array(name)
        end
    ) as grouping,
    null as culprit,
    null as mapped_stack,
    organization_id, service_name, service_version, environment, service_instance_id, scope_name, trace_id, span_id,
    span_start_unix_nano, span_end_unix_nano, dt, time_suspect, ingested_at, tenant_id
from prepared;
