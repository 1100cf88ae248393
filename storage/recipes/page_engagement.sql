-- How people use each page: views, time on it, how far they scroll, what they do, and how often a session ends there or bounces off.
-- Time counts views whose end is known. The exit rate is the share of a page's views that were the last of their session; the bounce
-- rate that of sessions which began there and saw nothing else and did nothing. A login cuts no session; views without one are one
-- session of their person.
-- usages: U-user.page_view-2, U-user.page_view-3
-- ledger: 192, 196
with views as (
    select
        *,
        row_number() over (session order by view_timestamp) = 1 as is_entry,
        row_number() over (session order by view_timestamp desc) = 1 as is_exit
    from user_page_views
    where is_bot is not true
    window session as (partition by tenant_id, coalesce(nullif(session_id, ''), user_id, anonymous_id))
)
select
    page_slug,
    count(*) as views,
    count(distinct coalesce(user_id, anonymous_id)) as people,
    median(time_on_page) as median_time_s,
    round(avg(scroll_depth), 1) as scroll_depth,
    round(avg(interactions_count), 2) as interactions,
    count(*) filter (is_entry) as entries,
    round(count(*) filter (is_exit) / count(*), 4) as exit_rate,
    round(count(*) filter (is_entry and is_exit and coalesce(interactions_count, 0) = 0) / nullif(count(*) filter (is_entry), 0), 4)
        as bounce_rate
from views
group by page_slug
order by views desc, page_slug
