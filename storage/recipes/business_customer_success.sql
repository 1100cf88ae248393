-- How each organization fares, those that decline first: executions, people with milestones, value last delivered.
-- Completed executions of the last 30 days are compared to those of the 30 days before.
-- Days count back from the newest event of the tenant. An execution counts once.
-- usages: U-business.workflow_value_delivered-4
-- ledger: 272, 273, 276
with newest as (
    select tenant_id, max(timestamp) as newest_at from events group by tenant_id
),
done as (
    select tenant_id, organization_id, 'execution' as kind, ended_at as done_at, try_cast(null as text) as user_id
    from workflow_executions
    where status = 'completed'
    union all
    select tenant_id, organization_id, event_name, timestamp, user_id
    from events
    where event_name in ('business.workflow_value_delivered', 'business.user_adoption_milestone')
),
organizations as (
    select
        tenant_id,
        organization_id,
        count(*) filter (kind = 'execution' and done_at > newest_at - interval 30 day) as executions,
        count(*) filter (
            kind = 'execution' and done_at <= newest_at - interval 30 day and done_at > newest_at - interval 60 day
        ) as executions_before,
        count(distinct user_id) filter (kind = 'business.user_adoption_milestone') as people_with_milestones,
        max(done_at) filter (kind = 'business.workflow_value_delivered') as value_last_delivered
    from done
    join newest using (tenant_id)
    group by all
)
select *, round(executions / nullif(executions_before, 0) - 1, 4) as change
from organizations
order by tenant_id, change nulls last, organization_id
