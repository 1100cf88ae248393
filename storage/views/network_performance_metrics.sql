-- What pages load over the network, each request once. A request of fetch or XMLHttpRequest may be told twice, by its span and by the browser's
-- timing: the timing is shown, with the span's method and status; the n-th timing under one span and URL belongs to the n-th span. What is
-- sent again in another payload counts once.
-- Few keys repeat, so only their rows are ranked. A join and no UNION of these rows and the others, of which DuckDB counts every column.
with repeated as (
    select request_key from network_performance_metrics_files group by request_key having count(*) > 1
),
ranked as (
    select
        payload_digest, item_index, request_key, time_unix_nano, event_id, http_method, status_code, page_load_id,
        report_source = 'request' as by_span,
        row_number() over (
            partition by request_key, by_span, time_unix_nano, event_id, start_ms order by ingested_at, payload_digest, item_index
        ) = 1 as is_first
    from network_performance_metrics_files
    where request_key in (from repeated)
),
numbered as (
    select
        *,
        case when is_first then row_number() over (partition by request_key, by_span, is_first order by time_unix_nano, event_id) end
            as position
    from ranked
),
verdict as (
    select
        payload_digest,
        item_index,
        is_first and row_number() over (partition by request_key, position order by by_span) = 1 as is_shown,
        max(http_method) over request as told_method,
        max(status_code) over request as told_status
    from numbered
    window request as (partition by request_key, position)
)
select
    request.* replace (
        coalesce(request.http_method, verdict.told_method) as http_method,
        coalesce(request.status_code, verdict.told_status) as status_code
    )
from network_performance_metrics_files request
left join verdict using (payload_digest, item_index)
where verdict.is_shown is not false
