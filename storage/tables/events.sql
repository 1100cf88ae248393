-- Events: every log record with an event name, whichever SDK, script or endpoint sent it. The files hold what was sent; the view shows
-- each event_id once.
-- An event that its catalogue entry refuses is in rejected_records (setting events_policy). Errors of browsers are events too
-- (event_category error). Their measurements are not: a page load sends hundreds, and they have tables of their own.
create table events (
    id                  uuid generated always as (try_cast(md5(concat_ws('/', payload_digest, item_index, 'events')) as uuid)),
    event_id            text not null,
    event_type          text not null,
    event_name          text not null,
    event_category      text not null,
    timestamp           timestamptz not null,
    time_unix_nano      bigint not null,
    priority            text not null default 'normal',
    properties          json,
    metadata            json,
    version             text,
    source              text,
    user_id             text,
    user_role           text not null default 'anonymous',
    user_roles          json,
    anonymous_id        text,
    session_id          text,
    session_previous_id text,
    workflow_id         text,
    execution_id        text,
    context_id          text,
    page_slug           text,
    page_path           text,
    page_title          text,
    url                 text,
    referrer            text,
    referrer_class      text,
    utm_source          text,
    utm_medium          text,
    utm_campaign        text,
    utm_term            text,
    utm_content         text,
    device_type         text,
    browser             text,
    browser_version     text,
    os                  text,
    os_version          text,
    is_bot              boolean,
    device_info         json generated always as (try_cast(nullif(json_merge_patch(
        json_merge_patch('{}', json_object(
            'device_type', device_type, 'browser', browser, 'browser_version', browser_version,
            'os', os, 'os_version', os_version, 'is_bot', is_bot
        )),
        coalesce(device_attributes, '{}')
    ), '{}') as json)),
    device_attributes   json,
    ip_address          text,
    user_agent          text,
    is_known            boolean not null,
    validation_error    text,
    enrich_status       text not null,
    sample_rate         double not null default 1,
    organization_id     text not null,
    service_name        text not null,
    service_version     text,
    environment         text not null,
    scope_name          text,
    trace_id            text,
    span_id             text,
    event_key           bigint not null,
    payload_digest      text not null,
    item_index          integer not null,
    dt                  date not null,
    time_suspect        boolean not null,
    ingested_at         timestamptz not null,
    created_at          timestamptz generated always as (ingested_at),
    tenant_id           text not null
);

