-- Database operations, one row each: spans that carry a database system.
-- Opening, taking and giving back connections is no operation: spans of that name without statement, summary or collection are left out.
create table database_performance_metrics (
    id                   uuid generated always as (try_cast(md5(concat_ws('/', tenant_id, trace_id, span_id, 'database_performance_metrics')) as uuid)),
    query_type           text not null default '',
    table_name           text not null default '',
    query_duration_ms    integer not null,
    duration_ns          bigint not null,
    rows_affected        integer,
    query_hash           text,
    query_text           text,
    slow_query           boolean not null default false,
    error                boolean not null default false,
    connection_pool_size integer,
    db_system            text not null,
    db_namespace         text,
    timestamp            timestamptz not null,
    created_at           timestamptz generated always as (ingested_at),
    organization_id      text not null,
    service_name         text not null,
    service_version      text,
    environment          text not null,
    service_instance_id  text,
    trace_id             text not null,
    span_id              text not null,
    dt                   date not null,
    time_suspect         boolean not null,
    ingested_at          timestamptz not null,
    tenant_id            text not null
);

comment on column database_performance_metrics.id is 'made from tenant, trace id and span id';
comment on column database_performance_metrics.query_type is 'first word of db.operation.name, else of db.operation; else read from the statement, else from db.query.summary; upper case; empty where nothing says it';
comment on column database_performance_metrics.table_name is 'db.collection.name and its older names, else read from the statement, else from db.query.summary; empty where nothing says it';
comment on column database_performance_metrics.query_duration_ms is 'milliseconds, rounded; see duration_ns';
comment on column database_performance_metrics.duration_ns is 'nanoseconds; negative where clocks ran backwards';
comment on column database_performance_metrics.rows_affected is 'db.response.returned_rows, else db.response.affected_rows, else db.rows_affected';
comment on column database_performance_metrics.query_hash is '16 hex digits: md5 of the statement without literals, else of db.query.summary';
comment on column database_performance_metrics.query_text is 'the statement, every literal replaced by ?';
comment on column database_performance_metrics.slow_query is 'otelpond.slow, which a service with a threshold of its own says; else true where it took longer than slow_query_threshold_ms (1000 unless set)';
comment on column database_performance_metrics.error is 'true where the span''s status is ERROR';
comment on column database_performance_metrics.connection_pool_size is 'open connections, used and idle, of the pool that the operation used: otelpond.db.pool.connections; else of all pools of the service instance at its start, by its newest server row of the 5 minutes before: the view looks it up, NULL where there is none';
comment on column database_performance_metrics.db_system is 'db.system.name, else db.system';
comment on column database_performance_metrics.db_namespace is 'db.namespace, else db.name';
comment on column database_performance_metrics.timestamp is 'start of the operation';
comment on column database_performance_metrics.created_at is 'when the collector accepted it';
comment on column database_performance_metrics.organization_id is 'organization.id of the record, else of its resource, else the tenant';
comment on column database_performance_metrics.service_name is 'service.name of the resource; unknown where absent';
comment on column database_performance_metrics.service_version is 'service.version of the resource';
comment on column database_performance_metrics.environment is 'deployment.environment.name of the resource, else deployment.environment; unknown where absent';
comment on column database_performance_metrics.service_instance_id is 'service.instance.id of the resource, else host name and process id';
comment on column database_performance_metrics.trace_id is '32 lower-case hex digits';
comment on column database_performance_metrics.span_id is '16 lower-case hex digits';
comment on column database_performance_metrics.dt is 'partition: UTC date of the row''s own time, or of arrival where that time is suspect';
comment on column database_performance_metrics.time_suspect is 'true where the row''s own time is more than 90 days before or 1 hour after arrival, or missing';
comment on column database_performance_metrics.ingested_at is 'when the collector accepted the payload';
comment on column database_performance_metrics.tenant_id is 'whose token sent it; a sender cannot set it';

select
    query_type(db_operation_name, db_query_operation, db_query_summary) as query_type,
    table_of(db_collection_name, db_query_table, db_query_text, db_query_summary) as table_name,
    whole_ms(duration_ns) as query_duration_ms,
    duration_ns,
    try_cast(coalesce(
        db_response_returned_rows,
        case when contains(attributes, 'rows') then coalesce(
            try_cast(json_extract_string(attributes, '$."db.response.affected_rows"') as bigint),
            try_cast(json_extract_string(attributes, '$."db.rows_affected"') as bigint)
        ) end
    ) as integer) as rows_affected,
    coalesce(db_query_hash, left(md5(db_query_summary), 16)) as query_hash,
    db_query_text as query_text,
    coalesce(
        case when contains(attributes, 'otelpond.slow') then try_cast(json_extract_string(attributes, '$."otelpond.slow"') as boolean) end,
        duration_ns > getvariable('slow_query_ms') * 1000000
    ) as slow_query,
    status_code = 'ERROR' as error,
    try_cast(
        case when contains(attributes, 'otelpond.db.p') then json_extract_string(attributes, '$."otelpond.db.pool.connections"') end as integer
    ) as connection_pool_size,
    db_system_name as db_system,
    db_namespace,
    start_time as timestamp,
    organization_id, service_name, service_version, environment,
    instance_of(service_instance_id, host_name, resource_attributes) as service_instance_id,
    trace_id, span_id, dt, time_suspect, ingested_at, tenant_id
from decoded_spans
where db_system_name is not null
    -- a connection is no query
    and not is_connection(db_query_text, db_query_summary, db_collection_name, db_operation_name, name);
