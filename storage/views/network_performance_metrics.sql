-- What pages load over the network, each request once. A request of fetch or XMLHttpRequest may be told twice, by its span and by the browser's
-- timing: the timing is shown, with the span's method and status; the n-th timing under one span and URL belongs to the n-th span. What is
-- sent again in another payload counts once.
-- Few keys repeat, so only their rows are ranked.
with repeated as (
    select request_key from network_performance_metrics_files group by request_key having count(*) > 1
),
told as (
    select *, report_source = 'request' as by_span
    from network_performance_metrics_files
    where request_key in (select request_key from repeated)
    qualify row_number() over (
        partition by request_key, by_span, time_unix_nano, event_id, start_ms order by ingested_at, payload_digest, item_index
    ) = 1
),
numbered as (
    select *, row_number() over (partition by request_key, by_span order by time_unix_nano, event_id) as position from told
)
select * from network_performance_metrics_files where request_key not in (select request_key from repeated)
union all by name
select * exclude (by_span, position)
    replace (
        max(http_method) over request as http_method,
        coalesce(status_code, max(status_code) over request) as status_code,
        coalesce(page_load_id, max(page_load_id) over request) as page_load_id
    )
from numbered
window request as (partition by request_key, position)
qualify row_number() over (partition by request_key, position order by by_span) = 1
