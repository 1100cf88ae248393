-- Whom to help: people who are no power users yet and reached no milestone for stalled_days (30), those still active first.
-- Of business.user_adoption_milestone events; days count back from the newest event of the tenant. last_seen is their newest event of any
-- kind but milestones.
-- usages: U-business.user_adoption_milestone-4
-- ledger: 273, 276
with newest as (
    select tenant_id, max(timestamp) as newest_at from events group by tenant_id
),
people as (
    select
        tenant_id,
        user_id,
        arg_max(organization_id, timestamp) as organization_id,
        arg_max(properties ->> 'adoption_stage', timestamp) filter (event_name = 'business.user_adoption_milestone') as adoption_stage,
        arg_max(properties ->> 'milestone_type', timestamp) filter (event_name = 'business.user_adoption_milestone') as last_milestone,
        max(timestamp) filter (event_name = 'business.user_adoption_milestone') as reached_at,
        max(timestamp) filter (event_name <> 'business.user_adoption_milestone') as last_seen
    from events
    where user_id is not null
    group by tenant_id, user_id
)
select tenant_id, organization_id, user_id, adoption_stage, last_milestone, reached_at, last_seen
from people
join newest using (tenant_id)
where adoption_stage is distinct from 'power_user'
    and reached_at < newest_at - to_days(cast(coalesce(getvariable('stalled_days'), 30) as integer))
order by tenant_id, last_seen desc nulls last, organization_id, user_id
