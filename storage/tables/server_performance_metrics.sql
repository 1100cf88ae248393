-- Health of servers. The files hold one row for what one payload says of one service instance and second; the view puts the rows of one
-- collection together and computes rates from the row before.
-- Read from process.*, system.*, runtime, http.server.* and db.client.connection.* metrics, under old and new names; the process's own metric
-- wins over its runtime's, and what our instrumentation counts (otelpond.*) over what others count beside it.
create table server_performance_metrics (
    id                      uuid generated always as (try_cast(md5(concat_ws('/', tenant_id, payload_digest, service_name, service_instance_id, time_unix_nano, 'server_performance_metrics')) as uuid)),
    cpu_usage               decimal(5,2) generated always as (try_cast(case when coalesce(cpu_utilization, system_cpu_utilization) > 9.9999 then 999.99 else coalesce(cpu_utilization, system_cpu_utilization) * 100 end as decimal(5,2))),
    memory_usage_mb         integer generated always as (try_cast(round(coalesce(memory_bytes, heap_bytes, system_memory_bytes) / 1e6) as integer)),
    heap_usage_mb           integer generated always as (try_cast(round(heap_bytes / 1e6) as integer)),
    event_loop_lag_ms       integer generated always as (try_cast(round(event_loop_lag_s * 1000) as integer)),
    active_handles          integer,
    active_requests         integer,
    uptime_seconds          integer generated always as (try_cast(coalesce(uptime_s, (time_unix_nano - start_time_unix_nano) / 1e9) as integer)),
    request_rate            decimal(10,2) generated always as (try_cast(null as decimal(10,2))),
    error_rate              decimal(10,2) generated always as (try_cast(null as decimal(10,2))),
    timestamp               timestamptz not null,
    time_unix_nano          bigint not null,
    created_at              timestamptz generated always as (ingested_at),
    organization_id         text not null,
    service_name            text not null,
    service_version         text,
    environment             text not null,
    service_instance_id     text,
    host_name               text,
    trace_id                text generated always as (try_cast(null as text)),
    span_id                 text generated always as (try_cast(null as text)),
    cpu_utilization         double,
    cpu_time_s              double,
    cpu_temporality         text,
    cpu_start_unix_nano     bigint,
    system_cpu_utilization  double,
    memory_bytes            double,
    heap_bytes              double,
    system_memory_bytes     double,
    event_loop_lag_s        double,
    thread_count            integer,
    gc_collections          bigint,
    cpu_limit               double,
    memory_limit_bytes      double,
    uptime_s                double,
    db_pool_connections     integer,
    request_count           bigint,
    error_count             bigint,
    request_temporality     text,
    request_start_unix_nano bigint,
    start_time_unix_nano    bigint,
    payload_digest          text not null,
    dt                      date not null,
    time_suspect            boolean not null,
    ingested_at             timestamptz not null,
    tenant_id               text not null
);

