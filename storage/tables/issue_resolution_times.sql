-- How long issues stayed open: one row each time that an issue was opened, by its first event or by one after it was resolved. A view
-- without files: it reads issues, issue_events and issue_activity.
-- It ends with the next time that somebody resolved the issue; until then resolved_at is NULL. Resolving what is resolved, and no event
-- since, opens nothing. Of merged issues the activity of the target counts, as for its state.
create table issue_resolution_times (
    issue_id            uuid not null,
    title               text not null,
    error_type          text,
    level               text not null,
    opened_at           timestamptz not null,
    resolved_at         timestamptz,
    resolved_by         text,
    resolved_in         text,
    release             text,
    hours_to_resolution double,
    service_name        text not null,
    organization_id     text not null,
    dt                  date not null,
    tenant_id           text not null
);

comment on column issue_resolution_times.issue_id is 'the issue';
comment on column issue_resolution_times.title is 'type and message of its latest event';
comment on column issue_resolution_times.error_type is 'type of its latest event; NULL where none is told';
comment on column issue_resolution_times.level is 'of its worst event: fatal, error or warning';
comment on column issue_resolution_times.opened_at is 'of its first event, or of the reopening, or the first event that reopens it by the rule of issue_states, after it had been resolved';
comment on column issue_resolution_times.resolved_at is 'when it was resolved next; NULL where it is not yet';
comment on column issue_resolution_times.resolved_by is 'who resolved it';
comment on column issue_resolution_times.resolved_in is 'now, release or next_release';
comment on column issue_resolution_times.release is 'the release with the fix, or the one that was the newest then';
comment on column issue_resolution_times.hours_to_resolution is 'hours from opened_at to resolved_at; NULL where it is not resolved yet';
comment on column issue_resolution_times.service_name is 'of its latest event';
comment on column issue_resolution_times.organization_id is 'of its latest event';
comment on column issue_resolution_times.dt is 'UTC day of opened_at';
comment on column issue_resolution_times.tenant_id is 'whose issue it is';

with issue as materialized (
    select tenant_id, issue_id, title, error_type, level, status, status_changed_at, first_seen, service_name, organization_id from issues
),
resolution as (
    select
        tenant_id, issue_id,
        activity_timestamp as resolved_at,
        actor as resolved_by,
        resolved_in,
        release,
        release_key(release) as release_key,
        service_name,
        coalesce(
            lag(activity_timestamp) over (partition by tenant_id, issue_id order by activity_timestamp, activity_id), timestamptz '-infinity'
        ) as closed_before
    from (select * from issue_activity where activity = 'resolved')
    anti join issue_links using (issue_id)
),
version as materialized (
    select tenant_id, service_name, release, release_key, first_seen from releases
),
event as (
    select
        event.tenant_id, event.issue_id, event.service_name, event.release, event.merged_at,
        least(event.error_timestamp, event.ingested_at) as at
    from issue_events event
    semi join resolution on event.tenant_id = resolution.tenant_id and event.issue_id = resolution.issue_id
),
sign as (
    select event.tenant_id, event.issue_id, event.at
    from event
    asof left join resolution before
        on event.tenant_id = before.tenant_id and event.issue_id = before.issue_id and event.at > before.resolved_at
    left join version
        on event.tenant_id = version.tenant_id and event.service_name = version.service_name and event.release = version.release
    left join version fix
        on event.tenant_id = fix.tenant_id and event.service_name = fix.service_name and before.release = fix.release
    where before.resolved_at is null or (coalesce(event.at > event.merged_at, true) and (before.resolved_in = 'now' or case
        when event.service_name <> before.service_name then version.first_seen > before.resolved_at
        when has_key_order(version.release, version.release_key, before.release, before.release_key) then if(
            before.resolved_in = 'next_release',
            version.release_key > before.release_key, version.release_key >= before.release_key
        )
        when fix.release is null then version.first_seen > before.resolved_at
        when before.resolved_in = 'next_release' then version.first_seen > fix.first_seen
        else version.first_seen >= fix.first_seen
    end))
    union all
    select tenant_id, issue_id, activity_timestamp as at from issue_activity where activity = 'reopened'
),
closed as (
    select tenant_id, issue_id, resolution.resolved_at, resolved_by, resolved_in, release, min(sign.at) as opened_at
    from resolution
    join sign using (tenant_id, issue_id)
    where sign.at > closed_before and sign.at <= resolution.resolved_at
    group by all
),
ended as (
    select tenant_id, issue_id, max(resolved_at) as resolved_at from resolution group by all
),
since as (
    select tenant_id, issue_id, min(sign.at) as opened_at
    from ended
    join sign using (tenant_id, issue_id)
    where sign.at > ended.resolved_at
    group by all
),
span as (
    select tenant_id, issue_id, opened_at, resolved_at, resolved_by, resolved_in, release from closed
    union all by name
    select
        issue.tenant_id, issue.issue_id,
        coalesce(case when status = 'reopened' then status_changed_at end, since.opened_at, first_seen) as opened_at
    from issue
    left join since on issue.tenant_id = since.tenant_id and issue.issue_id = since.issue_id
    where status <> 'resolved'
)
select
    span.issue_id, title, error_type, level,
    span.opened_at,
    span.resolved_at,
    span.resolved_by,
    span.resolved_in,
    span.release,
    epoch_us(span.resolved_at - span.opened_at) / 3.6e9 as hours_to_resolution,
    service_name, organization_id,
    try_cast(timezone('UTC', span.opened_at) as date) as dt,
    span.tenant_id
from span
join issue on span.tenant_id = issue.tenant_id and span.issue_id = issue.issue_id;
