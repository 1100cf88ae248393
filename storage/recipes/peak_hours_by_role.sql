-- Peak usage times by role: the three busiest hours of the day of each role, with the people of an average day.
-- Hours are of the session's time zone (UTC unless set). The average is over the days on which the role did anything.
-- usages: U-user.login-3
-- ledger: 60
with hours as (
    select user_role, cast(timestamp as date) as day, hour(timestamp) as hour, count(*) as events, count(distinct person) as people
    from user_activity
    group by all
)
select
    user_role,
    row_number() over (partition by user_role order by sum(events) desc, hour) as rank,
    hour,
    sum(events) as events,
    round(sum(people) / any_value(days), 2) as people_per_day
from hours
join (select user_role, count(distinct day) as days from hours group by user_role) using (user_role)
group by user_role, hour
qualify rank <= cast(coalesce(getvariable('top'), 3) as integer)
order by user_role, rank
