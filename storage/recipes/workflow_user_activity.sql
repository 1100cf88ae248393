-- Who executes workflows, most active first: executions, workflows, days, and how many failed for good.
-- Of executions that a user triggered (triggered_by); those of `system` are left out.
-- usages: U-workflow.execution_started-3
-- ledger: 254, 276
select
    tenant_id,
    triggered_by as user_id,
    count(*) as executions,
    count(distinct workflow_id) as workflows,
    count(distinct cast(coalesce(started_at, ended_at) as date)) as active_days,
    max(coalesce(started_at, ended_at)) as last_execution,
    round(count(*) filter (status = 'failed') / nullif(count(*) filter (status <> 'started'), 0), 4) as failed_share
from workflow_executions
where triggered_by is not null and triggered_by <> 'system'
group by all
order by tenant_id, executions desc, user_id
