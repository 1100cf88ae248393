-- Monthly trends: people, sessions and events of each month, and how many more or fewer people than in the month before.
-- Growth compares months that follow each other in the answer; the first has none.
-- ledger: 64
select
    cast(date_trunc('month', timestamp) as date) as month,
    count(distinct person) as people,
    count(distinct session_id) as sessions,
    count(*) as events,
    round(count(distinct person) / lag(count(distinct person)) over (order by month) - 1, 4) as growth
from user_activity
group by month
order by month
