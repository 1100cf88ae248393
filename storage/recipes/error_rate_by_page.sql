-- Error rate of pages: errors that browsers reported on each page, for each 1,000 views of it.
-- ledger: 184, 206
with met as (
    select page_slug, count(*) as errors, count(distinct session_id) as sessions_with_errors
    from error_logs
    where error_type = 'JavaScript'
    group by page_slug
)
select
    page_slug,
    errors,
    sessions_with_errors,
    coalesce(views, 0) as views,
    round(1000 * errors / views, 1) as errors_per_1000_views
from met
left join (select page_slug, count(*) as views from user_page_views where is_bot is not true group by page_slug) using (page_slug)
order by errors desc, page_slug
