-- Requests to AI models, one row each, of all that events tell of them.
-- They are ai.model_requested, ai.model_completed, ai.model_failed and ai.cost_incurred, put together by tenant and request_id; an event
-- without one stands for itself.
-- A cost is told by up to three events and counts once: actual_cost of the completion, else cost_amount of an ai.cost_incurred;
-- estimated_cost never. An ai.cost_incurred that names no request is the cost of a completed request where its organization completed
-- one with the same model within the hour before or after, one for each completed. What only costs tell of has the status 'cost only': it
-- is spent, but no request to be counted.
-- What is told again under another event id adds nothing; failures are attempts, and one of each retry_attempt counts.
with parsed as (
    select
        *,
        json_transform(properties, '{
            "request_id": "text", "model_provider": "text", "model_name": "text", "task_type": "text", "priority_level": "text",
            "input_tokens": "bigint", "output_tokens": "bigint", "tokens_used": "bigint", "processing_time": "double",
            "estimated_cost": "decimal(18, 6)", "actual_cost": "decimal(18, 6)", "cost_amount": "decimal(18, 6)", "billing_period": "text",
            "workflow_category": "text", "response_quality": "double", "failure_reason": "text", "error_code": "text",
            "retry_attempt": "double"
        }') as said
    from events
    where event_name in ('ai.model_requested', 'ai.model_completed', 'ai.model_failed', 'ai.cost_incurred')
),
told as (
    select
        tenant_id, organization_id, event_id, event_name, timestamp, dt, environment, workflow_id, execution_id, said,
        nullif(said.request_id, '') as request_id,
        coalesce(said.model_name, 'unknown') as model_name
    from parsed
),
completed as (
    select tenant_id, organization_id, model_name, min(timestamp) as timestamp
    from told
    where event_name = 'ai.model_completed' and said.actual_cost is not null
    group by tenant_id, organization_id, model_name, coalesce(request_id, event_id)
),
nearby as (
    select cost.tenant_id, cost.organization_id, cost.model_name, cost.timestamp, cost.event_id
    from (select * from told where event_name = 'ai.cost_incurred' and request_id is null) as cost
    asof join completed
        on cost.tenant_id = completed.tenant_id and cost.organization_id = completed.organization_id
        and cost.model_name = completed.model_name and cost.timestamp + interval 1 hour >= completed.timestamp
    where completed.timestamp >= cost.timestamp - interval 1 hour
),
together as (
    -- such costs and the completed requests, each run of them without an hour's pause numbered
    select *, count(*) filter (after_pause) over (partition by tenant_id, organization_id, model_name order by timestamp) as run
    from (
        select
            *,
            timestamp > lag(timestamp) over (partition by tenant_id, organization_id, model_name order by timestamp) + interval 1 hour
                as after_pause
        from (from nearby union all by name from completed)
    )
),
repeated as (
    select tenant_id, event_id
    from together
    window a_run as (partition by tenant_id, organization_id, model_name, run)
    qualify event_id is not null
        and count(event_id) over (a_run order by timestamp, event_id) <= count(*) filter (event_id is null) over a_run
),
put_together as (
    select
        tenant_id,
        coalesce(request_id, event_id) as request_id,
        arg_min(organization_id, timestamp) as organization_id,
        arg_min(environment, timestamp) as environment,
        arg_min(workflow_id, timestamp) as workflow_id,
        arg_min(execution_id, timestamp) as execution_id,
        coalesce(
            arg_min(said.model_provider, timestamp) filter (event_name = 'ai.model_completed'),
            arg_min(said.model_provider, timestamp),
            'unknown'
        ) as model_provider,
        coalesce(
            arg_min(said.model_name, timestamp) filter (event_name = 'ai.model_completed'), arg_min(said.model_name, timestamp), 'unknown'
        ) as model_name,
        arg_min(said.task_type, timestamp) as task_type,
        arg_min(said.priority_level, timestamp) as priority_level,
        min(timestamp) as timestamp,
        min(timestamp) filter (event_name = 'ai.model_completed') as completed_at,
        max(timestamp) filter (event_name = 'ai.model_failed') as failed_at,
        bool_and(event_name = 'ai.cost_incurred') as cost_only,
        coalesce(
            arg_min(said.processing_time, timestamp) filter (event_name = 'ai.model_completed'), arg_max(said.processing_time, timestamp)
        ) as processing_time_ms,
        arg_min(said.input_tokens, timestamp) as input_tokens,
        arg_min(said.output_tokens, timestamp) as output_tokens,
        arg_min(said.tokens_used, timestamp) as tokens_used,
        arg_min(said.estimated_cost, timestamp) as estimated_cost_usd,
        arg_min(said.actual_cost, timestamp) as actual_cost,
        arg_min(said.cost_amount, timestamp) as cost_amount,
        arg_min(said.billing_period, timestamp) as billing_period,
        arg_min(said.workflow_category, timestamp) as workflow_category,
        arg_min(said.response_quality, timestamp) as response_quality,
        count(distinct coalesce(said.retry_attempt, 0)) filter (event_name = 'ai.model_failed') as failed_attempts,
        arg_max(said.failure_reason, timestamp) as failure_reason,
        arg_max(said.error_code, timestamp) as error_code,
        min(dt) as dt
    from told
    anti join repeated using (tenant_id, event_id)
    group by all
)
select
    tenant_id,
    organization_id,
    request_id,
    case
        when completed_at is not null then 'completed'
        when failed_at is not null then 'failed'
        when cost_only then 'cost only'
        else 'requested'
    end as status,
    environment,
    workflow_id,
    execution_id,
    workflow_category,
    model_provider,
    model_name,
    task_type,
    priority_level,
    timestamp,
    coalesce(completed_at, failed_at) as ended_at,
    processing_time_ms,
    input_tokens,
    output_tokens,
    coalesce(input_tokens + output_tokens, tokens_used) as total_tokens,
    estimated_cost_usd,
    coalesce(actual_cost, cost_amount) as cost_usd,
    case when actual_cost is not null then 'ai.model_completed' when cost_amount is not null then 'ai.cost_incurred' end as cost_source,
    coalesce(billing_period, strftime(timestamp, '%Y-%m')) as billing_period,
    response_quality,
    failed_attempts,
    failure_reason,
    error_code,
    dt
from put_together
