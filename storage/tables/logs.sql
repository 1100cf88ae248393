-- Every log record, one row each, events (records with an event name) among them.
create table logs (
    id                                uuid generated always as (try_cast(md5(concat_ws('/', payload_digest, item_index, 'logs')) as uuid)),
    trace_id                          text,
    span_id                           text,
    flags                             bigint not null,
    timestamp                         timestamptz not null,
    time_unix_nano                    bigint not null,
    observed_time_unix_nano           bigint,
    severity_number                   integer not null,
    severity_text                     text,
    event_name                        text,
    body                              text,
    body_type                         text,
    organization_id                   text not null,
    service_name                      text not null,
    service_version                   text,
    environment                       text not null,
    dt                                date not null,
    time_suspect                      boolean not null,
    ingested_at                       timestamptz not null,
    tenant_id                         text not null,
    user_id                           text,
    user_role                         text,
    user_roles                        json,
    session_id                        text,
    user_agent_original               text,
    url_full                          text,
    error_type                        text,
    exception_type                    text,
    exception_message                 text,
    exception_stacktrace              text,
    log_record_uid                    text,
    semconv                           text,
    attributes                        json,
    dropped_attributes_count          bigint not null,
    service_namespace                 text,
    service_instance_id               text,
    host_name                         text,
    telemetry_sdk_language            text,
    resource_attributes               json,
    resource_dropped_attributes_count bigint not null,
    resource_entity_refs              json,
    resource_schema_url               text,
    scope_name                        text,
    scope_version                     text,
    scope_attributes                  json,
    scope_dropped_attributes_count    bigint not null,
    scope_schema_url                  text,
    payload_digest                    text not null,
    item_index                        integer not null
);

comment on column logs.id is 'made from the payload''s digest and the record''s position in it';
comment on column logs.trace_id is '32 lower-case hex digits; NULL where absent or invalid';
comment on column logs.span_id is '16 lower-case hex digits; NULL where absent or invalid';
comment on column logs.flags is 'LogRecord.flags: bits 0-7 W3C trace flags';
comment on column logs.timestamp is 'time of the record, to the microsecond; else when it was observed, else when it was accepted';
comment on column logs.time_unix_nano is 'the same in nanoseconds since 1970';
comment on column logs.observed_time_unix_nano is 'when it was observed, in nanoseconds since 1970';
comment on column logs.severity_number is '1-4 TRACE, 5-8 DEBUG, 9-12 INFO, 13-16 WARN, 17-20 ERROR, 21-24 FATAL; 0 unspecified';
comment on column logs.severity_text is 'the source''s own name for the severity';
comment on column logs.event_name is 'LogRecord.event_name, else the attribute event.name';
comment on column logs.body is 'a string body as it is, bytes as base64, any other as JSON text';
comment on column logs.body_type is 'string, bool, int, double, bytes, array or kvlist';
comment on column logs.organization_id is 'organization.id of the record, else of its resource, else the tenant';
comment on column logs.service_name is 'service.name of the resource; unknown where absent';
comment on column logs.service_version is 'service.version of the resource';
comment on column logs.environment is 'deployment.environment.name of the resource, else deployment.environment; unknown where absent';
comment on column logs.dt is 'partition: UTC date of the row''s own time, or of arrival where that time is suspect';
comment on column logs.time_suspect is 'true where the row''s own time is more than 90 days before or 1 hour after arrival, or missing';
comment on column logs.ingested_at is 'when the collector accepted the payload';
comment on column logs.tenant_id is 'whose token sent it; a sender cannot set it';
comment on column logs.user_id is 'user.id, else enduser.id';
comment on column logs.user_role is 'user.role, else enduser.role';
comment on column logs.user_roles is 'user.roles, as it came';
comment on column logs.session_id is 'session.id';
comment on column logs.user_agent_original is 'user_agent.original, else http.user_agent';
comment on column logs.url_full is 'url.full, else http.url';
comment on column logs.error_type is 'error.type';
comment on column logs.exception_type is 'exception.type';
comment on column logs.exception_message is 'exception.message';
comment on column logs.exception_stacktrace is 'exception.stacktrace';
comment on column logs.log_record_uid is 'log.record.uid';
comment on column logs.semconv is 'which names the renamed attributes came under: new, old or mixed; NULL where there was none';
comment on column logs.attributes is 'the other attributes';
comment on column logs.dropped_attributes_count is 'LogRecord.dropped_attributes_count';
comment on column logs.service_namespace is 'service.namespace of the resource';
comment on column logs.service_instance_id is 'service.instance.id of the resource';
comment on column logs.host_name is 'host.name of the resource';
comment on column logs.telemetry_sdk_language is 'telemetry.sdk.language of the resource';
comment on column logs.resource_attributes is 'the resource''s other attributes';
comment on column logs.resource_dropped_attributes_count is 'Resource.dropped_attributes_count';
comment on column logs.resource_entity_refs is 'Resource.entity_refs: array of {schema_url, type, id_keys, description_keys}';
comment on column logs.resource_schema_url is 'schema_url of the ResourceSpans, ResourceLogs or ResourceMetrics';
comment on column logs.scope_name is 'name of the instrumentation scope';
comment on column logs.scope_version is 'version of the instrumentation scope';
comment on column logs.scope_attributes is 'attributes of the instrumentation scope';
comment on column logs.scope_dropped_attributes_count is 'InstrumentationScope.dropped_attributes_count';
comment on column logs.scope_schema_url is 'schema_url of the ScopeSpans, ScopeLogs or ScopeMetrics';
comment on column logs.payload_digest is 'xxh3-128 of tenant, signal and payload, 32 hex digits';
comment on column logs.item_index is 'position among the payload''s items, from 0';

select
    trace_id, span_id, flags, timestamp, time_unix_nano, observed_time_unix_nano, severity_number,
    severity_text, event_name, body, body_type, organization_id, service_name, service_version, environment,
    dt, time_suspect, ingested_at, tenant_id, user_id, user_role, user_roles, session_id, user_agent_original,
    url_full, error_type, exception_type, exception_message, exception_stacktrace, log_record_uid, semconv,
    attributes, dropped_attributes_count, service_namespace, service_instance_id, host_name,
    telemetry_sdk_language, resource_attributes, resource_dropped_attributes_count, resource_entity_refs,
    resource_schema_url, scope_name, scope_version, scope_attributes, scope_dropped_attributes_count,
    scope_schema_url, payload_digest, item_index
from decoded_logs;
