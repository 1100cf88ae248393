-- How much workflows were used before they were deleted, by number of executions: share, age, idle days, usual reason.
-- A workflow counts once. idle_days lie between its last execution and its deletion.
-- usages: U-workflow.deleted-2
-- ledger: 253, 276
with deleted as (
    select
        tenant_id,
        workflow_id,
        min(timestamp) as deleted_at,
        arg_min(try_cast(properties ->> 'execution_count' as double), timestamp) as execution_count,
        arg_min(try_cast(properties ->> 'age_days' as double), timestamp) as age_days,
        arg_min(try_cast(properties ->> 'last_execution' as timestamptz), timestamp) as last_execution,
        arg_min(properties ->> 'deletion_reason', timestamp) as reason
    from events
    where event_name = 'workflow.deleted' and workflow_id is not null
    group by tenant_id, workflow_id
),
banded as (
    select
        *,
        case
            when execution_count is null then 'unknown'
            when execution_count = 0 then '0'
            when execution_count < 10 then '1-9'
            when execution_count < 100 then '10-99'
            else '100 and more'
        end as executions
    from deleted
)
select
    tenant_id,
    executions,
    count(*) as workflows,
    round(count(*) / sum(count(*)) over (partition by tenant_id), 4) as share,
    round(median(age_days), 3) as median_age_days,
    round(median(epoch_us(deleted_at - last_execution) / 86400e6), 3) as median_idle_days,
    mode(reason) as usual_reason
from banded
group by tenant_id, executions
order by tenant_id, min(execution_count) nulls last
