-- Why executions fail, most frequent first: by reason and type of the failed node, with whom it hits, time lost, share of all so far.
-- Every failed attempt counts, once per execution and retry_attempt, those of executions that completed later too.
-- usages: U-workflow.execution_failed-2, U-workflow.execution_failed-4
-- ledger: 256, 276
with failures as (
    select
        tenant_id,
        execution_id,
        arg_min(workflow_id, timestamp) as workflow_id,
        arg_min(organization_id, timestamp) as organization_id,
        coalesce(arg_min(properties ->> 'failure_reason', timestamp), 'unknown') as failure_reason,
        coalesce(arg_min(properties ->> 'failed_node_type', timestamp), 'unknown') as failed_node_type,
        arg_min(try_cast(properties ->> 'execution_duration' as double), timestamp) as seconds
    from events
    where event_name = 'workflow.execution_failed' and execution_id is not null
    group by tenant_id, execution_id, coalesce(try_cast(properties ->> 'retry_attempt' as double), 0)
),
patterns as (
    select
        tenant_id,
        failure_reason,
        failed_node_type,
        count(*) as failures,
        count(distinct workflow_id) as workflows,
        count(distinct organization_id) as organizations,
        coalesce(sum(seconds), 0) as seconds_lost
    from failures
    group by all
)
select
    *,
    round(
        sum(failures) over (partition by tenant_id order by failures desc, failure_reason, failed_node_type)
            / sum(failures) over (partition by tenant_id),
        4
    ) as share_so_far
from patterns
order by tenant_id, failures desc, failure_reason, failed_node_type
