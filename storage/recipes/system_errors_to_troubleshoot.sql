-- The newest errors of systems (100, or newest), gravest first: message, request, trace, stack, how often the same was seen before.
-- Of system.error_occurred events, once per error_id; the same is what has the same service, type and message.
-- usages: U-system.error_occurred-3
-- ledger: 269, 276
with errors as (
    select
        tenant_id,
        coalesce(nullif(properties ->> 'error_id', ''), event_id) as error_id,
        min(timestamp) as happened_at,
        coalesce(arg_min(properties ->> 'service_name', timestamp), min(service_name)) as service_name,
        arg_min(properties ->> 'error_type', timestamp) as error_type,
        arg_min(properties ->> 'error_severity', timestamp) as severity,
        arg_min(properties ->> 'error_message', timestamp) as error_message,
        arg_min(properties ->> 'request_id', timestamp) as request_id,
        arg_min(trace_id, timestamp) as trace_id,
        arg_min(properties ->> 'stack_trace', timestamp) as stack_trace
    from events
    where event_name = 'system.error_occurred'
    group by all
),
counted as (
    select
        *,
        row_number() over (
            partition by tenant_id, service_name, error_type, error_message order by happened_at, error_id
        ) - 1 as seen_before
    from errors
    order by happened_at desc, error_id
    limit cast(coalesce(getvariable('newest'), 100) as bigint)
)
select tenant_id, happened_at, severity, service_name, error_type, error_message, seen_before, error_id, request_id, trace_id, stack_trace
from counted
order by list_position(['critical', 'high', 'medium', 'low'], severity) nulls last, happened_at desc, error_id
