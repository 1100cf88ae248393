-- Who did what, in short: every event once, as a generic call trackEvent(name, user, context, properties) reports it.
-- A view without files: it reads `events`.
create table event_log (
    id              uuid not null,
    "user"          text,
    context         text,
    name            text not null,
    details         json,
    timestamp       timestamptz not null,
    created_at      timestamptz not null,
    organization_id text not null,
    service_name    text not null,
    service_version text,
    environment     text not null,
    trace_id        text,
    span_id         text,
    event_id        text not null,
    dt              date not null,
    time_suspect    boolean not null,
    ingested_at     timestamptz not null,
    tenant_id       text not null
);

comment on column event_log.id is 'made from the payload''s digest and the event''s position in it';
comment on column event_log."user" is 'user.id, as in events';
comment on column event_log.context is 'context.id: what it belongs to, such as a chat';
comment on column event_log.name is 'the event''s name';
comment on column event_log.details is 'its properties';
comment on column event_log.timestamp is 'when it happened';
comment on column event_log.created_at is 'when the collector accepted it';
comment on column event_log.organization_id is 'organization.id of the record, else organization_id, else of its resource, else the tenant';
comment on column event_log.service_name is 'service.name of the resource; unknown where absent';
comment on column event_log.service_version is 'service.version of the resource';
comment on column event_log.environment is 'deployment.environment.name of the resource, else deployment.environment; unknown where absent';
comment on column event_log.trace_id is '32 lower-case hex digits; NULL where there is none';
comment on column event_log.span_id is '16 lower-case hex digits; NULL where there is none';
comment on column event_log.event_id is 'the event that it is, as in events';
comment on column event_log.dt is 'UTC date of the row''s own time, or of arrival where that time is suspect';
comment on column event_log.time_suspect is 'true where the row''s own time is more than 90 days before or 1 hour after arrival, or missing';
comment on column event_log.ingested_at is 'when the collector accepted the payload';
comment on column event_log.tenant_id is 'whose token sent it; a sender cannot set it';

select
    id,
    user_id as "user",
    context_id as context,
    event_name as name,
    properties as details,
    timestamp,
    created_at,
    organization_id, service_name, service_version, environment, trace_id, span_id, event_id, dt, time_suspect, ingested_at, tenant_id
from events;
