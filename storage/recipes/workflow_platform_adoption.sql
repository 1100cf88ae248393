-- Adoption of the platform by month: organizations and people that create workflows, those who do it first, all so far.
-- A person is a creator (created_by) of a tenant; a workflow counts once, at its first workflow.created event.
-- usages: U-workflow.created-3
-- ledger: 251, 276
with created as (
    select
        tenant_id,
        workflow_id,
        arg_min(organization_id, timestamp) as organization_id,
        arg_min(coalesce(properties ->> 'created_by', user_id), timestamp) as creator,
        cast(date_trunc('month', min(timestamp)) as date) as month
    from events
    where event_name = 'workflow.created' and workflow_id is not null
    group by tenant_id, workflow_id
),
marked as (
    select *, month = min(month) over (partition by tenant_id, creator) as is_first_month
    from created
)
select
    tenant_id,
    month,
    count(*) as workflows,
    count(distinct organization_id) as organizations,
    count(distinct creator) as creators,
    count(distinct creator) filter (is_first_month) as new_creators,
    cast(sum(count(distinct creator) filter (is_first_month)) over (partition by tenant_id order by month) as bigint) as creators_so_far
from marked
group by tenant_id, month
order by all
