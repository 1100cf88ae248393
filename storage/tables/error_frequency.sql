-- How often errors happen: by day, service and environment, kind, issue, page and role. A view without files: it reads the errors of
-- error_logs, each once.
-- By type: add errors up by error_type or exception_type. The most common: by issue_id. By role: by user_role. People who meet several
-- kinds count for each, so users of several rows cannot be added up.
create table error_frequency (
    dt             date not null,
    service_name   text not null,
    environment    text not null,
    error_type     text not null,
    exception_type text,
    issue_id       uuid,
    culprit        text,
    user_role      text not null,
    page_slug      text,
    errors         bigint not null,
    share          double not null,
    users          bigint not null,
    sessions       bigint not null,
    first_seen     timestamptz not null,
    last_seen      timestamptz not null,
    tenant_id      text not null
);

comment on column error_frequency.dt is 'UTC day on which they happened';
comment on column error_frequency.service_name is 'service.name of the resource; unknown where absent';
comment on column error_frequency.environment is 'deployment.environment.name of the resource; unknown where absent';
comment on column error_frequency.error_type is 'as in error_logs: JavaScript, Database, API, Application, or as an event says';
comment on column error_frequency.exception_type is 'exception.type; NULL where none is told';
comment on column error_frequency.issue_id is 'the issue that they count for; NULL where they have no fingerprint';
comment on column error_frequency.culprit is 'of one of them: the frame to blame';
comment on column error_frequency.user_role is 'role of the user; anonymous where there is none';
comment on column error_frequency.page_slug is 'the page; NULL where none is told';
comment on column error_frequency.errors is 'errors';
comment on column error_frequency.share is 'share of the day''s errors of service and environment, 0 to 1';
comment on column error_frequency.users is 'users (user.id) who met them';
comment on column error_frequency.sessions is 'sessions that met them';
comment on column error_frequency.first_seen is 'when the first of them happened';
comment on column error_frequency.last_seen is 'when the last of them happened';
comment on column error_frequency.tenant_id is 'whose service it is';

with error as (
    select
        error.* replace (coalesce(link.current_issue_id, error.issue_id) as issue_id),
        believed_time(error_timestamp, time_suspect, ingested_at) as happened_at
    from errors_once error
    left join current_issues link on error.issue_id = link.issue_id
)
select
    try_cast(timezone('UTC', happened_at) as date) as dt,
    service_name, environment, error_type, exception_type, issue_id,
    any_value(culprit) as culprit,
    user_role, page_slug,
    count(*) as errors,
    count(*) / sum(count(*)) over (partition by tenant_id, service_name, environment, try_cast(timezone('UTC', happened_at) as date)) as share,
    count(distinct nullif(user_id, '')) as users,
    count(distinct nullif(session_id, '')) as sessions,
    min(happened_at) as first_seen,
    max(happened_at) as last_seen,
    tenant_id
from error
group by
    tenant_id, service_name, environment, try_cast(timezone('UTC', happened_at) as date), error_type, exception_type, issue_id, user_role,
    page_slug;
