-- How long workflows stay broken: mean time to recovery, longest outage, and whether one lasts.
-- An outage of a workflow begins with an execution that failed for good and ends with its next completed one; further failures between
-- belong to it. Outages that last have no recovery time yet.
-- usages: U-workflow.execution_failed-3
-- ledger: 256, 276
with ended as (
    select
        tenant_id,
        workflow_id,
        status,
        ended_at,
        min(case status when 'completed' then ended_at end) over (
            partition by tenant_id, workflow_id order by ended_at, status desc rows between 1 following and unbounded following
        ) as recovered_at
    from workflow_executions
    where status <> 'started' and workflow_id is not null
),
outages as (
    select tenant_id, workflow_id, min(ended_at) as broken_at, recovered_at, count(*) as failures
    from ended
    where status = 'failed'
    group by tenant_id, workflow_id, recovered_at
)
select
    tenant_id,
    workflow_id,
    count(*) as outages,
    cast(sum(failures) as bigint) as failures,
    round(avg(epoch_us(recovered_at - broken_at) / 60e6), 3) as mean_minutes_to_recovery,
    round(max(epoch_us(recovered_at - broken_at) / 60e6), 3) as longest_minutes,
    min(broken_at) filter (recovered_at is null) as broken_since
from outages
group by all
order by tenant_id, mean_minutes_to_recovery desc nulls first, workflow_id
