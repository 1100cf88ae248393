-- Success of adoption: of each milestone, how many people reached it, their share of all people seen, and days until then.
-- Of business.user_adoption_milestone events, the first of each person and milestone. All people: user ids of any event of the tenant.
-- usages: U-business.user_adoption_milestone-2
-- ledger: 273, 276
with people as (
    select tenant_id, count(distinct user_id) as people from events where user_id is not null group by tenant_id
),
reached as (
    select
        tenant_id,
        user_id,
        coalesce(properties ->> 'milestone_type', 'unknown') as milestone_type,
        arg_min(try_cast(properties ->> 'time_to_achieve' as double), timestamp) as days
    from events
    where event_name = 'business.user_adoption_milestone' and user_id is not null
    group by all
)
select
    tenant_id,
    milestone_type,
    count(*) as people,
    round(count(*) / any_value(people.people), 4) as share_of_people,
    round(median(days), 3) as median_days,
    round(quantile_cont(days, 0.9), 3) as p90_days
from reached
join people using (tenant_id)
group by tenant_id, milestone_type
order by tenant_id, count(*) desc, milestone_type
