-- Where execution time goes: by execution environment and priority, with how good the estimates are.
-- seconds are those of executions that ended; actual_to_estimated compares sums over executions that have both.
-- usages: U-workflow.execution_started-4
-- ledger: 254, 276
select
    tenant_id,
    coalesce(execution_environment, 'unknown') as execution_environment,
    coalesce(priority_level, 'unknown') as priority_level,
    count(*) as executions,
    round(coalesce(sum(duration_s), 0), 3) as seconds,
    round(sum(duration_s) / nullif(sum(sum(duration_s)) over (partition by tenant_id), 0), 4) as share_of_seconds,
    round(
        sum(duration_s) filter (estimated_duration_s is not null)
            / nullif(sum(estimated_duration_s) filter (duration_s is not null), 0),
        3
    ) as actual_to_estimated
from workflow_executions
group by tenant_id, coalesce(execution_environment, 'unknown'), coalesce(priority_level, 'unknown')
order by tenant_id, seconds desc, execution_environment, priority_level
