-- Issues: errors that are alike, together, with the state of what was done about them. A view without files: see issue_events for what is
-- counted, issue_states for how a status follows.
create table issues (
    issue_id          uuid not null,
    title             text not null,
    culprit           text,
    level             text not null,
    error_type        text,
    status            text not null,
    status_reason     text,
    is_regression     boolean not null,
    status_changed_at timestamptz,
    first_seen        timestamptz not null,
    last_seen         timestamptz not null,
    events_count      bigint not null,
    users_count       bigint not null,
    sessions_count    bigint not null,
    first_release     text,
    last_release      text,
    releases          text[] not null,
    environments      text[] not null,
    services          text[] not null,
    assignee          text,
    resolved_at       timestamptz,
    resolved_by       text,
    fingerprints      text[] not null,
    grouping_version  integer,
    merged_issue_ids  uuid[] not null,
    service_name      text not null,
    organization_id   text not null,
    tenant_id         text not null
);

comment on column issues.issue_id is 'made from tenant, service and fingerprint; of merged ones, the issue that they were merged into';
comment on column issues.title is 'type and message of the latest event: the first line, 200 characters at most';
comment on column issues.culprit is 'of the latest event: the frame to blame, METHOD and endpoint of a request, operation and table of a database operation';
comment on column issues.level is 'of the worst event: fatal, error or warning';
comment on column issues.error_type is 'of the latest event: type of the exception, HTTP and status code, or kind of database error; NULL where none is told';
comment on column issues.status is 'open, resolved, ignored or reopened (came back, is ignored no more, or by hand)';
comment on column issues.status_reason is 'why, as in issue_states';
comment on column issues.is_regression is 'whether it was resolved, and an event came back';
comment on column issues.status_changed_at is 'since when it has the status; NULL where nothing was done about it';
comment on column issues.first_seen is 'when its first event happened';
comment on column issues.last_seen is 'when its last event happened';
comment on column issues.events_count is 'its events';
comment on column issues.users_count is 'users (user.id) who met it';
comment on column issues.sessions_count is 'sessions that met it';
comment on column issues.first_release is 'release of the first event that tells one';
comment on column issues.last_release is 'release of the last event that tells one';
comment on column issues.releases is 'all releases that its events tell, by name';
comment on column issues.environments is 'all environments of its events, by name';
comment on column issues.services is 'all services of its events, by name';
comment on column issues.assignee is 'who takes care of it; NULL where nobody';
comment on column issues.resolved_at is 'where it is resolved, since when; else NULL';
comment on column issues.resolved_by is 'where it is resolved, by whom; else NULL';
comment on column issues.fingerprints is 'of its events: more than one where issues were merged or the grouping has changed';
comment on column issues.grouping_version is 'of the algorithm that gave the latest event its fingerprint';
comment on column issues.merged_issue_ids is 'the issues that count for this one';
comment on column issues.service_name is 'of the latest event';
comment on column issues.organization_id is 'of the latest event';
comment on column issues.tenant_id is 'whose issue it is';

-- Rows are counted by keys of 64 bits; ids are made for those alone that may be the first or the last. In place of issue_states a pond's
-- view has its SELECT, over `event`: the rows are read once.
with event as materialized (
    select
        issue_key, error_timestamp, ingested_at, crash_id, id_text, type, message, culprit, level, release, environment, fingerprint,
        previous_fingerprint, grouping_version, user_id, session_id, service_name, organization_id, tenant_id
    from issue_rows
    where fingerprint is not null
),
merged as materialized (
    select current_issue_id as issue_id, list(issue_id order by issue_id) as merged_issue_ids from issue_links group by current_issue_id
),
named as materialized (
    select
        own.*,
        coalesce(link.current_issue_id, own.own_id) as issue_id,
        dense_rank() over (order by tenant_id, coalesce(link.current_issue_id, own.own_id)) as number
    from (
        select
            issue_key,
            any_value(tenant_id) as tenant_id,
            any_value(service_name) as service_name,
            any_value(fingerprint) as fingerprint,
            issue_of(any_value(tenant_id), any_value(service_name), any_value(fingerprint), any_value(previous_fingerprint)) as own_id
        from event
        group by issue_key
    ) own
    left join current_issues link on own.own_id = link.issue_id
),
issue as (
    select
        number,
        any_value(tenant_id) as tenant_id,
        any_value(issue_id) as issue_id,
        list_sort(list(distinct service_name)) as services,
        list_sort(list(distinct fingerprint)) as fingerprints
    from named
    group by number
),
part as (
    select
        issue_key, release, environment,
        max(case level when 'fatal' then 3 when 'error' then 2 else 1 end) as level,
        min(error_timestamp) as first_seen,
        max(error_timestamp) as last_seen,
        count(*) as events_count
    from event
    group by issue_key, release, environment
),
total as materialized (
    select
        number,
        ['warning', 'error', 'fatal'][max(level)] as level,
        min(first_seen) as first_seen,
        max(last_seen) as last_seen,
        min(first_seen) filter (release is not null) as first_told,
        max(last_seen) filter (release is not null) as last_told,
        cast(sum(events_count) as bigint) as events_count,
        list_sort(coalesce(list(distinct release) filter (release is not null), [])) as releases,
        list_sort(list(distinct environment)) as environments
    from part join named using (issue_key)
    group by number
),
met as (
    select
        number,
        count(distinct hash(user_id)) filter (user_id is not null) as users_count,
        count(distinct hash(session_id)) filter (session_id is not null) as sessions_count
    from event join named using (issue_key)
    group by number
),
ends as (
    select
        number,
        arg_max({
            'type': type, 'message': message, 'culprit': culprit, 'version': grouping_version, 'service': service_name,
            'organization': organization_id
        }, (error_timestamp, event_id)) as latest,
        arg_min(release, (error_timestamp, event_id)) as first_release,
        arg_max(release, (error_timestamp, event_id)) as last_release
    from (
        select event.*, number, event_id_of(crash_id, id_text) as event_id
        from event join named using (issue_key) join total using (number)
        where error_timestamp in (last_seen, first_told, last_told)
    )
    group by number
)
select
    issue_id,
    left(split_part(trim(concat_ws(': ', latest.type, coalesce(nullif(trim(latest.message), ''), latest.culprit))), chr(10), 1), 200) as title,
    latest.culprit as culprit,
    level,
    latest.type as error_type,
    coalesce(status, 'open') as status,
    status_reason,
    coalesce(is_regression, false) as is_regression,
    status_changed_at,
    first_seen,
    last_seen,
    events_count,
    users_count,
    sessions_count,
    first_release,
    last_release,
    releases,
    environments,
    services,
    assignee,
    resolved_at,
    resolved_by,
    fingerprints,
    latest.version as grouping_version,
    coalesce(merged_issue_ids, []) as merged_issue_ids,
    latest.service as service_name,
    latest.organization as organization_id,
    tenant_id
from total
join issue using (number)
join met using (number)
join ends using (number)
left join (select * exclude (service_name) from issue_states) using (tenant_id, issue_id)
left join merged using (issue_id);