comment on column events.id is 'made from the payload''s digest and the record''s position in it: a payload that comes again after seven days has the same ids again';
comment on column events.event_id is 'log.record.uid, which makes an event sent twice count once; else a UUID made from the payload''s digest and the record''s position';
comment on column events.event_type is 'family and kind, such as user.engagement: event.type, else of the catalogue, else custom';
comment on column events.event_name is 'the specific name, such as user.page_view; names of other SDKs are read as ours (storage/events/aliases.toml)';
comment on column events.event_category is 'family: event.category, else of the catalogue, else custom';
comment on column events.timestamp is 'when it happened, to the microsecond; else when it was observed, else when it was accepted';
comment on column events.time_unix_nano is 'the same in nanoseconds since 1970';
comment on column events.priority is 'low, normal, high or critical: event.priority, of which medium is normal; normal where there is none';
comment on column events.properties is 'what belongs to this event: every attribute that is no column here, under its own name; page_path, page_title and referrer too';
comment on column events.metadata is 'event.metadata: what belongs to its sending, as it came';
comment on column events.version is 'event.version: of the event''s schema';
comment on column events.source is 'event.source: the component that made it';
comment on column events.user_id is 'user.id, else enduser.id, else user_id, else the property that the catalogue names (such as created_by)';
comment on column events.user_role is 'user.role, else enduser.role, else user_role, else the first of user.roles; anonymous where there is none';
comment on column events.user_roles is 'user.roles, as it came';
comment on column events.anonymous_id is 'enduser.pseudo.id, else anonymous_id: who it was before anybody logged in';
comment on column events.session_id is 'session.id, else session_id';
comment on column events.session_previous_id is 'session.previous_id';
comment on column events.workflow_id is 'workflow.id, else workflow_id';
comment on column events.execution_id is 'execution.id, else execution_id';
comment on column events.context_id is 'context.id, else context_id, else gen_ai.conversation.id: what it belongs to, such as a chat';
comment on column events.page_slug is 'page_slug or page.slug as sent, else of the map page_slugs, else http.route, else page_path with ids as {id}';
comment on column events.page_path is 'page_path, else url.path, else the path of url; without query and fragment, a route in the fragment (#/ or #!) kept';
comment on column events.page_title is 'page_title';
comment on column events.url is 'url.full, else http.url, else url where it is one, else browser.document.url.full';
comment on column events.referrer is 'referrer, else http.request.header.referer: the page before, as path or URL';
comment on column events.referrer_class is 'how the user came, of events with a page: campaign (utm parameters or an advertisement''s click id), internal, search, social, referral, or direct where there is no referrer';
comment on column events.utm_source is 'utm_source as attribute, else of url';
comment on column events.utm_medium is 'utm_medium as attribute, else of url';
comment on column events.utm_campaign is 'utm_campaign as attribute, else of url';
comment on column events.utm_term is 'utm_term as attribute, else of url';
comment on column events.utm_content is 'utm_content as attribute, else of url';
comment on column events.device_type is 'desktop, mobile, tablet, bot or other: device_type as sent, else of user_agent';
comment on column events.browser is 'its name: of user_agent, else user_agent.name, else browser as sent';
comment on column events.browser_version is 'of user_agent, else user_agent.version, else browser_version as sent';
comment on column events.os is 'its name: of user_agent, else os.name, else os as sent';
comment on column events.os_version is 'of user_agent, else os.version, else os_version as sent';
comment on column events.is_bot is 'whether user_agent or user_agent.synthetic.type is one of a machine; NULL where there is neither';
comment on column events.device_info is 'device_type, browser, os and their versions, and device_attributes';
comment on column events.device_attributes is 'what was sent as device_info, and the attributes device.*, os.* and browser.* of the resource';
comment on column events.ip_address is 'keyed hash of client.address, else of ip_address';
comment on column events.user_agent is 'user_agent.original, else http.user_agent';
comment on column events.is_known is 'whether the catalogue or the alias file knows the name';
comment on column events.validation_error is 'why the catalogue refuses it, where the setting events_policy is stamp';
comment on column events.enrich_status is 'complete, or partial where user_agent could not be read, or none where nothing could be worked out';
comment on column events.sample_rate is 'sample_rate: the share of sessions that was sent, 0.000001 to 1, else 1; one event stands for 1 / sample_rate';
comment on column events.organization_id is 'organization.id of the record, else organization_id, else of its resource, else the tenant';
comment on column events.service_name is 'service.name of the resource; unknown where absent';
comment on column events.service_version is 'service.version of the resource';
comment on column events.environment is 'deployment.environment.name of the resource, else deployment.environment; unknown where absent';
comment on column events.scope_name is 'name of the instrumentation scope';
comment on column events.trace_id is '32 lower-case hex digits; NULL where there is none';
comment on column events.span_id is '16 lower-case hex digits; NULL where there is none';
comment on column events.event_key is '64 bits of the md5 of tenant_id and event_id: by it the view finds events that were sent twice';
comment on column events.payload_digest is 'xxh3-128 of tenant, signal and payload, 32 hex digits';
comment on column events.item_index is 'position among the payload''s items, from 0';
comment on column events.dt is 'partition: UTC date of the row''s own time, or of arrival where that time is suspect';
comment on column events.time_suspect is 'true where the row''s own time is more than 90 days before or 1 hour after arrival, or missing';
comment on column events.ingested_at is 'when the collector accepted the payload';
comment on column events.created_at is 'when the collector accepted it';
comment on column events.tenant_id is 'whose token sent it; a sender cannot set it';

select
    event_id, event_type, event_name, event_category, timestamp, time_unix_nano, priority, properties, metadata, version, source,
    user_id, user_role, user_roles, anonymous_id, session_id, session_previous_id, workflow_id, execution_id, context_id,
    page_slug, page_path, page_title, url, referrer, referrer_class, utm_source, utm_medium, utm_campaign, utm_term, utm_content,
    device_type, browser, browser_version, os, os_version, is_bot, device_attributes, ip_address, user_agent, is_known,
    validation_error, enrich_status, sample_rate, organization_id, service_name, service_version, environment, scope_name, trace_id,
    span_id, event_key, payload_digest, item_index, dt, time_suspect, ingested_at, tenant_id
from decoded_events
where event_name not in ('browser.web_vital', 'browser.navigation_timing', 'browser.resource_timing', 'browser.long_task');
