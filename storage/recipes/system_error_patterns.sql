-- Errors of systems, most frequent first: by service, type and message, with severity, users affected, first and last time.
-- Which source counts: system.error_occurred events, once per error_id. Exceptions that services report as spans and logs are in
-- error_logs and are not counted here.
-- usages: U-system.error_occurred-1
-- ledger: 269, 276
with errors as (
    select
        tenant_id,
        min(timestamp) as first_at,
        coalesce(arg_min(properties ->> 'service_name', timestamp), min(service_name)) as service_name,
        coalesce(arg_min(properties ->> 'error_type', timestamp), 'unknown') as error_type,
        coalesce(arg_min(properties ->> 'error_message', timestamp), '') as error_message,
        arg_min(list_position(['low', 'medium', 'high', 'critical'], properties ->> 'error_severity'), timestamp) as severity,
        arg_min(coalesce(properties ->> 'user_affected', user_id), timestamp) as user_affected
    from events
    where event_name = 'system.error_occurred'
    group by tenant_id, coalesce(nullif(properties ->> 'error_id', ''), event_id)
)
select
    tenant_id,
    service_name,
    error_type,
    error_message,
    ['low', 'medium', 'high', 'critical'][max(severity)] as worst_severity,
    count(*) as errors,
    count(distinct user_affected) as users_affected,
    min(first_at) as first_seen,
    max(first_at) as last_seen
from errors
group by tenant_id, service_name, error_type, error_message
order by tenant_id, errors desc, service_name, error_type, error_message
