-- The life of workflows, by month and category: created, deleted, existing at its end, deleted unused, age when deleted.
-- A workflow counts once as created and once as deleted. Workflows made before events were collected are known by their deletion only:
-- existing_at_end counts what was created since.
-- usages: U-workflow.deleted-1, U-workflow.deleted-3
-- ledger: 253, 276
with born as (
    select
        tenant_id,
        workflow_id,
        coalesce(arg_min(properties ->> 'category', timestamp), 'unknown') as category,
        min(timestamp) filter (event_name = 'workflow.created') as created_at,
        min(timestamp) filter (event_name = 'workflow.deleted') as deleted_at,
        arg_min(try_cast(properties ->> 'age_days' as double), timestamp) as age_days,
        arg_min(try_cast(properties ->> 'execution_count' as double), timestamp) as execution_count
    from events
    where event_name in ('workflow.created', 'workflow.deleted') and workflow_id is not null
    group by tenant_id, workflow_id
),
changes as (
    select tenant_id, category, created_at as changed_at, 1 as created, 0 as deleted, 1 as more, null as age_days, null as execution_count
    from born
    where created_at is not null
    union all
    select tenant_id, category, deleted_at, 0, 1, case when created_at is not null then -1 else 0 end, age_days, execution_count
    from born
    where deleted_at is not null
)
select
    tenant_id,
    category,
    cast(date_trunc('month', changed_at) as date) as month,
    cast(sum(created) as bigint) as created,
    cast(sum(deleted) as bigint) as deleted,
    cast(sum(sum(more)) over (partition by tenant_id, category order by month) as bigint) as existing_at_end,
    count(*) filter (deleted = 1 and execution_count = 0) as deleted_unused,
    round(median(age_days), 3) as median_age_days
from changes
group by tenant_id, category, month
order by all
