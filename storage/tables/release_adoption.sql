-- How releases are taken up: the share of each release in a day's sessions, people and requests of its service and environment. A view
-- without files: it reads user_sessions and api_performance_metrics.
-- Sessions count on the UTC day on which they began, a machine's do not; a person who met two releases counts for both.
create table release_adoption (
    dt            date not null,
    service_name  text not null,
    environment   text not null,
    release       text not null default '',
    sessions      bigint not null,
    session_share double,
    users         bigint not null,
    user_share    double,
    requests      bigint not null,
    request_share double,
    tenant_id     text not null
);

comment on column release_adoption.dt is 'UTC day';
comment on column release_adoption.service_name is 'service.name of the resource; unknown where absent';
comment on column release_adoption.environment is 'deployment.environment.name of the resource; unknown where absent';
comment on column release_adoption.release is 'service.version; empty where none is told';
comment on column release_adoption.sessions is 'sessions that began';
comment on column release_adoption.session_share is 'share of the day''s sessions of service and environment, 0 to 1; NULL where there are none';
comment on column release_adoption.users is 'people whose sessions they are: users, else who the anonymous ids are';
comment on column release_adoption.user_share is 'share of the day''s people of service and environment, 0 to 1, more than 1 in sum where some met two releases; NULL where there are none';
comment on column release_adoption.requests is 'API requests that it answered';
comment on column release_adoption.request_share is 'share of the day''s requests of service and environment, 0 to 1; NULL where there are none';
comment on column release_adoption.tenant_id is 'whose service it is';

with begun as (
    select
        tenant_id, service_name, environment,
        coalesce(service_version, '') as release,
        try_cast(timezone('UTC', session_start) as date) as dt,
        coalesce('user/' || nullif(user_id, ''), 'anonymous/' || nullif(anonymous_id, '')) as person
    from user_sessions
    where is_bot is not true
),
session as (
    select tenant_id, service_name, environment, release, dt, count(*) as sessions, count(distinct person) as users from begun group by all
),
person as (
    select tenant_id, service_name, environment, dt, count(distinct person) as people from begun group by all
),
request as (
    select
        tenant_id, service_name, environment,
        coalesce(service_version, '') as release,
        try_cast(timezone('UTC', believed_time(request_timestamp, time_suspect, ingested_at)) as date) as dt,
        count(*) as requests
    from api_performance_metrics
    group by all
)
select
    dt, service_name, environment, release,
    coalesce(sessions, 0) as sessions,
    coalesce(sessions, 0) / nullif(sum(sessions) over day, 0) as session_share,
    coalesce(users, 0) as users,
    coalesce(users, 0) / nullif(people, 0) as user_share,
    coalesce(requests, 0) as requests,
    coalesce(requests, 0) / nullif(sum(requests) over day, 0) as request_share,
    tenant_id
from session
full join request using (tenant_id, service_name, environment, release, dt)
left join person using (tenant_id, service_name, environment, dt)
window day as (partition by tenant_id, service_name, environment, dt);
