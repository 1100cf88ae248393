-- Error rate by role: errors that users met, how many of the role's people met one, and errors for each session.
-- Errors are those of error_logs; the people and sessions of a role those of user_activity.
-- ledger: 212
with met as (
    select user_role, count(*) as errors, count(distinct user_id) as people_with_errors
    from error_logs
    group by user_role
),
active as (
    select user_role, count(distinct person) as people, count(distinct session_id) as sessions
    from user_activity
    group by user_role
)
select
    user_role,
    coalesce(errors, 0) as errors,
    coalesce(people_with_errors, 0) as people_with_errors,
    coalesce(people, 0) as people,
    round(coalesce(errors, 0) / nullif(sessions, 0), 4) as errors_per_session
from active
full join met using (user_role)
order by errors desc, user_role
