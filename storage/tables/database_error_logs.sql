-- Database operations that failed, one row each: spans that carry a database system and an ERROR status or an exception. Failed
-- connections are among them.
create table database_error_logs (
    id                   uuid generated always as (try_cast(md5(concat_ws('/', tenant_id, trace_id, span_id, 'database_error_logs')) as uuid)),
    error_id             uuid generated always as (try_cast(md5(concat_ws('/', tenant_id, trace_id, span_id, 'database_error')) as uuid)),
    error_type           text not null,
    error_message        text not null default '',
    error_stack          text,
    error_code           text,
    exception_type       text,
    query                text,
    query_type           text not null default '',
    query_hash           text,
    table_name           text not null default '',
    db_system            text not null,
    db_namespace         text,
    error_timestamp      timestamptz not null,
    duration_ns          bigint not null,
    user_id              text,
    user_role            text not null default 'anonymous',
    resolved             boolean generated always as (false),
    resolved_at          timestamptz generated always as (try_cast(null as timestamptz)),
    resolved_by          text generated always as (try_cast(null as text)),
    created_at           timestamptz generated always as (ingested_at),
    issue_id             uuid generated always as (case when fingerprint is not null then try_cast(md5(concat_ws('/', tenant_id, service_name, fingerprint)) as uuid) end),
    fingerprint          text,
    grouping_version     integer,
    previous_fingerprint text,
    grouping             json,
    culprit              text,
    mapped_stack         text,
    organization_id      text not null,
    service_name         text not null,
    service_version      text,
    environment          text not null,
    trace_id             text not null,
    span_id              text not null,
    dt                   date not null,
    time_suspect         boolean not null,
    ingested_at          timestamptz not null,
    tenant_id            text not null
);

comment on column database_error_logs.id is 'made from tenant, trace id and span id';
comment on column database_error_logs.error_id is 'made from tenant, trace id and span id: one failed operation is one error';
comment on column database_error_logs.error_type is 'connection, constraint, timeout or query: otelpond.db.error.kind, else by SQLSTATE, exception type and message';
comment on column database_error_logs.error_message is 'message of the span''s last exception, else Status.message, else empty';
comment on column database_error_logs.error_stack is 'exception.stacktrace of that exception';
comment on column database_error_logs.error_code is 'db.response.status_code, else error.type';
comment on column database_error_logs.exception_type is 'exception.type of that exception';
comment on column database_error_logs.query is 'the statement, every literal replaced by ?';
comment on column database_error_logs.query_type is 'first word of db.operation.name, else of db.operation; else read from the statement, else from db.query.summary; upper case; empty where nothing says it';
comment on column database_error_logs.query_hash is '16 hex digits: md5 of the statement without literals, else of db.query.summary';
comment on column database_error_logs.table_name is 'db.collection.name and its older names, else read from the statement, else from db.query.summary; empty where nothing says it';
comment on column database_error_logs.db_system is 'db.system.name, else db.system';
comment on column database_error_logs.db_namespace is 'db.namespace, else db.name';
comment on column database_error_logs.error_timestamp is 'start of the operation';
comment on column database_error_logs.duration_ns is 'nanoseconds; negative where clocks ran backwards';
comment on column database_error_logs.user_id is 'user.id, else enduser.id';
comment on column database_error_logs.user_role is 'user.role, else enduser.role, else the first of user.roles; anonymous where there is none';
comment on column database_error_logs.resolved is 'whether its issue is resolved (see issues)';
comment on column database_error_logs.resolved_at is 'since when its issue is resolved; else NULL';
comment on column database_error_logs.resolved_by is 'who resolved its issue; NULL where it is not resolved';
comment on column database_error_logs.created_at is 'when the collector accepted it';
comment on column database_error_logs.issue_id is 'the issue it belongs to: made from tenant, service and fingerprint; NULL without a fingerprint';
comment on column database_error_logs.fingerprint is '32 hex digits, equal for what is the same error: made of a rule of the configuration, else of exception.fingerprint, else of in-app frames and exception types, else of all frames, else of kind, statement and message';
comment on column database_error_logs.grouping_version is 'version of the grouping that gave fingerprint; NULL where none did';
comment on column database_error_logs.previous_fingerprint is 'fingerprint by the version before, for 30 days after a change of version; else NULL';
comment on column database_error_logs.grouping is 'what the fingerprint is made of: {"by", "rule", "parts"}, by one of rule, attribute, in_app_frames, frames, message, request, query, type';
comment on column database_error_logs.culprit is 'function and module of the frame to blame, as `total in shop.orders`; without a stack operation and table';
comment on column database_error_logs.mapped_stack is 'error_stack with the sources'' places, where source maps of the release were known; else NULL';
comment on column database_error_logs.organization_id is 'organization.id of the record, else of its resource, else the tenant';
comment on column database_error_logs.service_name is 'service.name of the resource; unknown where absent';
comment on column database_error_logs.service_version is 'service.version of the resource';
comment on column database_error_logs.environment is 'deployment.environment.name of the resource, else deployment.environment; unknown where absent';
comment on column database_error_logs.trace_id is '32 lower-case hex digits';
comment on column database_error_logs.span_id is '16 lower-case hex digits';
comment on column database_error_logs.dt is 'partition: UTC date of the row''s own time, or of arrival where that time is suspect';
comment on column database_error_logs.time_suspect is 'true where the row''s own time is more than 90 days before or 1 hour after arrival, or missing';
comment on column database_error_logs.ingested_at is 'when the collector accepted the payload';
comment on column database_error_logs.tenant_id is 'whose token sent it; a sender cannot set it';

