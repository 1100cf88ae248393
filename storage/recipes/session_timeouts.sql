-- Whether the session time-out fits: how long people had been idle when their session expired, and how many came back soon after.
-- Idle is from last_activity to the expiry, in minutes. Came back: a login or a page view of the same user within 10 minutes; many such
-- people mean that the time-out is too short for them.
-- usages: U-user.session_expired-1, U-user.session_expired-3
with expired as (
    select
        tenant_id,
        user_id,
        user_role,
        timestamp,
        epoch(timestamp - try_cast(properties ->> 'last_activity' as timestamptz)) / 60 as idle_minutes
    from events
    where event_name = 'user.session_expired'
)
select
    user_role,
    count(*) as expired_sessions,
    round(median(idle_minutes), 1) as median_idle_minutes,
    count(*) filter (came_back) as came_back,
    round(count(*) filter (came_back) / count(*), 4) as came_back_share
from (
    select expired.*, exists (
        select 1
        from events
        where events.tenant_id = expired.tenant_id and events.user_id = expired.user_id
            and event_name in ('user.login', 'user.page_view')
            and events.timestamp > expired.timestamp and events.timestamp <= expired.timestamp + interval 10 minute
    ) as came_back
    from expired
)
group by user_role
order by expired_sessions desc, user_role
