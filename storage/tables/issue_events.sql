-- What issues are made of: every error once, over the four tables. A view without files.
-- It holds the errors of error_logs; the crashes that are not among them; and the failed requests and database operations of which no
-- report of error_logs tells: of the same trace and service none while they lasted, nor one afterwards with their fingerprint or message.
-- A message is repeated whole, or (of 12 characters on) as the first line behind the type in parentheses.
create table issue_events (
    issue_id        uuid,
    merged_at       timestamptz,
    event_id        uuid not null,
    source_table    text not null,
    error_timestamp timestamptz not null,
    level           text not null,
    type            text,
    message         text not null,
    culprit         text,
    fingerprint     text,
    grouping        json,
    grouping_version integer,
    release         text,
    environment     text not null,
    user_id         text,
    user_role       text not null,
    session_id      text,
    trace_id        text,
    span_id         text,
    page_slug       text,
    url             text,
    endpoint_path   text,
    service_name    text not null,
    service_version text,
    organization_id text not null,
    dt              date not null,
    time_suspect    boolean not null,
    ingested_at     timestamptz not null,
    tenant_id       text not null
);

comment on column issue_events.issue_id is 'the issue that it counts for, after merges, splits and changes of the grouping; NULL where it has no fingerprint (stored by a release that gave none)';
comment on column issue_events.merged_at is 'where its own issue was merged into this one, when: it is no event of this one before that; else NULL';
comment on column issue_events.event_id is 'error_id of its table; of a crash its crash_id';
comment on column issue_events.source_table is 'error_logs, crash_reports, api_error_logs or database_error_logs';
comment on column issue_events.error_timestamp is 'when it happened; when it arrived, where its own time is more than 1 hour after that';
comment on column issue_events.level is 'fatal (crashes, and log records of severity FATAL), warning (requests that got a status of 4xx), else error';
comment on column issue_events.type is 'type of the exception; without one HTTP and the status code of a request, and error_type of a database operation';
comment on column issue_events.message is 'its message; empty where none is told';
comment on column issue_events.culprit is 'the frame to blame, METHOD and endpoint of a request, operation and table of a database operation';
comment on column issue_events.fingerprint is 'what equal errors share, 32 hex digits';
comment on column issue_events.grouping is 'what the fingerprint is made of';
comment on column issue_events.grouping_version is 'of the algorithm that gave the fingerprint';
comment on column issue_events.release is 'service.version; of a crash, of what crashed; NULL where none is told';
comment on column issue_events.environment is 'deployment.environment.name; unknown where absent';
comment on column issue_events.user_id is 'user.id';
comment on column issue_events.user_role is 'role of the user; anonymous where there is none';
comment on column issue_events.session_id is 'session.id; NULL for requests and database operations';
comment on column issue_events.trace_id is '32 lower-case hex digits; NULL where there is none';
comment on column issue_events.span_id is '16 lower-case hex digits; NULL where there is none';
comment on column issue_events.page_slug is 'the page, of errors and crashes';
comment on column issue_events.url is 'of the page or request';
comment on column issue_events.endpoint_path is 'route of a failed request; else NULL';
comment on column issue_events.service_name is 'service.name of the resource; unknown where absent';
comment on column issue_events.service_version is 'service.version of the resource';
comment on column issue_events.organization_id is 'organization.id, else the tenant';
comment on column issue_events.dt is 'UTC date of the row''s own time, or of arrival where that time is suspect';
comment on column issue_events.time_suspect is 'true where the row''s own time is more than 90 days before or 1 hour after arrival, or missing';
comment on column issue_events.ingested_at is 'when the collector accepted the payload';
comment on column issue_events.tenant_id is 'whose token sent it; a sender cannot set it';

select * exclude (issue_key, crash_id, id_text, previous_fingerprint), event_id_of(crash_id, id_text) as event_id
from named_issue_rows;
