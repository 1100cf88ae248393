-- Daily, weekly and monthly active users: how many people did something on each day, in the 7 and in the 30 days that end with it.
-- Stickiness is the share of the monthly that came on that day. People and what counts as doing something are those of user_activity.
-- usages: U-user.login-1, U-user.session_expired-2
-- ledger: 187-189
with person_days as (
    select distinct cast(timestamp as date) as day, person
    from user_activity
),
days as (
    select cast(unnest(generate_series(min(day), max(day), interval 1 day)) as date) as day
    from person_days
)
select
    days.day,
    count(distinct person) filter (seen.day = days.day) as daily_active_users,
    count(distinct person) filter (seen.day > days.day - 7) as weekly_active_users,
    count(distinct person) as monthly_active_users,
    round(daily_active_users / monthly_active_users, 4) as stickiness
from days
join person_days as seen on seen.day between days.day - 29 and days.day
group by days.day
order by days.day
