-- Page load times: median, P75 and P95 of each page, with the time to the first byte. Milliseconds.
-- A load is one row of frontend_performance_metrics that says a load time; soft navigations have none.
-- ledger: 89-90, 183, 203
select
    page_slug,
    count(page_load_time) as loads,
    round(median(page_load_time), 0) as median_ms,
    round(quantile_cont(page_load_time, 0.75), 0) as p75_ms,
    round(quantile_cont(page_load_time, 0.95), 0) as p95_ms,
    round(median(time_to_first_byte), 0) as first_byte_ms,
    round(median(dom_content_loaded), 0) as dom_content_loaded_ms
from frontend_performance_metrics
where page_load_time is not null
group by page_slug
order by p75_ms desc, page_slug
