-- Engagement (0 to 100) by adoption stage: mean, quarter and three-quarter points, of people's newest assessment.
-- Of business.user_adoption_milestone events with an engagement_score.
-- usages: U-business.user_adoption_milestone-3
-- ledger: 273, 276
with people as (
    select
        tenant_id,
        user_id,
        coalesce(arg_max(properties ->> 'adoption_stage', timestamp), 'unknown') as adoption_stage,
        arg_max(try_cast(properties ->> 'engagement_score' as double), timestamp) as score
    from events
    where event_name = 'business.user_adoption_milestone' and user_id is not null
        and try_cast(properties ->> 'engagement_score' as double) is not null
    group by all
)
select
    tenant_id,
    adoption_stage,
    count(*) as people,
    round(avg(score), 3) as mean_score,
    round(quantile_cont(score, 0.25), 3) as quarter_below,
    round(quantile_cont(score, 0.75), 3) as quarter_above
from people
group by all
order by tenant_id, mean_score desc, adoption_stage
