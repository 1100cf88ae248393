-- How far people have come: in each adoption stage, who is in it now, who was ever in it, and days until it is reached (median).
-- Of business.user_adoption_milestone events. A person is in the stage of the newest milestone; time_to_achieve of the first event in a
-- stage counts.
-- usages: U-business.user_adoption_milestone-1
-- ledger: 273, 276
with stages as (
    select
        tenant_id,
        user_id,
        properties ->> 'adoption_stage' as adoption_stage,
        min(timestamp) as reached_at,
        max(timestamp) as last_at,
        arg_min(try_cast(properties ->> 'time_to_achieve' as double), timestamp) as days
    from events
    where event_name = 'business.user_adoption_milestone' and user_id is not null and (properties ->> 'adoption_stage') is not null
    group by all
),
marked as (
    select *, last_at = max(last_at) over (partition by tenant_id, user_id) as is_now
    from stages
)
select
    tenant_id,
    adoption_stage,
    count(*) filter (is_now) as people_now,
    round(count(*) filter (is_now) / sum(count(*) filter (is_now)) over (partition by tenant_id), 4) as share_now,
    count(*) as people_ever,
    round(median(days), 3) as median_days_to_reach
from marked
group by tenant_id, adoption_stage
order by
    tenant_id,
    list_position(['explorer', 'early_adopter', 'regular_user', 'power_user'], adoption_stage) nulls last,
    adoption_stage
