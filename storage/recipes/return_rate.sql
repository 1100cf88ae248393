-- Return rate: of the people who were there in a month, the share that was seen on two days of it or more.
-- ledger: 193
with months as (
    select
        cast(date_trunc('month', timestamp) as date) as month,
        person,
        count(distinct cast(timestamp as date)) as days
    from user_activity
    group by all
)
select
    month,
    count(*) as people,
    count(*) filter (days >= 2) as returned,
    round(returned / people, 4) as return_rate,
    round(avg(days), 2) as days_per_person
from months
group by month
order by month
