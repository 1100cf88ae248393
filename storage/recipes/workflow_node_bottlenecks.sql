-- Where the time of a workflow goes: of each node share of the time, milliseconds, runs for each execution, share of failures.
-- Nodes that take most come first. Above one run for each execution a node is in a loop, or retried.
-- usages: U-workflow.node_executed-1, U-workflow.node_executed-4
-- ledger: 257, 276
with runs as (
    select
        tenant_id,
        workflow_id,
        execution_id,
        properties ->> 'node_id' as node_id,
        properties ->> 'node_type' as node_type,
        try_cast(properties ->> 'execution_duration' as double) as duration_ms,
        try_cast(properties ->> 'success' as boolean) as success
    from events
    where event_name = 'workflow.node_executed'
)
select
    tenant_id,
    workflow_id,
    node_id,
    any_value(node_type) as node_type,
    count(*) as runs,
    round(count(*) / nullif(count(distinct execution_id), 0), 3) as runs_per_execution,
    round(sum(duration_ms) / nullif(sum(sum(duration_ms)) over (partition by tenant_id, workflow_id), 0), 4) as share_of_time,
    round(median(duration_ms), 3) as median_ms,
    round(quantile_cont(duration_ms, 0.95), 3) as p95_ms,
    round(count(*) filter (not success) / nullif(count(success), 0), 4) as failed_share
from runs
group by tenant_id, workflow_id, node_id
order by tenant_id, workflow_id, share_of_time desc nulls last, node_id
