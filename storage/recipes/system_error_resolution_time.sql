-- How long errors of systems go on until they are resolved, longest first: by service, type and message.
-- Of system.error_occurred events, once per error_id. Errors alike that follow each other within quiet_minutes (60) are one outbreak,
-- resolved with its last error; it lasts where that is less than quiet_minutes older than the newest event of the tenant.
-- usages: U-system.error_occurred-4
-- ledger: 269, 276
with errors as (
    select
        tenant_id,
        min(timestamp) as happened_at,
        coalesce(arg_min(properties ->> 'service_name', timestamp), min(service_name)) as service_name,
        coalesce(arg_min(properties ->> 'error_type', timestamp), 'unknown') as error_type,
        coalesce(arg_min(properties ->> 'error_message', timestamp), '') as error_message
    from events
    where event_name = 'system.error_occurred'
    group by tenant_id, coalesce(nullif(properties ->> 'error_id', ''), event_id)
),
newest as (
    select tenant_id, max(timestamp) as newest_at from events group by tenant_id
),
begun as (
    select
        *,
        to_minutes(cast(coalesce(getvariable('quiet_minutes'), 60) as integer)) as quiet,
        coalesce(happened_at - lag(happened_at) over alike > quiet, true) as begins
    from errors
    window alike as (partition by tenant_id, service_name, error_type, error_message order by happened_at)
),
numbered as (
    select
        *,
        sum(cast(begins as integer)) over (
            partition by tenant_id, service_name, error_type, error_message order by happened_at
            rows between unbounded preceding and current row
        ) as outbreak
    from begun
),
outbreaks as (
    select
        tenant_id,
        service_name,
        error_type,
        error_message,
        min(happened_at) as began_at,
        case when max(happened_at) + any_value(quiet) < any_value(newest_at) then max(happened_at) end as resolved_at,
        count(*) as errors
    from numbered
    join newest using (tenant_id)
    group by tenant_id, service_name, error_type, error_message, outbreak
)
select
    tenant_id,
    service_name,
    error_type,
    error_message,
    count(*) as outbreaks,
    cast(sum(errors) as bigint) as errors,
    round(avg(epoch_us(resolved_at - began_at) / 60e6), 3) as mean_minutes_to_resolution,
    round(max(epoch_us(resolved_at - began_at) / 60e6), 3) as longest_minutes,
    min(began_at) filter (resolved_at is null) as going_on_since
from outbreaks
group by tenant_id, service_name, error_type, error_message
order by tenant_id, mean_minutes_to_resolution desc nulls first, service_name, error_type, error_message
