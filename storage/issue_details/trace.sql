-- What did the trace of an error do? Of a very large one: the span that reported, failed ones, then those that took longest.
select
    span_id, parent_span_id, name, kind, service_name, start_time_unix_nano, duration_ns, status_code, status_message,
    http_response_status_code, left(coalesce(db_query_text, case when kind = 'CLIENT' then url_full end), 2000) as target, count(*) over () as spans_count
from spans
where trace_id = $trace_id and dt between $dt - 1 and $dt + 1
order by span_id = $span_id desc nulls last, status_code = 'ERROR' desc, duration_ns desc, span_id
limit $limit;