comment on column server_performance_metrics.id is 'made from the payload''s digest, service, instance and time';
comment on column server_performance_metrics.cpu_usage is 'percent: of the process, else of the machine; the view computes it from CPU time where no utilisation is sent (of one core, so that it may pass 100)';
comment on column server_performance_metrics.memory_usage_mb is 'megabytes (10^6 bytes): resident memory of the process, else its heap, else memory used on the machine';
comment on column server_performance_metrics.heap_usage_mb is 'megabytes (10^6 bytes) of heap the runtime uses';
comment on column server_performance_metrics.event_loop_lag_ms is 'milliseconds the event loop is late';
comment on column server_performance_metrics.active_handles is 'open file descriptors or handles';
comment on column server_performance_metrics.active_requests is 'requests in progress: otelpond.requests.active, else http.server.active_requests';
comment on column server_performance_metrics.uptime_seconds is 'process.uptime, else seconds since the counters started';
comment on column server_performance_metrics.request_rate is 'requests per second since the row before; the view computes it from request_count';
comment on column server_performance_metrics.error_rate is 'requests per second that ended with status 500 or above or an error; the view computes it from error_count';
comment on column server_performance_metrics.timestamp is 'when the metrics were collected';
comment on column server_performance_metrics.time_unix_nano is 'the same in nanoseconds since 1970, of the first point';
comment on column server_performance_metrics.created_at is 'when the collector accepted it';
comment on column server_performance_metrics.organization_id is 'organization.id of the record, else of its resource, else the tenant';
comment on column server_performance_metrics.service_name is 'service.name of the resource; unknown where absent';
comment on column server_performance_metrics.service_version is 'service.version of the resource';
comment on column server_performance_metrics.environment is 'deployment.environment.name of the resource, else deployment.environment; unknown where absent';
comment on column server_performance_metrics.service_instance_id is 'service.instance.id of the resource, else host name and process id';
comment on column server_performance_metrics.host_name is 'host.name of the resource';
comment on column server_performance_metrics.trace_id is 'NULL: a server row belongs to no trace';
comment on column server_performance_metrics.span_id is 'NULL: a server row belongs to no span';
comment on column server_performance_metrics.cpu_utilization is 'share of the CPUs the process used, 0 to 1: process.cpu.utilization, else the runtime''s own';
comment on column server_performance_metrics.cpu_time_s is 'CPU seconds of the process: process.cpu.time, else the runtime''s own';
comment on column server_performance_metrics.cpu_temporality is 'of cpu_time_s: cumulative, or delta';
comment on column server_performance_metrics.cpu_start_unix_nano is 'since when cpu_time_s counts';
comment on column server_performance_metrics.system_cpu_utilization is 'share of the machine''s CPUs that was not idle, 0 to 1: system.cpu.utilization';
comment on column server_performance_metrics.memory_bytes is 'resident memory of the process: process.memory.usage, else the runtime''s own';
comment on column server_performance_metrics.heap_bytes is 'heap in use, as the runtime reports it; of a Python process (otelpond.heap.used) the resident memory that is its alone';
comment on column server_performance_metrics.system_memory_bytes is 'system.memory.usage in state used';
comment on column server_performance_metrics.event_loop_lag_s is 'seconds: otelpond.event_loop.lag, the longest since the row before, or nodejs.eventloop.delay.mean';
comment on column server_performance_metrics.thread_count is 'threads of the process: process.thread.count, else the runtime''s own';
comment on column server_performance_metrics.gc_collections is 'garbage collections, of all generations, as their counter says: cpython.gc.collections, else another runtime''s';
comment on column server_performance_metrics.cpu_limit is 'CPUs that the process may use, by its container''s limit and its CPU set: otelpond.cpu.limit';
comment on column server_performance_metrics.memory_limit_bytes is 'memory that the process may use, its container''s limit or all of the machine: otelpond.memory.limit';
comment on column server_performance_metrics.uptime_s is 'seconds: process.uptime';
comment on column server_performance_metrics.db_pool_connections is 'connections in the pools to databases, used and idle: db.client.connection.count, else db.client.connections.usage';
comment on column server_performance_metrics.request_count is 'requests: otelpond.requests.ended, else the count of http.server.request.duration, else of http.server.duration';
comment on column server_performance_metrics.error_count is 'those of them with status 500 or above or an error.type';
comment on column server_performance_metrics.request_temporality is 'of request_count and error_count: cumulative, or delta';
comment on column server_performance_metrics.request_start_unix_nano is 'since when request_count counts';
comment on column server_performance_metrics.start_time_unix_nano is 'since when the cumulative counters count, the earliest';
comment on column server_performance_metrics.payload_digest is 'xxh3-128 of tenant, signal and payload, 32 hex digits';
comment on column server_performance_metrics.dt is 'partition: UTC date of the row''s own time, or of arrival where that time is suspect';
comment on column server_performance_metrics.time_suspect is 'true where the row''s own time is more than 90 days before or 1 hour after arrival, or missing';
comment on column server_performance_metrics.ingested_at is 'when the collector accepted the payload';
comment on column server_performance_metrics.tenant_id is 'whose token sent it; a sender cannot set it';

