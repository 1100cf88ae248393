-- Spans of OpenTelemetry's older browser packages that are events: what somebody did on a page (instrumentation-user-interaction), and a page
-- that was loaded (documentLoad). Each as the log record that says the same; the event reader reads them behind the batch's own.
select
    * exclude (row_id, attributes),
    -- behind every log record of a batch
    row_id + 4611686018427387904 as row_id,
    start_time as timestamp,
    start_time_unix_nano as time_unix_nano,
    try_cast(null as bigint) as observed_time_unix_nano,
    try_cast(0 as integer) as severity_number,
    try_cast(null as text) as severity_text,
    try_cast(null as text) as body,
    try_cast(null as text) as body_type,
    try_cast(null as text) as exception_type,
    try_cast(null as text) as exception_message,
    try_cast(null as text) as exception_stacktrace,
    case when name = 'documentLoad' then 'user.page_view' else 'user.action' end as event_name,
    -- a span that is sent again is the same event
    try_cast(try_cast(md5(concat_ws('/', trace_id, span_id)) as uuid) as text) as log_record_uid,
    case when name = 'documentLoad' then attributes else try_cast(json_merge_patch(attributes, json_object(
        'action_type', json_extract_string(attributes, '$.event_type'),
        'action_target', json_extract_string(attributes, '$.target_xpath'),
        'action_context', json_object('element', json_extract_string(attributes, '$.target_element')),
        'event_type', null, 'target_xpath', null, 'target_element', null
    )) as text) end as attributes
from decoded_browser_spans
where name = 'documentLoad' or (contains(attributes, '"target_xpath"') and contains(attributes, '"event_type"'))
