-- Efficiency of workflows, and where there is most to gain: data and nodes for each second, cost of a gigabyte, time beyond the estimate.
-- Of completed executions. Those with most seconds beyond their estimates come first; a second saved elsewhere makes up for none.
-- usages: U-workflow.execution_completed-3, U-workflow.execution_completed-4
-- ledger: 255, 276
select
    tenant_id,
    workflow_id,
    count(*) as executions,
    round(sum(processed_bytes) filter (duration_s is not null) / nullif(sum(duration_s) filter (processed_bytes is not null), 0), 3)
        as bytes_per_second,
    round(sum(nodes_executed) filter (duration_s is not null) / nullif(sum(duration_s) filter (nodes_executed is not null), 0), 3)
        as nodes_per_second,
    round(
        cast(sum(cost_usd) filter (processed_bytes is not null) as double)
            / nullif(sum(processed_bytes) filter (cost_usd is not null), 0) * 1e9,
        6
    ) as cost_per_gigabyte,
    round(coalesce(sum(duration_s - estimated_duration_s) filter (duration_s > estimated_duration_s), 0), 3) as seconds_beyond_estimate
from workflow_executions
where status = 'completed'
group by all
order by tenant_id, seconds_beyond_estimate desc, workflow_id
