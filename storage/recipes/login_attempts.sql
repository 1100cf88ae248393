-- Authentication patterns: attempts to log in by weekday (1 is Monday), hour and method, and how many of them failed.
-- Hours are of the session's time zone (UTC unless set).
-- usages: U-security.login_attempt-1
select
    isodow(timestamp) as weekday,
    hour(timestamp) as hour,
    coalesce(properties ->> 'login_method', 'unknown') as login_method,
    count(*) as attempts,
    count(distinct user_id) as people,
    count(*) filter (properties ->> 'success' = 'false') as failures
from events
where event_name = 'security.login_attempt'
group by all
order by weekday, hour, login_method