with point as (
    select
        * exclude (service_instance_id),
        instance_of(service_instance_id, host_name, resource_attributes) as service_instance_id,
        coalesce(value_double, try_cast(value_int as double)) as value,
        case unit when 'ms' then 1e-3 when 'us' then 1e-6 when 'ns' then 1e-9 else 1 end as seconds,
        -- one pass over the text: these are words of the conventions, without escapes
        case when metric_name like '%cpu%' or metric_name like '%memory%' then
            regexp_extract(
                attributes,
                '"(?:cpu\.mode|(?:system|process)\.cpu\.state|system\.memory\.state|jvm\.memory\.type|state|type)":"([^"]*)"',
                1
            )
        end as state,
        case when metric_name in ('http.server.request.duration', 'http.server.duration') then
            coalesce(regexp_matches(attributes, '"http\.(?:response\.)?status_code":5[0-9][0-9]|"error\.type":'), false)
        end as is_error
    from decoded_metric_points
    where metric_name in (
        'process.cpu.utilization', 'jvm.cpu.recent_utilization', 'process.runtime.jvm.cpu.utilization',
        'process.runtime.cpython.cpu.utilization',
        'process.cpu.time', 'jvm.cpu.time', 'dotnet.process.cpu.time', 'process.runtime.cpython.cpu_time',
        'system.cpu.utilization',
        'process.memory.usage', 'process.runtime.cpython.memory', 'dotnet.process.memory.working_set', 'process.memory.physical_usage',
        'v8js.memory.heap.used', 'nodejs.memory.heap.used', 'jvm.memory.used', 'process.runtime.jvm.memory.usage', 'go.memory.used',
        'process.runtime.go.mem.heap_alloc', 'dotnet.gc.last_collection.heap.size', 'process.runtime.dotnet.gc.heap.size',
        'system.memory.usage', 'otelpond.heap.used', 'otelpond.memory.limit', 'otelpond.cpu.limit',
        'process.thread.count', 'jvm.thread.count', 'process.runtime.cpython.thread_count',
        'cpython.gc.collections', 'process.runtime.cpython.gc_count', 'dotnet.gc.collections', 'jvm.gc.duration', 'v8js.gc.duration',
        'nodejs.eventloop.delay.mean', 'otelpond.event_loop.lag',
        'process.unix.file_descriptor.count', 'process.open_file_descriptor.count', 'process.open_file_descriptors',
        'process.windows.handle.count', 'nodejs.active_handles',
        'process.uptime', 'otelpond.requests.active', 'otelpond.requests.ended', 'otelpond.requests.failed',
        'http.server.active_requests', 'http.server.request.duration', 'http.server.duration'
    )
    -- what a pool grew by is not its size
    or (metric_name in ('db.client.connection.count', 'db.client.connections.usage') and temporality is distinct from 'delta')
)
select
    make_timestamptz(min(time_unix_nano) // 1000) as timestamp,
    min(time_unix_nano) as time_unix_nano,
    organization_id, service_name, service_version, environment, service_instance_id, host_name,
    coalesce(
        sum(case when metric_name = 'process.cpu.utilization' and coalesce(state, '') not in ('idle', 'wait') then value end),
        max(case when metric_name in ('jvm.cpu.recent_utilization', 'process.runtime.jvm.cpu.utilization') then value end),
        max(case when metric_name = 'process.runtime.cpython.cpu.utilization' then value end)
    ) as cpu_utilization,
    coalesce(
        sum(case when metric_name = 'process.cpu.time' and coalesce(state, '') not in ('idle', 'wait') then value end),
        sum(case when metric_name in ('jvm.cpu.time', 'dotnet.process.cpu.time') then value end),
        sum(case when metric_name = 'process.runtime.cpython.cpu_time' then value end)
    ) as cpu_time_s,
    any_value(case when metric_name like '%cpu%time' then temporality end) as cpu_temporality,
    min(case when metric_name like '%cpu%time' then start_time_unix_nano end) as cpu_start_unix_nano,
    1 - avg(case when metric_name = 'system.cpu.utilization' and state = 'idle' then value end) as system_cpu_utilization,
    coalesce(
        sum(case when metric_name = 'process.memory.usage' then value end),
        sum(case when metric_name in ('process.memory.physical_usage', 'dotnet.process.memory.working_set') then value end),
        sum(case when metric_name = 'process.runtime.cpython.memory' and state = 'rss' then value end)
    ) as memory_bytes,
    sum(case
        when metric_name in (
            'v8js.memory.heap.used', 'nodejs.memory.heap.used', 'go.memory.used', 'process.runtime.go.mem.heap_alloc',
            'dotnet.gc.last_collection.heap.size', 'process.runtime.dotnet.gc.heap.size', 'otelpond.heap.used'
        )
        or (metric_name in ('jvm.memory.used', 'process.runtime.jvm.memory.usage') and state = 'heap')
        then value
    end) as heap_bytes,
    sum(case when metric_name = 'system.memory.usage' and state = 'used' then value end) as system_memory_bytes,
    max(case when metric_name in ('nodejs.eventloop.delay.mean', 'otelpond.event_loop.lag') then value * seconds end) as event_loop_lag_s,
    try_cast(coalesce(
        sum(case when metric_name = 'process.thread.count' then value end),
        sum(case when metric_name in ('jvm.thread.count', 'process.runtime.cpython.thread_count') then value end)
    ) as integer) as thread_count,
    try_cast(coalesce(
        sum(case when metric_name = 'cpython.gc.collections' then value end),
        sum(case when metric_name in ('process.runtime.cpython.gc_count', 'dotnet.gc.collections') then value end),
        sum(case when metric_name in ('jvm.gc.duration', 'v8js.gc.duration') then "count" end)
    ) as bigint) as gc_collections,
    max(case when metric_name = 'otelpond.cpu.limit' then value end) as cpu_limit,
    max(case when metric_name = 'otelpond.memory.limit' then value end) as memory_limit_bytes,
    try_cast(coalesce(
        sum(case when metric_name in ('process.unix.file_descriptor.count', 'process.windows.handle.count') then value end),
        sum(case when metric_name in ('process.open_file_descriptor.count', 'process.open_file_descriptors') then value end),
        sum(case when metric_name = 'nodejs.active_handles' then value end)
    ) as integer) as active_handles,
    try_cast(coalesce(
        sum(case when metric_name = 'otelpond.requests.active' then value end),
        sum(case when metric_name = 'http.server.active_requests' then value end)
    ) as integer) as active_requests,
    max(case when metric_name = 'process.uptime' then value * seconds end) as uptime_s,
    try_cast(coalesce(
        sum(case when metric_name = 'db.client.connection.count' then value end),
        sum(case when metric_name = 'db.client.connections.usage' then value end)
    ) as integer) as db_pool_connections,
    try_cast(coalesce(
        sum(case when metric_name = 'otelpond.requests.ended' then value end),
        sum(case when metric_name = 'http.server.request.duration' then "count" end),
        sum(case when metric_name = 'http.server.duration' then "count" end)
    ) as bigint) as request_count,
    try_cast(case
        when count(case when metric_name = 'otelpond.requests.ended' then 1 end) > 0
        then coalesce(sum(case when metric_name = 'otelpond.requests.failed' then value end), 0)
        when count(case when metric_name = 'http.server.request.duration' then 1 end) > 0
        then coalesce(sum(case when metric_name = 'http.server.request.duration' and is_error then "count" end), 0)
        when count(case when metric_name = 'http.server.duration' then 1 end) > 0
        then coalesce(sum(case when metric_name = 'http.server.duration' and is_error then "count" end), 0)
    end as bigint) as error_count,
    coalesce(
        any_value(case when metric_name = 'otelpond.requests.ended' then temporality end),
        any_value(case when is_error is not null then temporality end)
    ) as request_temporality,
    coalesce(
        min(case when metric_name = 'otelpond.requests.ended' then start_time_unix_nano end),
        min(case when is_error is not null then start_time_unix_nano end)
    ) as request_start_unix_nano,
    min(case when temporality = 'cumulative' then start_time_unix_nano end) as start_time_unix_nano,
    payload_digest,
    min(dt) as dt,
    bool_or(time_suspect) as time_suspect,
    min(ingested_at) as ingested_at,
    tenant_id
from point
group by
    tenant_id, payload_digest, organization_id, service_name, service_version, environment, service_instance_id, host_name,
    time_unix_nano // 1000000000;
