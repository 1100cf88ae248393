-- Health of servers, one row a service instance and collection: rows of one instance less than 50 ms apart are put together.
-- Rates are what a counter grew since the row before, by the seconds between; a counter that started anew counts from its start.
-- Over less than half a second CPU time says nothing: systems count it in ticks, and an SDK counts from its own start what the process
-- had used before.
with marked as (
    select
        *,
        coalesce(time_unix_nano - lag(time_unix_nano) over instance > 50000000, true) as starts
    from server_performance_metrics_files
    window instance as (partition by tenant_id, service_name, environment, service_instance_id, host_name order by time_unix_nano)
),
numbered as (
    select
        *,
        try_cast(sum(try_cast(starts as integer)) over (
            partition by tenant_id, service_name, environment, service_instance_id, host_name order by time_unix_nano, payload_digest
            rows between unbounded preceding and current row
        ) as bigint) as collection
    from marked
),
collected as (
    select
        tenant_id, service_name, environment, service_instance_id, host_name, collection,
        arg_min(id, time_unix_nano) as id,
        min(timestamp) as timestamp,
        min(time_unix_nano) as time_unix_nano,
        max(organization_id) as organization_id,
        max(service_version) as service_version,
        arg_min(payload_digest, time_unix_nano) as payload_digest,
        min(dt) as dt,
        bool_or(time_suspect) as time_suspect,
        min(ingested_at) as ingested_at,
        max(created_at) as created_at,
        any_value(trace_id) as trace_id,
        any_value(span_id) as span_id,
        max(cpu_utilization) as cpu_utilization,
        sum(cpu_time_s) as cpu_time_s,
        any_value(cpu_temporality) as cpu_temporality,
        min(cpu_start_unix_nano) as cpu_start_unix_nano,
        max(system_cpu_utilization) as system_cpu_utilization,
        max(memory_bytes) as memory_bytes,
        max(heap_bytes) as heap_bytes,
        max(system_memory_bytes) as system_memory_bytes,
        max(event_loop_lag_s) as event_loop_lag_s,
        try_cast(sum(thread_count) as integer) as thread_count,
        try_cast(sum(gc_collections) as bigint) as gc_collections,
        max(cpu_limit) as cpu_limit,
        max(memory_limit_bytes) as memory_limit_bytes,
        max(uptime_s) as uptime_s,
        try_cast(sum(db_pool_connections) as integer) as db_pool_connections,
        try_cast(sum(active_handles) as integer) as active_handles,
        try_cast(sum(active_requests) as integer) as active_requests,
        try_cast(sum(request_count) as bigint) as request_count,
        try_cast(sum(error_count) as bigint) as error_count,
        any_value(request_temporality) as request_temporality,
        min(request_start_unix_nano) as request_start_unix_nano,
        min(start_time_unix_nano) as start_time_unix_nano
    from numbered
    group by tenant_id, service_name, environment, service_instance_id, host_name, collection
),
grown as (
    select
        *,
        request_temporality = 'cumulative' and request_start_unix_nano is not distinct from lag(request_start_unix_nano) over requests
            and request_count >= lag(request_count) over requests as requests_go_on,
        request_count - case when requests_go_on then lag(request_count) over requests else 0 end as requests,
        error_count - case when requests_go_on then lag(error_count) over requests else 0 end as errors,
        (time_unix_nano - case when requests_go_on then lag(time_unix_nano) over requests else request_start_unix_nano end) / 1e9
            as request_s,
        cpu_temporality = 'cumulative' and cpu_start_unix_nano is not distinct from lag(cpu_start_unix_nano) over cpu
            and cpu_time_s >= lag(cpu_time_s) over cpu as cpu_goes_on,
        cpu_time_s - case when cpu_goes_on then lag(cpu_time_s) over cpu else 0 end as cpu_s,
        (time_unix_nano - case when cpu_goes_on then lag(time_unix_nano) over cpu else cpu_start_unix_nano end) / 1e9 as cpu_elapsed_s,
        coalesce(cpu_utilization, case when cpu_elapsed_s >= 0.5 then cpu_s / cpu_elapsed_s end, system_cpu_utilization) as cpu_share
    from collected
    window
        requests as (
            partition by tenant_id, service_name, environment, service_instance_id, host_name, request_count is null order by time_unix_nano
        ),
        cpu as (
            partition by tenant_id, service_name, environment, service_instance_id, host_name, cpu_time_s is null order by time_unix_nano
        )
)
select
    id,
    try_cast(case when cpu_share > 9.9999 then 999.99 else cpu_share * 100 end as decimal(5, 2)) as cpu_usage,  -- least() would skip NULL
    try_cast(round(coalesce(memory_bytes, heap_bytes, system_memory_bytes) / 1e6) as integer) as memory_usage_mb,
    try_cast(round(heap_bytes / 1e6) as integer) as heap_usage_mb,
    try_cast(round(event_loop_lag_s * 1000) as integer) as event_loop_lag_ms,
    active_handles,
    active_requests,
    try_cast(coalesce(uptime_s, (time_unix_nano - start_time_unix_nano) / 1e9) as integer) as uptime_seconds,
    try_cast(case when request_s > 0 then requests / request_s end as decimal(10, 2)) as request_rate,
    try_cast(case when request_s > 0 then errors / request_s end as decimal(10, 2)) as error_rate,
    timestamp,
    time_unix_nano,
    created_at,
    organization_id,
    service_name,
    service_version,
    environment,
    service_instance_id,
    host_name,
    trace_id,
    span_id,
    cpu_utilization,
    cpu_time_s,
    cpu_temporality,
    cpu_start_unix_nano,
    system_cpu_utilization,
    memory_bytes,
    heap_bytes,
    system_memory_bytes,
    event_loop_lag_s,
    thread_count,
    gc_collections,
    cpu_limit,
    memory_limit_bytes,
    uptime_s,
    db_pool_connections,
    request_count,
    error_count,
    request_temporality,
    request_start_unix_nano,
    start_time_unix_nano,
    payload_digest,
    dt,
    time_suspect,
    ingested_at,
    tenant_id
from grown
