-- Usage by hour of the day: events, and people of an average day; the busiest hour has rank 1.
-- Hours are of the session's time zone (UTC unless set); hours in which nobody did anything are 0. The average is over the days on which
-- anybody did anything.
-- usages: U-user.login-3, U-user.login-1
-- ledger: 61, 65
with hours as (
    select cast(timestamp as date) as day, hour(timestamp) as hour, count(*) as events, count(distinct person) as people
    from user_activity
    group by all
)
select
    hour,
    coalesce(sum(events), 0) as events,
    round(coalesce(sum(people), 0) / nullif((select count(distinct day) from hours), 0), 2) as people_per_day,
    rank() over (order by coalesce(sum(events), 0) desc) as rank
from (select unnest(range(24)) as hour)
left join hours using (hour)
group by hour
order by hour
