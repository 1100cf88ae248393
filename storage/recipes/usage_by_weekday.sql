-- Weekly usage pattern: people and events of an average Monday, Tuesday, ... (1 is Monday).
-- The average is over the days that the pond holds between the first and the last activity.
-- ledger: 63
with days as (
    select cast(unnest(generate_series(cast(min(timestamp) as date), cast(max(timestamp) as date), interval 1 day)) as date) as day
    from user_activity
),
counted as (
    select cast(timestamp as date) as day, count(distinct person) as people, count(*) as events
    from user_activity
    group by day
)
select
    isodow(day) as weekday,
    dayname(any_value(day)) as name,
    count(*) as days,
    round(coalesce(sum(people), 0) / count(*), 2) as people_per_day,
    round(coalesce(sum(events), 0) / count(*), 2) as events_per_day
from days
left join counted using (day)
group by weekday
order by weekday
