-- What happened before an error? The last log records, requests, queries and events of its trace, and of its session in the 24 hours before.
-- $before is when it failed, $dt the day under which it is stored; whatever was under way then had not happened yet.
with said as (
    select
        timestamp, 'log' as kind, severity_number, coalesce(body, exception_message, event_name) as message, null::bigint as duration_ns,
        service_name, session_id, trace_id, span_id, dt
    from logs
    where event_name is null or exception_type is not null
    union all by name
    select
        timestamp, 'event' as kind, 9 as severity_number,
        concat_ws(' ', event_name, properties ->> 'action_type', properties ->> 'action_target', page_path) as message,
        null::bigint as duration_ns, service_name, session_id, trace_id, span_id, dt
    from events
    where event_category <> 'error'
    union all by name
    select
        end_time as timestamp, case when db_system_name is null then 'request' else 'query' end as kind,
        case when status_code = 'ERROR' or http_response_status_code >= 500 then 17 when http_response_status_code >= 400 then 13 else 9
        end as severity_number,
        case when db_system_name is not null then coalesce(db_query_text, db_query_summary, name) else concat_ws(
            ' ', http_request_method, coalesce(url_full, http_target, url_path, http_route, server_address), http_response_status_code
        ) end as message,
        duration_ns, service_name, session_id, trace_id, span_id, dt
    from spans
    where db_system_name is not null or http_request_method is not null
)
select
    timestamp, kind,
    case
        when severity_number >= 21 then 'fatal' when severity_number >= 17 then 'error' when severity_number >= 13 then 'warning'
        when severity_number between 1 and 8 then 'debug' else 'info'
    end as level,
    left(message, 2000) as message, duration_ns / 1e6 as duration_ms, service_name, session_id, trace_id, span_id
from said
where
    (trace_id = $trace_id or session_id = $session_id)
    and timestamp < $before
    and timestamp >= $before - interval 24 hour
    and (dt between cast($before as date) - 1 and cast($before as date) or dt = $dt)
order by timestamp desc, kind, span_id
limit 100;
