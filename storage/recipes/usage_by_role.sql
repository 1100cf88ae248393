-- Usage by role: people, sessions, how long and how many pages and actions these are, and how often they bounce.
-- Sessions and people are those of user_sessions; durations are seconds. Pages for each session and the bounce rate (one page view and no
-- action) are over the sessions that viewed a page.
-- ledger: 57, 182, 209
select
    user_role,
    count(distinct coalesce(user_id, anonymous_id)) as people,
    count(*) as sessions,
    round(count(*) / nullif(count(distinct coalesce(user_id, anonymous_id)), 0), 2) as sessions_per_person,
    round(avg(session_duration), 1) as average_session_s,
    round(avg(page_views_count) filter (page_views_count > 0), 2) as pages_per_session,
    round(avg(actions_count), 2) as actions_per_session,
    round(
        count(*) filter (page_views_count = 1 and actions_count = 0) / nullif(count(*) filter (page_views_count > 0), 0), 4
    ) as bounce_rate
from user_sessions
where not is_bot
group by user_role
order by sessions desc, user_role
