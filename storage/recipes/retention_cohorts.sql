-- Retention: of the people who came first in one week, how many were there in each week since.
-- Weeks begin on Monday. Week 0 is that of the first activity that the pond holds; weeks in which nobody of a cohort came show 0.
-- usages: U-user.feature_used-4
-- ledger: 193
with person_weeks as (
    select distinct cast(date_trunc('week', timestamp) as date) as week, person
    from user_activity
),
cohorts as (
    select person, min(week) as cohort
    from person_weeks
    group by person
),
sizes as (
    select cohort, count(*) as size, unnest(generate_series(0, ((select max(week) from person_weeks) - cohort) // 7)) as weeks_later
    from cohorts
    group by cohort
),
counted as (
    select cohort, (week - cohort) // 7 as weeks_later, count(*) as people
    from cohorts
    join person_weeks using (person)
    group by all
)
select
    cohort,
    weeks_later,
    coalesce(people, 0) as people,
    round(coalesce(people, 0) / size, 4) as retention
from sizes
left join counted using (cohort, weeks_later)
order by cohort, weeks_later
