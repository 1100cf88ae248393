-- The rows of issue_events, with what their ids are made of in place of the ids, which cost more than all else of them: who needs the ids
-- of few makes few. issue_key is equal where all that
-- issue_of takes is; event_id_of(crash_id, id_text) is the event's id.
with crashed as materialized (
    select error.error_key, error.payload_digest, error.report_index
    from error_logs_files error
    join crash_reports_files crash on error.payload_digest = crash.payload_digest and error.report_index = crash.item_index
    where error.report_source = 'log'
    group by all
),
told as materialized (
    select
        hash(tenant_id, trace_id, service_name) as trace, error_timestamp as told_at, fingerprint, error_message as message
    from error_logs_mapped
    where trace_id is not null and trace in (
        select hash(tenant_id, trace_id, service_name) from api_error_logs_files
        union all
        select hash(tenant_id, trace_id, service_name) from database_error_logs_files
    )
),
told_fingerprint as (
    select trace, fingerprint, max(told_at) as told_at from told group by all
),
told_message as (
    select trace, message, max(told_at) as told_at
    from (
        select * from told
        union all
        select * replace (bare_message(message) as message) from told where length(bare_message(message)) >= 12
    )
    where message <> ''
    group by all
),
event as (
    select
        concat_ws('/', error_key, ordinal) as id_text, 'error_logs' as source_table, error_timestamp, time_suspect, ingested_at,
        if(severity_number >= 21 or error_key in (select error_key from crashed), 'fatal', 'error') as level,
        exception_type as type, error_message as message, culprit, fingerprint, grouping, grouping_version,
        service_version as release, environment, user_id, user_role, session_id, trace_id, span_id, page_slug, url,
        service_name, service_version, organization_id, dt, tenant_id, previous_fingerprint
    from errors_once
    union all by name
    select
        crash_id, 'crash_reports' as source_table, crash_timestamp as error_timestamp, time_suspect, ingested_at,
        'fatal' as level,
        coalesce(exception_type, crash_type) as type, crash_message as message, culprit, fingerprint, grouping, grouping_version,
        release_version as release, environment, user_id, user_role, session_id, trace_id, span_id, page_slug, url,
        service_name, service_version, organization_id, dt, tenant_id, previous_fingerprint
    from crash_reports_mapped crash
    anti join crashed on crash.payload_digest = crashed.payload_digest and crash.item_index = crashed.report_index
    qualify row_number() over (partition by tenant_id, crash_id order by ingested_at, payload_digest, item_index) = 1
    union all by name
    select
        concat_ws('/', tenant_id, trace_id, span_id, 'api_error') as id_text, 'api_error_logs' as source_table,
        error_timestamp, time_suspect, ingested_at,
        if(status_code between 400 and 499, 'warning', 'error') as level,
        coalesce(if(regexp_full_match(exception_type, '[0-9]*'), null, exception_type), 'HTTP ' || nullif(status_code, 0), 'HTTP') as type,
        error_message as message, culprit, fingerprint, grouping, grouping_version,
        service_version as release, environment, user_id, user_role, trace_id, span_id, endpoint_path,
        service_name, service_version, organization_id, dt, tenant_id, previous_fingerprint
    from (select *, hash(tenant_id, trace_id, service_name) as trace from api_error_logs_mapped) request
    anti join told_fingerprint told
        on request.trace = told.trace and request.fingerprint = told.fingerprint and request.error_timestamp <= told.told_at
    asof left join (select trace as told_trace, told_at from told) told
        on request.trace = told.told_trace and request.error_timestamp <= told.told_at
    where told_at is null or told_at > request.error_timestamp + to_microseconds(greatest(request.duration_ns, 0) // 1000 + 1)
    qualify row_number() over (partition by tenant_id, trace_id, span_id order by ingested_at) = 1
    union all by name
    select
        concat_ws('/', tenant_id, trace_id, span_id, 'database_error') as id_text, 'database_error_logs' as source_table,
        error_timestamp, time_suspect, ingested_at,
        'error' as level,
        coalesce(exception_type, error_type) as type, error_message as message, culprit, fingerprint, grouping, grouping_version,
        service_version as release, environment, user_id, user_role, trace_id, span_id,
        service_name, service_version, organization_id, dt, tenant_id, previous_fingerprint
    from (select *, hash(tenant_id, trace_id, service_name) as trace from database_error_logs_mapped) operation
    anti join told_fingerprint told
        on operation.trace = told.trace and operation.fingerprint = told.fingerprint and operation.error_timestamp <= told.told_at
    anti join told_message told
        on operation.trace = told.trace and operation.error_timestamp <= told.told_at and told.message = case
            when length(bare_message(operation.error_message)) >= 12 then bare_message(operation.error_message)
            else operation.error_message
        end
    asof left join (select trace as told_trace, told_at from told) told
        on operation.trace = told.told_trace and operation.error_timestamp <= told.told_at
    where told_at is null or told_at > operation.error_timestamp + to_microseconds(greatest(operation.duration_ns, 0) // 1000 + 1)
    qualify row_number() over (partition by tenant_id, trace_id, span_id order by ingested_at) = 1
)
select
    * replace (
        believed_time(error_timestamp, time_suspect, ingested_at) as error_timestamp,
        nullif(type, '') as type,
        nullif(release, '') as release,
        nullif(user_id, '') as user_id,
        nullif(session_id, '') as session_id
    ),
    hash(tenant_id, service_name, fingerprint, previous_fingerprint) as issue_key
from event