with exception as (
    -- the last exception of a span is the one that ended it
    select span_row_id, exception_type as type, exception_message as message, exception_stacktrace as stack,
        case when contains(attributes, '"exception.fingerprint"') then json_extract(attributes, '$."exception.fingerprint"') end as fingerprint
    from decoded_span_events
    where row_id in (
        select arg_max(row_id, event_index) from decoded_span_events
        where event_name = 'exception' or exception_type is not null
        group by span_row_id
    )
),
failed as (
    select s.*, nullif(e.type, '') as exception_type, nullif(e.stack, '') as error_stack,
        coalesce(nullif(e.message, ''), s.status_message, '') as error_message,
        coalesce(s.db_response_status_code, '') as code,
        case when contains(s.attributes, '"otelpond.db.error.kind"') then
            json_extract_string(s.attributes, '$."otelpond.db.error.kind"')
        end as kind_said,
        concat_ws(' ', e.type, e.message, s.status_message, s.error_type) as said,
        e.fingerprint as asked
    from decoded_failed_spans s
    left join exception e on e.span_row_id = s.row_id
    where s.db_system_name is not null and (s.status_code = 'ERROR' or e.span_row_id is not null)
)
select
    case
        when kind_said in ('connection', 'constraint', 'timeout', 'query') then kind_said
        -- SQLSTATE classes: 23 integrity, 57014 cancelled by a timeout, 08 connection, 28 authorisation, 57P and 53300 server going or full
        when regexp_full_match(code, '23[0-9A-Z]{3}') then 'constraint'
        when code = '57014' then 'timeout'
        when regexp_full_match(code, '(08|28|57P)[0-9A-Z]+|53300') then 'connection'
        when regexp_matches(said, '(?i)integrity|constraint|duplicate (key|entry)|foreign key|violates|unique') then 'constraint'
        when regexp_matches(
            said,
            '(?i)could not connect|can.t connect|connection (refused|reset|closed|aborted|to server|attempt)|connect(ion)? ?timed? ?out|'
            'econn|server (closed|has gone away)|broken pipe|name resolution|name or service not known|too many (connections|clients)'
        ) then 'connection'
        when regexp_matches(said, '(?i)time(d)?[ _-]?out|deadline exceeded|canceling statement|lock wait') then 'timeout'
        when regexp_matches(said, '(?i)connection|interfaceerror|disconnect') then 'connection'
        when is_connection(db_query_text, db_query_summary, db_collection_name, db_operation_name, name) then 'connection'
        else 'query'
    end as error_type,
    error_message,
    error_stack,
    coalesce(db_response_status_code, failed.error_type) as error_code,
    exception_type,
    db_query_text as query,
    query_type(db_operation_name, db_query_operation, db_query_summary) as query_type,
    coalesce(db_query_hash, left(md5(db_query_summary), 16)) as query_hash,
    table_of(db_collection_name, db_query_table, db_query_text, db_query_summary) as table_name,
    db_system_name as db_system,
    db_namespace,
    start_time as error_timestamp,
    duration_ns,
    user_id,
    role_of(user_role, user_roles) as user_role,
    -- grouping/ replaces these, and reads what stands in `grouping`: what the other columns do not tell it
    null as fingerprint,
    null as grouping_version,
    null as previous_fingerprint,
    json_object('language', telemetry_sdk_language, 'fingerprint', asked) as grouping,
    null as culprit,
    null as mapped_stack,
    organization_id, service_name, service_version, environment, trace_id, span_id, dt, time_suspect, ingested_at, tenant_id
from failed;
