-- The state of the issues that something was done about (issue_activity); all other issues are open. A view without files.
-- The last of resolved, ignored and reopened counts, of an issue that others were merged into its own.
-- Resolved ends with an event after it: any, where resolved now; one of a release from the fix on, where resolved in a release; one of a
-- release newer than the noted one, where resolved in the next. Events of older releases, and of none, change nothing then. Which release
-- is newer, its key says where both have one, else when they were first seen. Where the fix was never seen, and of another service than
-- the one that the activity names, a release is newer that was first seen after the activity.
-- An event is after an activity if it happened and arrived after it: a clock that is ahead reopens nothing. Nor does what happened to
-- another issue before that was merged into it.
-- Ignored ends at its time, with the event that makes the count full, or with the user who does.
create table issue_states (
    issue_id          uuid not null,
    status            text not null,
    status_reason     text,
    is_regression     boolean not null,
    status_changed_at timestamptz,
    cause             uuid,
    event_id          uuid,
    release           text,
    resolved_at       timestamptz,
    resolved_by       text,
    assignee          text,
    service_name      text not null,
    tenant_id         text not null
);

comment on column issue_states.issue_id is 'the issue; one that was merged into another has no state of its own';
comment on column issue_states.status is 'open, resolved, ignored or reopened';
comment on column issue_states.status_reason is 'resolved: now, release or next_release; ignored: for_good, or until, count and users, by commas; reopened: regression, until, count, users or by_hand; NULL where open';
comment on column issue_states.is_regression is 'whether it was resolved, and an event came back';
comment on column issue_states.status_changed_at is 'since when: of the activity, or of what ended it; NULL where open';
comment on column issue_states.cause is 'the activity that the status follows from; NULL where open';
comment on column issue_states.event_id is 'where reopened by an event, that event';
comment on column issue_states.release is 'resolved in a release: the one with the fix; in the next: the noted one; reopened: the release of the event';
comment on column issue_states.resolved_at is 'where it is resolved, since when; else NULL';
comment on column issue_states.resolved_by is 'where it is resolved, by whom; else NULL';
comment on column issue_states.assignee is 'who takes care of it; NULL where nobody';
comment on column issue_states.service_name is 'service of the issue, as its last activity says';
comment on column issue_states.tenant_id is 'whose issue it is';

with latest as materialized (
    select
        tenant_id, issue_id,
        arg_max(service_name, told) as service_name,
        arg_max_null(assignee, told) filter (activity = 'assigned') as assignee,
        arg_max({
            'id': activity_id, 'activity': activity, 'at': activity_timestamp, 'actor': actor, 'resolved_in': resolved_in, 'release': release,
            'until': ignored_until, 'count': ignored_count, 'users': ignored_users, 'service_name': service_name
        }, told) filter (activity in ('resolved', 'ignored', 'reopened')) as state
    from (select *, {'at': activity_timestamp, 'id': activity_id} as told from issue_activity anti join issue_links using (issue_id))
    group by tenant_id, issue_id
),
waiting as materialized (
    select key.issue_key, greatest(state.at, merged_at) as since, state.id as cause, state.activity, state.count, state.users
    from latest
    join issue_keys key on latest.tenant_id = key.tenant_id and latest.issue_id = key.issue_id
    where state.activity = 'resolved' or state.count is not null or state.users is not null
),
returned as materialized (
    select
        cause, activity, count, users, service_name, release, user_id,
        least(error_timestamp, ingested_at) as error_timestamp,
        event_id_of(crash_id, id_text) as event_id
    from issue_rows event
    join waiting on event.issue_key = waiting.issue_key and least(event.error_timestamp, event.ingested_at) > since
),
version as materialized (
    select tenant_id, service_name, release, release_key, first_seen from releases
),
-- whether an event comes back, its service and release say: of each the first is enough
back as (
    select cause, service_name, release, min({'ended_at': error_timestamp, 'event_id': event_id}) as first
    from returned
    where activity = 'resolved'
    group by cause, service_name, release
),
ending as (
    select cause, first.ended_at, 'regression' as reason, first.event_id, back.release
    from back
    join (select tenant_id, state, release_key(state.release) as fix_key from latest) resolved on back.cause = resolved.state.id
    left join version
        on resolved.tenant_id = version.tenant_id and back.service_name = version.service_name and back.release = version.release
    left join version fix
        on resolved.tenant_id = fix.tenant_id and back.service_name = fix.service_name and state.release = fix.release
    where state.resolved_in = 'now' or case
        when back.service_name <> state.service_name then version.first_seen > state.at
        when has_key_order(version.release, version.release_key, state.release, fix_key) then if(
            state.resolved_in = 'next_release', version.release_key > fix_key, version.release_key >= fix_key
        )
        when fix.release is null then version.first_seen > state.at
        when state.resolved_in = 'next_release' then version.first_seen > fix.first_seen
        else version.first_seen >= fix.first_seen
    end
    union all by name
    select cause, error_timestamp as ended_at, 'count' as reason, event_id, release
    from returned
    where count is not null
    qualify row_number() over (partition by cause order by error_timestamp, event_id) = count
    union all by name
    select cause, error_timestamp as ended_at, 'users' as reason, event_id, release
    from (
        select *
        from returned
        where users is not null and user_id is not null
        qualify row_number() over (partition by cause, user_id order by error_timestamp, event_id) = 1
    )
    qualify row_number() over (partition by cause order by error_timestamp, event_id) = users
    union all by name
    select state.id as cause, state.until as ended_at, 'until' as reason from latest where state.until <= now()
),
ended as (
    select cause, min({'ended_at': ended_at, 'reason': reason, 'event_id': event_id, 'release': release}) as ending from ending group by cause
)
select
    issue_id,
    case when state is null then 'open' when ending is not null then 'reopened' else state.activity end as status,
    case
        when ending is not null then ending.reason
        when state.activity = 'resolved' then state.resolved_in
        when state.activity = 'reopened' then 'by_hand'
        when state.activity = 'ignored' then coalesce(nullif(concat_ws(
            ',', if(state.until is not null, 'until', null), if(state.count is not null, 'count', null),
            if(state.users is not null, 'users', null)
        ), ''), 'for_good')
    end as status_reason,
    coalesce(ending.reason = 'regression', false) as is_regression,
    coalesce(ending.ended_at, state.at) as status_changed_at,
    state.id as cause,
    ending.event_id,
    if(ending is not null, ending.release, state.release) as release,
    case when status = 'resolved' then state.at end as resolved_at,
    case when status = 'resolved' then state.actor end as resolved_by,
    assignee,
    service_name,
    tenant_id
from latest left join ended on state.id = ended.cause;
