-- Performance of each workflow, slowest first: executions, share completed, duration in seconds, nodes for each execution.
-- Durations and nodes are of completed executions; what still runs counts for nothing.
-- usages: U-workflow.execution_completed-1
-- ledger: 255, 276
select
    tenant_id,
    workflow_id,
    count(*) as executions,
    round(count(*) filter (status = 'completed') / count(*), 4) as completed_share,
    round(median(duration_s) filter (status = 'completed'), 3) as median_s,
    round(quantile_cont(duration_s, 0.95) filter (status = 'completed'), 3) as p95_s,
    round(avg(nodes_executed), 3) as average_nodes
from workflow_executions
where status <> 'started'
group by all
order by tenant_id, p95_s desc nulls last, workflow_id
