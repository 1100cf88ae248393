-- Sessions of each day: how many, how long, how many pages, how many bounced.
-- A session belongs to the day on which it began. A bounce is a session of one page view and no action; its rate, and the pages for each
-- session, are over the sessions that viewed a page, for servers tell of people too. Durations are seconds.
-- usages: U-user.logout-2
-- ledger: 190-192
select
    cast(session_start as date) as day,
    count(*) as sessions,
    round(avg(session_duration), 1) as average_duration_s,
    median(session_duration) as median_duration_s,
    round(avg(page_views_count) filter (page_views_count > 0), 2) as pages_per_session,
    count(*) filter (page_views_count = 1 and actions_count = 0) as bounces,
    round(bounces / nullif(count(*) filter (page_views_count > 0), 0), 4) as bounce_rate
from user_sessions
where not is_bot
group by day
order by day
