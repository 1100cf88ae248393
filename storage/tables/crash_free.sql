-- Crash-free sessions and users by release and day. A view without files: it reads user_sessions and crash_reports, so that what comes late
-- corrects it.
-- A session counts on the UTC day on which it began, for the release and environment that it began with; a machine's does not. It is
-- crashed where a crash of its service names it, whenever that happened. A person is a user, else who the anonymous id is.
-- A service that tells of no sessions has crashes, and no shares.
create table crash_free (
    dt                  date not null,
    service_name        text not null,
    environment         text not null,
    release             text not null default '',
    sessions            bigint not null,
    crashed_sessions    bigint not null,
    crash_free_sessions double,
    users               bigint not null,
    crashed_users       bigint not null,
    crash_free_users    double,
    crashes             bigint not null,
    tenant_id           text not null
);

comment on column crash_free.dt is 'UTC day: on which the sessions began and the crashes happened';
comment on column crash_free.service_name is 'service.name of the resource; unknown where absent';
comment on column crash_free.environment is 'deployment.environment.name of the resource; unknown where absent';
comment on column crash_free.release is 'service.version; empty where none is told';
comment on column crash_free.sessions is 'sessions that began';
comment on column crash_free.crashed_sessions is 'those of them in which something crashed';
comment on column crash_free.crash_free_sessions is 'share of the sessions without a crash, 0 to 1; NULL where there are none';
comment on column crash_free.users is 'people whose sessions they are';
comment on column crash_free.crashed_users is 'those of them to whom something crashed';
comment on column crash_free.crash_free_users is 'share of the people without a crash, 0 to 1; NULL where there are none';
comment on column crash_free.crashes is 'crashes of that day and release, in a session or not';
comment on column crash_free.tenant_id is 'whose service it is';

with report as materialized (
    select tenant_id, service_name, environment, release_version, session_id, crash_timestamp, time_suspect, ingested_at
    from crash_reports_files  -- each once, as in crash_reports, without the state of its issue
    qualify row_number() over (partition by tenant_id, crash_id order by ingested_at, payload_digest, item_index) = 1
),
crashed as (
    select tenant_id, service_name, session_id from report where session_id <> '' group by all
),
begun as (
    select
        tenant_id, service_name, environment,
        coalesce(service_version, '') as release,
        try_cast(timezone('UTC', session_start) as date) as dt,
        coalesce('user/' || nullif(user_id, ''), 'anonymous/' || nullif(anonymous_id, '')) as person,
        crashed.session_id is not null as is_crashed
    from user_sessions
    left join crashed using (tenant_id, service_name, session_id)
    where is_bot is not true
),
session as (
    select
        tenant_id, service_name, environment, release, dt,
        count(*) as sessions,
        count_if(is_crashed) as crashed_sessions,
        count(distinct person) as users,
        count(distinct case when is_crashed then person end) as crashed_users
    from begun
    group by all
),
crash as (
    select
        tenant_id, service_name, environment,
        coalesce(release_version, '') as release,
        try_cast(timezone('UTC', believed_time(crash_timestamp, time_suspect, ingested_at)) as date) as dt,
        count(*) as crashes
    from report
    group by all
)
select
    dt, service_name, environment, release,
    coalesce(sessions, 0) as sessions,
    coalesce(crashed_sessions, 0) as crashed_sessions,
    (sessions - crashed_sessions) / nullif(sessions, 0) as crash_free_sessions,
    coalesce(users, 0) as users,
    coalesce(crashed_users, 0) as crashed_users,
    (users - crashed_users) / nullif(users, 0) as crash_free_users,
    coalesce(crashes, 0) as crashes,
    tenant_id
from session
full join crash using (tenant_id, service_name, environment, release, dt);
