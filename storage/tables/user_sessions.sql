-- Sessions of users: events with the same session.id, else events of one user (else anonymous id) with at most 30 minutes between them.
-- The files hold the days that are over, one row a session and day (what it did on that day); the view puts the days of a session together,
-- and makes the sessions of all other days from the events themselves, so that late events are in it at once.
-- Maintenance stores a day's sessions 6 hours after it has ended, and again after late events.
create table user_sessions (
    id                  uuid generated always as (try_cast(md5(concat_ws('/', tenant_id, session_key, stretch, start_unix_nano, 'user_sessions')) as uuid)),
    session_id          text,
    user_id             text,
    user_role           text not null default 'anonymous',
    anonymous_id        text,
    session_start       timestamptz generated always as (make_timestamptz(start_unix_nano // 1000)),
    session_end         timestamptz generated always as (make_timestamptz(end_unix_nano // 1000)),
    session_duration    integer generated always as (try_cast(round((end_unix_nano // 1000 - start_unix_nano // 1000) / 1e6) as integer)),
    pages_visited       text[] not null,
    actions_count       integer not null,
    device_info         json generated always as (try_cast(nullif(json_merge_patch('{}', json_object(
        'device_type', device_type, 'browser', browser, 'browser_version', browser_version, 'os', os, 'os_version', os_version
    )), '{}') as json)),
    ip_address          text,
    user_agent          text,
    created_at          timestamptz generated always as (first_ingested_at),
    updated_at          timestamptz generated always as (ingested_at),
    entry_page          text,
    exit_page           text,
    page_views_count    integer not null,
    events_count        integer not null,
    is_bounce           boolean generated always as (page_views_count = 1 and actions_count = 0),
    is_derived          boolean generated always as (session_id is null),
    is_bot              boolean not null,
    ended_by            text,
    session_previous_id text,
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
    sample_rate         double not null default 1,
    start_unix_nano     bigint not null,
    end_unix_nano       bigint not null,
    session_key         bigint not null,
    visitor             text,
    stretch             integer not null,
    organization_id     text not null,
    service_name        text not null,
    service_version     text,
    environment         text not null,
    trace_id            text generated always as (try_cast(null as text)),
    span_id             text generated always as (try_cast(null as text)),
    first_ingested_at   timestamptz not null,
    dt                  date not null,
    time_suspect        boolean not null,
    ingested_at         timestamptz not null,
    tenant_id           text not null
);

comment on column user_sessions.id is 'made from the session''s id; of the parts in the files, from what tells them apart';
comment on column user_sessions.session_id is 'session.id as sent; of a session that was made of events without one, 32 hex digits of its user and start (NULL in the files)';
comment on column user_sessions.user_id is 'the last user that its events name';
comment on column user_sessions.user_role is 'the last role that its events name; anonymous where none does';
comment on column user_sessions.anonymous_id is 'the last anonymous id that its events name';
comment on column user_sessions.session_start is 'when its first event happened';
comment on column user_sessions.session_end is 'when its last event happened';
comment on column user_sessions.session_duration is 'seconds between its first event and its last, rounded';
comment on column user_sessions.pages_visited is 'the page of each page view in their order, 1,000 at most: page_slug, else page_path';
comment on column user_sessions.actions_count is 'events that are rows of user_actions';
comment on column user_sessions.device_info is 'device_type, browser, os and their versions';
comment on column user_sessions.ip_address is 'keyed hash of the address, of the first event that says anything of its device';
comment on column user_sessions.user_agent is 'of the same event';
comment on column user_sessions.created_at is 'when the collector accepted the first of its events to arrive';
comment on column user_sessions.updated_at is 'when the collector accepted the last of its events to arrive';
comment on column user_sessions.entry_page is 'the page of its first page view; NULL where it has none';
comment on column user_sessions.exit_page is 'the page of its last page view';
comment on column user_sessions.page_views_count is 'events user.page_view';
comment on column user_sessions.events_count is 'events of any name, user.session_expired left out';
comment on column user_sessions.is_bounce is 'whether it has one page view and no action';
comment on column user_sessions.is_derived is 'whether it was made of events without session.id: those of one user (else anonymous id) with at most 30 minutes between them, up to user.logout or session.end; one longer than 24 hours is cut at midnight UTC';
comment on column user_sessions.is_bot is 'whether an event of it came from a machine';
comment on column user_sessions.ended_by is 'user.logout or session.end, the last of its events of that name; NULL where it just ended';
comment on column user_sessions.session_previous_id is 'session.previous_id, of the first event that has one';
comment on column user_sessions.referrer is 'of its first page view: the page before';
comment on column user_sessions.referrer_class is 'of its first page view: direct, internal, search, social, campaign or referral';
comment on column user_sessions.utm_source is 'of its first page view';
comment on column user_sessions.utm_medium is 'of its first page view';
comment on column user_sessions.utm_campaign is 'of its first page view';
comment on column user_sessions.utm_term is 'of its first page view';
comment on column user_sessions.utm_content is 'of its first page view';
comment on column user_sessions.device_type is 'desktop, mobile, tablet, bot or other: of the first event that says anything of its device';
comment on column user_sessions.browser is 'its name, of the same event';
comment on column user_sessions.browser_version is 'of the same event';
comment on column user_sessions.os is 'its name, of the same event';
comment on column user_sessions.os_version is 'of the same event';
comment on column user_sessions.sample_rate is 'the least of its events: one session stands for 1 / sample_rate';
comment on column user_sessions.start_unix_nano is 'session_start in nanoseconds since 1970';
comment on column user_sessions.end_unix_nano is 'session_end in nanoseconds since 1970';
comment on column user_sessions.session_key is '64 bits of the md5 of tenant and session id, else of tenant and visitor: parts of one session share it';
comment on column user_sessions.visitor is 'whose session it is where it has no id of its own: user/ and user_id, else anonymous/ and anonymous_id';
comment on column user_sessions.stretch is 'which of the visitor''s stretches of a day it begins with, from 1; 0 where it has an id';
comment on column user_sessions.organization_id is 'of its first event';
comment on column user_sessions.service_name is 'of its first event';
comment on column user_sessions.service_version is 'of its first event';
comment on column user_sessions.environment is 'of its first event';
comment on column user_sessions.trace_id is 'NULL: a session belongs to no trace';
comment on column user_sessions.span_id is 'NULL: a session belongs to no span';
comment on column user_sessions.first_ingested_at is 'when the collector accepted the first of its events to arrive';
comment on column user_sessions.dt is 'UTC date of its first events; in the files, the partition of the events that a part is made of';
comment on column user_sessions.time_suspect is 'whether the time of one of its events is suspect';
comment on column user_sessions.ingested_at is 'when the collector accepted the last of its events to arrive';
comment on column user_sessions.tenant_id is 'whose token sent it; a sender cannot set it';
