-- New and returning people of each day: a person is new on the day of the first activity that the pond holds.
-- usages: U-user.page_view-4
-- ledger: 193
with person_days as (
    select distinct cast(timestamp as date) as day, person
    from user_activity
),
seen as (
    select day, day = min(day) over (partition by person) as is_new
    from person_days
)
select
    day,
    count(*) filter (is_new) as new_users,
    count(*) filter (not is_new) as returning_users
from seen
group by day
order by day
