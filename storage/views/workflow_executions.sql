-- Executions of workflows, one row each, of all that events tell of them.
-- They are workflow.execution_started, workflow.execution_completed and workflow.execution_failed, put together by tenant and execution_id.
-- What is told again under another event id adds nothing: the first start and the first completion count, and one failure of each
-- retry_attempt. An execution that completed after failed attempts is completed.
-- cost_usd is the whole cost of an execution, that of its AI requests among it: the two are never added.
-- duration_s is what the completion says, else the last failure, else the time from the first start to the end; NULL while it runs.
with told as (
    select
        *,
        json_transform(properties, '{
            "triggered_by": "text", "trigger_type": "text", "priority_level": "text", "execution_environment": "text",
            "estimated_duration": "double", "actual_duration": "double", "execution_duration": "double", "nodes_executed": "bigint",
            "input_data_size": "bigint", "data_processed": "bigint", "output_data_size": "bigint", "cost_incurred": "decimal(18, 6)",
            "failure_reason": "text", "failed_node_id": "text", "failed_node_type": "text", "error_message": "text",
            "retry_attempt": "double"
        }') as said
    from events
    where event_name in ('workflow.execution_started', 'workflow.execution_completed', 'workflow.execution_failed')
        and execution_id is not null
),
put_together as (
    select
        tenant_id,
        arg_min(organization_id, timestamp) as organization_id,
        execution_id,
        arg_min(workflow_id, timestamp) as workflow_id,
        arg_min(environment, timestamp) as environment,
        arg_min(said.execution_environment, timestamp) as execution_environment,
        arg_min(said.triggered_by, timestamp) as triggered_by,
        arg_min(said.trigger_type, timestamp) as trigger_type,
        arg_min(said.priority_level, timestamp) as priority_level,
        min(timestamp) filter (event_name = 'workflow.execution_started') as started_at,
        min(timestamp) filter (event_name = 'workflow.execution_completed') as completed_at,
        max(timestamp) filter (event_name = 'workflow.execution_failed') as failed_at,
        arg_min(said.estimated_duration, timestamp) as estimated_duration_s,
        arg_min(said.actual_duration, timestamp) as actual_duration,
        arg_max(said.execution_duration, timestamp) as execution_duration,
        arg_min(said.nodes_executed, timestamp) as nodes_executed,
        arg_min(said.input_data_size, timestamp) as input_bytes,
        arg_min(said.data_processed, timestamp) as processed_bytes,
        arg_min(said.output_data_size, timestamp) as output_bytes,
        arg_min(said.cost_incurred, timestamp) as cost_usd,
        count(distinct coalesce(said.retry_attempt, 0)) filter (event_name = 'workflow.execution_failed') as failed_attempts,
        arg_max(said.failure_reason, timestamp) as failure_reason,
        arg_max(said.failed_node_id, timestamp) as failed_node_id,
        arg_max(said.failed_node_type, timestamp) as failed_node_type,
        arg_max(said.error_message, timestamp) as error_message,
        min(dt) as dt
    from told
    group by tenant_id, execution_id
)
select
    tenant_id,
    organization_id,
    execution_id,
    workflow_id,
    case when completed_at is not null then 'completed' when failed_at is not null then 'failed' else 'started' end as status,
    environment,
    execution_environment,
    triggered_by,
    trigger_type,
    priority_level,
    started_at,
    coalesce(completed_at, failed_at) as ended_at,
    coalesce(
        actual_duration,
        case when completed_at is null then execution_duration end,
        epoch_us(coalesce(completed_at, failed_at) - started_at) / 1e6
    ) as duration_s,
    estimated_duration_s,
    nodes_executed,
    input_bytes,
    processed_bytes,
    output_bytes,
    cost_usd,
    failed_attempts,
    failure_reason,
    failed_node_id,
    failed_node_type,
    error_message,
    dt
from put_together
