-- What users did on pages: the events user.action, each once. A view without files: it reads `events`.
create table user_actions (
    id               uuid not null,
    user_id          text,
    user_role        text not null default 'anonymous',
    anonymous_id     text,
    session_id       text,
    page_slug        text not null default '',
    page_path        text,
    action_type      text not null default '',
    action_target    text,
    action_context   json,
    action_timestamp timestamptz not null,
    device_info      json,
    is_bot           boolean,
    created_at       timestamptz not null,
    organization_id  text not null,
    service_name     text not null,
    service_version  text,
    environment      text not null,
    scope_name       text,
    trace_id         text,
    span_id          text,
    event_id         text not null,
    dt               date not null,
    time_suspect     boolean not null,
    ingested_at      timestamptz not null,
    tenant_id        text not null
);

comment on column user_actions.id is 'as in events';
comment on column user_actions.user_id is 'user.id, as in events';
comment on column user_actions.user_role is 'role of the user; anonymous where there is none';
comment on column user_actions.anonymous_id is 'enduser.pseudo.id: who it was before anybody logged in';
comment on column user_actions.session_id is 'session.id; NULL where there is none, which is no session';
comment on column user_actions.page_slug is 'page where it was done; empty where none is named';
comment on column user_actions.page_path is 'path of that page';
comment on column user_actions.action_type is 'what was done: click, submit, search, filter, sort, export, navigation, modal_open, modal_close, tab_switch, dropdown_select, or another';
comment on column user_actions.action_target is 'what it was done to: id of a button or form, text of a link';
comment on column user_actions.action_context is 'what else is known of it, such as the values of a filter';
comment on column user_actions.action_timestamp is 'when it was done';
comment on column user_actions.device_info is 'device, browser and system, as in events';
comment on column user_actions.is_bot is 'whether it was a machine; NULL where unknown';
comment on column user_actions.created_at is 'when the collector accepted it';
comment on column user_actions.organization_id is 'organization.id of the record, else organization_id, else of its resource, else the tenant';
comment on column user_actions.service_name is 'service.name of the resource; unknown where absent';
comment on column user_actions.service_version is 'service.version of the resource';
comment on column user_actions.environment is 'deployment.environment.name of the resource, else deployment.environment; unknown where absent';
comment on column user_actions.scope_name is 'name of the instrumentation scope: who reported it, where two packages on one page report the same';
comment on column user_actions.trace_id is '32 lower-case hex digits; NULL where there is none';
comment on column user_actions.span_id is '16 lower-case hex digits; NULL where there is none';
comment on column user_actions.event_id is 'the event that it is, as in events';
comment on column user_actions.dt is 'UTC date of the row''s own time, or of arrival where that time is suspect';
comment on column user_actions.time_suspect is 'true where the row''s own time is more than 90 days before or 1 hour after arrival, or missing';
comment on column user_actions.ingested_at is 'when the collector accepted the payload';
comment on column user_actions.tenant_id is 'whose token sent it; a sender cannot set it';

select
    id,
    user_id,
    user_role,
    anonymous_id,
    session_id,
    coalesce(page_slug, '') as page_slug,
    page_path,
    coalesce(json_extract_string(properties, '$.action_type'), '') as action_type,
    json_extract_string(properties, '$.action_target') as action_target,
    json_extract(properties, '$.action_context') as action_context,
    timestamp as action_timestamp,
    device_info,
    is_bot,
    created_at,
    organization_id, service_name, service_version, environment, scope_name, trace_id, span_id, event_id,
    dt, time_suspect, ingested_at, tenant_id
from events
where event_name = 'user.action';
