-- Usage by day: people, sessions, page views, actions, and all events.
-- Days are of the session's time zone (UTC unless set); people are those of user_activity.
-- usages: U-user.login-1, U-user.session_expired-2
-- ledger: 62
select
    cast(timestamp as date) as day,
    count(distinct person) as people,
    count(distinct session_id) as sessions,
    count(*) filter (event_name = 'user.page_view') as page_views,
    count(*) filter (event_name = 'user.action') as actions,
    count(*) as events
from user_activity
group by day
order by day
