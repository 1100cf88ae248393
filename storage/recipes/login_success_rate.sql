-- Authentication success: attempts to log in by day and method, the share that succeeded, and why others failed most.
-- An attempt is a security.login_attempt. Where a day and method has none, successful logins (user.login) are told, without a rate.
-- usages: U-user.login-2, U-security.login_attempt-3
with attempts as (
    select
        cast(timestamp as date) as day,
        coalesce(properties ->> 'login_method', 'unknown') as login_method,
        count(*) as attempts,
        count(*) filter (properties ->> 'success' = 'true') as successes,
        mode(properties ->> 'failure_reason') filter (properties ->> 'success' = 'false') as most_common_failure
    from events
    where event_name = 'security.login_attempt'
    group by all
),
logins as (
    select cast(timestamp as date) as day, coalesce(properties ->> 'login_method', 'unknown') as login_method, count(*) as logins
    from events
    where event_name = 'user.login'
    group by all
)
select
    day,
    login_method,
    coalesce(attempts, 0) as attempts,
    coalesce(successes, logins) as successes,
    round(successes / attempts, 4) as success_rate,
    most_common_failure
from attempts
full join logins using (day, login_method)
order by day, login_method
