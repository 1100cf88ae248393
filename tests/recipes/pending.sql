-- Tables of this issue whose DDL have not landed: each goes from here when its file is in storage/tables.
create table if not exists user_sessions (
    id uuid, session_id text, user_id text, anonymous_id text, user_role text default 'anonymous', session_start timestamptz,
    session_end timestamptz, session_duration integer, pages_visited text[], page_views_count integer default 0,
    actions_count integer default 0, events_count integer default 0, entry_page text, exit_page text, is_bounce boolean default false, is_bot boolean default false,
    referrer text, referrer_class text, utm_source text, utm_medium text, utm_campaign text, device_info json, ip_address text,
    user_agent text, created_at timestamptz, updated_at timestamptz, organization_id text default 'default',
    service_name text default 'app', service_version text, environment text default 'production', trace_id text, span_id text,
    dt date, time_suspect boolean default false, ingested_at timestamptz, tenant_id text default 'default'
);
create table if not exists identities (
    anonymous_id text, user_id text, after_unix_nano bigint, until_unix_nano bigint, tenant_id text default 'default'
);
create view if not exists workflow_executions as
-- Executions of workflows, one row each, of all that events tell of them.
-- They are workflow.execution_started, workflow.execution_completed and workflow.execution_failed, put together by tenant and execution_id.
-- What is told again under another event id adds nothing: the first start and the first completion count, and one failure of each
-- retry_attempt. An execution that completed after failed attempts is completed.
-- cost_usd is the whole cost of an execution, that of its AI requests among it: the two are never added.
-- duration_s is what the completion says, else the last failure, else the time from the first start to the end; NULL while it runs.
with told as (
    select
        *,
        try_cast(properties ->> 'actual_duration' as double) as actual_duration,
        try_cast(properties ->> 'execution_duration' as double) as execution_duration,
        coalesce(try_cast(properties ->> 'retry_attempt' as double), 0) as retry_attempt
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
        arg_min(properties ->> 'execution_environment', timestamp) as execution_environment,
        arg_min(properties ->> 'triggered_by', timestamp) as triggered_by,
        arg_min(properties ->> 'trigger_type', timestamp) as trigger_type,
        arg_min(properties ->> 'priority_level', timestamp) as priority_level,
        min(timestamp) filter (event_name = 'workflow.execution_started') as started_at,
        min(timestamp) filter (event_name = 'workflow.execution_completed') as completed_at,
        max(timestamp) filter (event_name = 'workflow.execution_failed') as failed_at,
        arg_min(try_cast(properties ->> 'estimated_duration' as double), timestamp) as estimated_duration_s,
        arg_min(actual_duration, timestamp) as actual_duration,
        arg_max(execution_duration, timestamp) as execution_duration,
        arg_min(try_cast(properties ->> 'nodes_executed' as bigint), timestamp) as nodes_executed,
        arg_min(try_cast(properties ->> 'input_data_size' as bigint), timestamp) as input_bytes,
        arg_min(try_cast(properties ->> 'data_processed' as bigint), timestamp) as processed_bytes,
        arg_min(try_cast(properties ->> 'output_data_size' as bigint), timestamp) as output_bytes,
        arg_min(try_cast(properties ->> 'cost_incurred' as decimal(18, 6)), timestamp) as cost_usd,
        count(distinct retry_attempt) filter (event_name = 'workflow.execution_failed') as failed_attempts,
        arg_max(properties ->> 'failure_reason', timestamp) as failure_reason,
        arg_max(properties ->> 'failed_node_id', timestamp) as failed_node_id,
        arg_max(properties ->> 'failed_node_type', timestamp) as failed_node_type,
        arg_max(properties ->> 'error_message', timestamp) as error_message,
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
;
create view if not exists ai_requests as
-- Requests to AI models, one row each, of all that events tell of them.
-- They are ai.model_requested, ai.model_completed, ai.model_failed and ai.cost_incurred, put together by tenant and request_id; an event
-- without one stands for itself.
-- A cost is told by up to three events and counts once: actual_cost of the completion, else cost_amount of an ai.cost_incurred;
-- estimated_cost never. An ai.cost_incurred that names no request is the cost of a completed request where its organization completed
-- one with the same model within the hour before or after, and else of a request that nothing else tells of.
-- What is told again under another event id adds nothing; failures are attempts, and one of each retry_attempt counts.
with told as (
    select
        tenant_id, organization_id, event_id, event_name, timestamp, dt, environment, workflow_id, execution_id,
        nullif(properties ->> 'request_id', '') as request_id,
        coalesce(properties ->> 'model_provider', 'unknown') as model_provider,
        coalesce(properties ->> 'model_name', 'unknown') as model_name,
        properties,
        try_cast(properties ->> 'actual_cost' as decimal(18, 6)) as actual_cost,
        try_cast(properties ->> 'cost_amount' as decimal(18, 6)) as cost_amount,
        try_cast(properties ->> 'processing_time' as double) as processing_time,
        coalesce(try_cast(properties ->> 'retry_attempt' as double), 0) as retry_attempt
    from events
    where event_name in ('ai.model_requested', 'ai.model_completed', 'ai.model_failed', 'ai.cost_incurred')
),
repeated as (
    select cost.tenant_id, cost.event_id
    from (select * from told where event_name = 'ai.cost_incurred' and request_id is null) as cost
    asof join (select * from told where event_name = 'ai.model_completed' and actual_cost is not null) as completed
        on cost.tenant_id = completed.tenant_id and cost.organization_id = completed.organization_id
        and cost.model_name = completed.model_name and cost.timestamp + interval 1 hour >= completed.timestamp
    where completed.timestamp >= cost.timestamp - interval 1 hour
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
            arg_min(model_provider, timestamp) filter (event_name = 'ai.model_completed'), arg_min(model_provider, timestamp)
        ) as model_provider,
        coalesce(arg_min(model_name, timestamp) filter (event_name = 'ai.model_completed'), arg_min(model_name, timestamp)) as model_name,
        arg_min(properties ->> 'task_type', timestamp) as task_type,
        arg_min(properties ->> 'priority_level', timestamp) as priority_level,
        min(timestamp) as timestamp,
        min(timestamp) filter (event_name in ('ai.model_completed', 'ai.cost_incurred')) as completed_at,
        max(timestamp) filter (event_name = 'ai.model_failed') as failed_at,
        coalesce(
            arg_min(processing_time, timestamp) filter (event_name = 'ai.model_completed'), arg_max(processing_time, timestamp)
        ) as processing_time_ms,
        arg_min(try_cast(properties ->> 'input_tokens' as bigint), timestamp) as input_tokens,
        arg_min(try_cast(properties ->> 'output_tokens' as bigint), timestamp) as output_tokens,
        arg_min(try_cast(properties ->> 'tokens_used' as bigint), timestamp) as tokens_used,
        arg_min(try_cast(properties ->> 'estimated_cost' as decimal(18, 6)), timestamp) as estimated_cost_usd,
        arg_min(actual_cost, timestamp) as actual_cost,
        arg_min(cost_amount, timestamp) as cost_amount,
        arg_min(properties ->> 'billing_period', timestamp) as billing_period,
        arg_min(properties ->> 'workflow_category', timestamp) as workflow_category,
        arg_min(try_cast(properties ->> 'response_quality' as double), timestamp) as response_quality,
        count(distinct retry_attempt) filter (event_name = 'ai.model_failed') as failed_attempts,
        arg_max(properties ->> 'failure_reason', timestamp) as failure_reason,
        arg_max(properties ->> 'error_code', timestamp) as error_code,
        min(dt) as dt
    from told
    anti join repeated using (tenant_id, event_id)
    group by all
)
select
    tenant_id,
    organization_id,
    request_id,
    case when completed_at is not null then 'completed' when failed_at is not null then 'failed' else 'requested' end as status,
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
;
create view if not exists api_requests as
-- API requests, one row each, whoever tells of them.
-- The span counts where there is one (api_performance_metrics): api.request_* events of the same tenant, service and trace only add to
-- it what spans do not say (the API key, the rest of its rate limit, the kind of error). Where a service sends no spans, a request is its
-- api.request_completed or api.request_failed event, once per request_id where they carry one; an api.request_received counts only
-- where no such event of the same key, endpoint and method follows within five minutes.
-- failed: a status code of 400 or above, no answer, or an api.request_failed event.
with told as (
    select
        tenant_id, organization_id, service_name, environment, event_id, event_name, timestamp, dt, trace_id, user_id,
        nullif(properties ->> 'request_id', '') as request_id,
        properties ->> 'api_key_id' as api_key_id,
        coalesce(properties ->> 'endpoint', '') as endpoint,
        coalesce(properties ->> 'method', '') as method,
        try_cast(properties ->> 'response_status' as integer) as status_code,
        try_cast(properties ->> 'processing_time' as double) as duration_ms,
        try_cast(properties ->> 'request_size' as bigint) as request_bytes,
        try_cast(properties ->> 'response_size' as bigint) as response_bytes,
        try_cast(properties ->> 'rate_limit_remaining' as bigint) as rate_limit_remaining,
        properties ->> 'error_type' as error_type,
        properties ->> 'error_message' as error_message,
        coalesce(try_cast(properties ->> 'retry_attempt' as integer), 0) as retry_attempt,
        coalesce(ip_address, properties ->> 'ip_address') as ip_address,
        coalesce(user_agent, properties ->> 'user_agent') as user_agent
    from events
    where event_name in ('api.request_received', 'api.request_completed', 'api.request_failed')
),
beside_spans as (
    select
        tenant_id, trace_id, service_name,
        any_value(api_key_id) as api_key_id,
        min(rate_limit_remaining) as rate_limit_remaining,
        any_value(error_type) as error_type,
        any_value(error_message) as error_message,
        max(retry_attempt) as retry_attempt
    from told
    semi join api_performance_metrics using (tenant_id, trace_id, service_name)
    group by all
),
alone as (
    select * from told
    anti join api_performance_metrics using (tenant_id, trace_id, service_name)
),
followed as (
    select received.tenant_id, received.event_id
    from (select * from alone where event_name = 'api.request_received') as received
    asof join (select *, coalesce(api_key_id, '') as of_key from alone where event_name <> 'api.request_received') as ended
        on received.tenant_id = ended.tenant_id and received.organization_id = ended.organization_id
        and received.service_name = ended.service_name and received.endpoint = ended.endpoint and received.method = ended.method
        and coalesce(received.api_key_id, '') = ended.of_key and received.timestamp <= ended.timestamp
    where ended.timestamp <= received.timestamp + interval 5 minute
),
put_together as (
    -- the parts of one request: those that share a request_id
    select
        tenant_id,
        coalesce(request_id, event_id) as request,
        arg_min(organization_id, timestamp) as organization_id,
        arg_min(service_name, timestamp) as service_name,
        arg_min(environment, timestamp) as environment,
        arg_min(endpoint, timestamp) as endpoint,
        arg_min(method, timestamp) as method,
        min(timestamp) filter (event_name = 'api.request_received') as received_at,
        min(timestamp) filter (event_name <> 'api.request_received') as ended_at,
        arg_min(duration_ms, timestamp) as duration_ms,
        arg_min(status_code, timestamp) as status_code,
        bool_or(event_name = 'api.request_failed' or coalesce(status_code >= 400, false)) as failed,
        arg_min(request_bytes, timestamp) as request_bytes,
        arg_min(response_bytes, timestamp) as response_bytes,
        arg_min(api_key_id, timestamp) as api_key_id,
        min(rate_limit_remaining) as rate_limit_remaining,
        arg_min(error_type, timestamp) as error_type,
        arg_min(error_message, timestamp) as error_message,
        max(retry_attempt) as retry_attempt,
        arg_min(user_id, timestamp) as user_id,
        arg_min(ip_address, timestamp) as ip_address,
        arg_min(user_agent, timestamp) as user_agent,
        arg_min(trace_id, timestamp) as trace_id,
        min(dt) as dt
    from alone
    where request_id is not null or not exists (
        from followed where followed.tenant_id = alone.tenant_id and followed.event_id = alone.event_id
    )
    group by all
),
requests as (
    select
        tenant_id, organization_id, service_name, environment, 'event' as source, endpoint, method,
        coalesce(received_at, ended_at - to_milliseconds(coalesce(duration_ms, 0))) as requested_at,
        duration_ms, status_code, failed, request_bytes, response_bytes, api_key_id, rate_limit_remaining, error_type, error_message,
        retry_attempt, user_id, ip_address, user_agent, trace_id, try_cast(null as text) as span_id, dt
    from put_together
    union all
    select
        tenant_id, organization_id, service_name, environment, 'span', endpoint_path, http_method,
        request_timestamp,
        duration_ns / 1e6, nullif(status_code, 0), error or status_code >= 400 or status_code = 0,
        request_size_bytes, response_size_bytes, api_key_id, rate_limit_remaining, error_type, error_message,
        coalesce(retry_attempt, 0), user_id, ip_address, user_agent, trace_id, span_id, dt
    from api_performance_metrics
    left join beside_spans using (tenant_id, trace_id, service_name)
)
select * replace (
    case when failed then coalesce(error_type, case
        when status_code = 401 then 'authentication'
        when status_code = 403 then 'authorization'
        when status_code between 400 and 499 then 'validation'
        else 'server_error'
    end) end as error_type
)
from requests
;
