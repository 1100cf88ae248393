-- Releases of services, in their order. A view without files: what errors, crashes, requests, servers and stored sessions name.
create table releases (
    service_name text not null,
    release      text not null,
    first_seen   timestamptz not null,
    last_seen    timestamptz not null,
    release_rank bigint not null,
    release_key  text,
    is_keyed     boolean not null,
    tenant_id    text not null
);

comment on column releases.service_name is 'service.name of the resource';
comment on column releases.release is 'service.version of the resource; of a crash, of what crashed';
comment on column releases.first_seen is 'the first time that something of it happened';
comment on column releases.last_seen is 'the last time that something of it happened';
comment on column releases.release_rank is 'place among the releases of tenant and service, 1 the oldest: by release_key where is_keyed, else behind the newest that had been seen; equal where the keys are';
comment on column releases.release_key is 'a text that orders semantic versions, and dates, by the macro of that name; NULL where it is neither';
comment on column releases.is_keyed is 'whether it is ordered by its key: that of the scheme and package that most releases of the service have';
comment on column releases.tenant_id is 'whose service it is';

with named as (
    select tenant_id, service_name, service_version as release,
        min(believed_time(error_timestamp, time_suspect, ingested_at)) as first_seen,
        max(believed_time(error_timestamp, time_suspect, ingested_at)) as last_seen
    from error_logs_files group by all
    union all
    select tenant_id, service_name, release_version as release,
        min(believed_time(crash_timestamp, time_suspect, ingested_at)) as first_seen,
        max(believed_time(crash_timestamp, time_suspect, ingested_at)) as last_seen
    from crash_reports_files group by all
    union all
    select tenant_id, service_name, service_version as release,
        min(believed_time(error_timestamp, time_suspect, ingested_at)) as first_seen,
        max(believed_time(error_timestamp, time_suspect, ingested_at)) as last_seen
    from database_error_logs_files group by all
    union all
    select tenant_id, service_name, service_version as release,
        min(believed_time(request_timestamp, time_suspect, ingested_at)) as first_seen,
        max(believed_time(request_timestamp, time_suspect, ingested_at)) as last_seen
    from api_performance_metrics group by all
    union all
    select tenant_id, service_name, service_version as release,
        min(believed_time(timestamp, time_suspect, ingested_at)) as first_seen,
        max(believed_time(timestamp, time_suspect, ingested_at)) as last_seen
    from server_performance_metrics_files group by all
    union all
    select tenant_id, service_name, service_version as release,
        min(believed_time(make_timestamptz(start_unix_nano // 1000), time_suspect, ingested_at)) as first_seen,
        max(believed_time(make_timestamptz(end_unix_nano // 1000), time_suspect, ingested_at)) as last_seen
    from user_sessions_files group by all
),
seen as (
    select tenant_id, service_name, release, min(first_seen) as first_seen, max(last_seen) as last_seen
    from named
    where release <> ''
    group by all
),
keyed as (
    select *, release_key(release) as release_key, nullif(regexp_extract(release, '^(.+)@', 1), '') as package from seen
),
scheme as (
    select
        *,
        left(release_key, 1) || coalesce(
            package, case when count(distinct package) over service = 1 then max(package) over service end, ''
        ) as scheme
    from keyed
    window service as (partition by tenant_id, service_name)
),
counted as (
    select *, count(*) over (partition by tenant_id, service_name, scheme) as releases from scheme
),
placed as (
    select
        * exclude (scheme),
        coalesce(scheme = arg_max(scheme, {'releases': releases, 'scheme': scheme}) filter (scheme is not null) over service, false) as is_keyed
    from counted
    window service as (partition by tenant_id, service_name)
),
ordered as (
    select
        *,
        case when is_keyed then release_key
            else max(release_key) filter (is_keyed) over (partition by tenant_id, service_name order by first_seen, release)
        end as place
    from placed
)
select
    service_name,
    release,
    first_seen,
    last_seen,
    dense_rank() over (
        partition by tenant_id, service_name
        order by place nulls first, not is_keyed, case when not is_keyed then first_seen end, case when not is_keyed then release end
    ) as release_rank,
    release_key,
    is_keyed,
    tenant_id
from ordered;
