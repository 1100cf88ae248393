-- What alerts tell of issues: that one is new, came back after it was resolved, or is ignored no more; each once. A view without files.
create table issue_changes (
    issue_id     uuid not null,
    change       text not null,
    changed_at   timestamptz not null,
    cause        uuid,
    event_id     uuid,
    release      text,
    service_name text not null,
    tenant_id    text not null
);

comment on column issue_changes.issue_id is 'the issue';
comment on column issue_changes.change is 'new, regressed or unignored';
comment on column issue_changes.changed_at is 'when its first event happened; when the event happened that came back; when what it was ignored until was reached';
comment on column issue_changes.cause is 'the activity that it ends; NULL of a new issue. No issue has the same change of one cause twice';
comment on column issue_changes.event_id is 'the event that made it; NULL where a time was reached';
comment on column issue_changes.release is 'release of that event';
comment on column issue_changes.service_name is 'service of that event, else of the issue';
comment on column issue_changes.tenant_id is 'whose issue it is';

with beginning as materialized (
    select
        tenant_id, issue_id,
        min(error_timestamp) as changed_at,
        arg_min({'event_id': event_id, 'release': release, 'service_name': service_name}, (error_timestamp, event_id)) as event
    from issue_events
    where issue_id is not null
    group by tenant_id, issue_id
)
select issue_id, 'new' as change, changed_at, null as cause, event.event_id, event.release, event.service_name, tenant_id
from beginning
union all by name
select
    issue_id, if(is_regression, 'regressed', 'unignored') as change, status_changed_at as changed_at, cause, event_id, release, service_name,
    tenant_id
from issue_states
where status = 'reopened' and status_reason <> 'by_hand' and issue_id in (select issue_id from beginning);
