-- Every event of every span, one row each, in the partition of its span. What else is known of resource and scope stands at the span.
create table span_events (
    id                       uuid generated always as (try_cast(md5(concat_ws('/', tenant_id, trace_id, span_id, event_index, 'span_events')) as uuid)),
    trace_id                 text not null,
    span_id                  text not null,
    event_index              integer not null,
    event_name               text not null,
    event_time               timestamptz not null,
    event_time_unix_nano     bigint not null,
    organization_id          text not null,
    service_name             text not null,
    service_version          text,
    environment              text not null,
    dt                       date not null,
    time_suspect             boolean not null,
    ingested_at              timestamptz not null,
    tenant_id                text not null,
    exception_type           text,
    exception_message        text,
    exception_stacktrace     text,
    attributes               json,
    dropped_attributes_count bigint not null,
    service_namespace        text,
    service_instance_id      text,
    host_name                text,
    telemetry_sdk_language   text,
    scope_name               text,
    scope_version            text
);

comment on column span_events.id is 'made from tenant, trace id, span id and position';
comment on column span_events.trace_id is '32 lower-case hex digits';
comment on column span_events.span_id is '16 lower-case hex digits: the span that holds the event';
comment on column span_events.event_index is 'position among the span''s events, from 0';
comment on column span_events.event_name is 'name of the event';
comment on column span_events.event_time is 'time of the event, to the microsecond; else the span''s start';
comment on column span_events.event_time_unix_nano is 'the same in nanoseconds since 1970';
comment on column span_events.organization_id is 'organization.id of the record, else of its resource, else the tenant';
comment on column span_events.service_name is 'service.name of the resource; unknown where absent';
comment on column span_events.service_version is 'service.version of the resource';
comment on column span_events.environment is 'deployment.environment.name of the resource, else deployment.environment; unknown where absent';
comment on column span_events.dt is 'partition: UTC date of the row''s own time, or of arrival where that time is suspect';
comment on column span_events.time_suspect is 'true where the row''s own time is more than 90 days before or 1 hour after arrival, or missing';
comment on column span_events.ingested_at is 'when the collector accepted the payload';
comment on column span_events.tenant_id is 'whose token sent it; a sender cannot set it';
comment on column span_events.exception_type is 'exception.type';
comment on column span_events.exception_message is 'exception.message';
comment on column span_events.exception_stacktrace is 'exception.stacktrace';
comment on column span_events.attributes is 'the other attributes';
comment on column span_events.dropped_attributes_count is 'Event.dropped_attributes_count';
comment on column span_events.service_namespace is 'service.namespace of the resource';
comment on column span_events.service_instance_id is 'service.instance.id of the resource';
comment on column span_events.host_name is 'host.name of the resource';
comment on column span_events.telemetry_sdk_language is 'telemetry.sdk.language of the resource';
comment on column span_events.scope_name is 'name of the instrumentation scope';
comment on column span_events.scope_version is 'version of the instrumentation scope';

select
    trace_id, span_id, event_index, event_name, event_time, event_time_unix_nano, organization_id,
    service_name, service_version, environment, dt, time_suspect, ingested_at, tenant_id, exception_type,
    exception_message, exception_stacktrace, attributes, dropped_attributes_count, service_namespace,
    service_instance_id, host_name, telemetry_sdk_language, scope_name, scope_version
from decoded_span_events;
