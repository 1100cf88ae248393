-- What was done about issues: resolved, ignored, reopened, assigned, merged, split, commented; one row each, and none is ever changed.
-- The command `otelpond issues` appends to it, and no sender can. The state of an issue follows from it: see issues.
create table issue_activity (
    activity_id        uuid not null,
    issue_id           uuid not null,
    activity           text not null,
    activity_timestamp timestamptz not null,
    actor              text not null,
    resolved_in        text,
    release            text,
    ignored_until      timestamptz,
    ignored_count      bigint,
    ignored_users      bigint,
    assignee           text,
    target_issue_id    uuid,
    fingerprint        text,
    comment            text,
    organization_id    text not null,
    service_name       text not null,
    service_version    text,
    environment        text not null,
    trace_id           text,
    span_id            text,
    dt                 date not null,
    time_suspect       boolean not null,
    ingested_at        timestamptz not null,
    tenant_id          text not null,
    check (activity in ('resolved', 'ignored', 'reopened', 'assigned', 'merged', 'split', 'commented')),
    check (resolved_in in ('now', 'release', 'next_release'))
);

comment on column issue_activity.activity_id is 'names the activity: appended again under the same id, it is stored once';
comment on column issue_activity.issue_id is 'the issue that it is about';
comment on column issue_activity.activity is 'resolved, ignored, reopened, assigned, merged, split or commented';
comment on column issue_activity.activity_timestamp is 'when it was done, to the microsecond';
comment on column issue_activity.actor is 'who did it';
comment on column issue_activity.resolved_in is 'where resolved: now, release or next_release; else NULL';
comment on column issue_activity.release is 'resolved in a release: that one; in the next release: the newest that was known, NULL where none was';
comment on column issue_activity.ignored_until is 'where ignored: until when; NULL for no such end';
comment on column issue_activity.ignored_count is 'where ignored: until so many more events; NULL for no such end';
comment on column issue_activity.ignored_users is 'where ignored: until so many users have met it since; NULL for no such end';
comment on column issue_activity.assignee is 'where assigned: to whom; NULL takes it back';
comment on column issue_activity.target_issue_id is 'where merged: the issue that the events count for from then on; else NULL';
comment on column issue_activity.fingerprint is 'where split: the fingerprint (of service_name) that leaves the issue; else NULL';
comment on column issue_activity.comment is 'what the actor says of it';
comment on column issue_activity.organization_id is 'of the issue, else the tenant';
comment on column issue_activity.service_name is 'of the issue; where split, the service whose fingerprint it is';
comment on column issue_activity.service_version is 'NULL: see release';
comment on column issue_activity.environment is 'empty: an issue belongs to none';
comment on column issue_activity.trace_id is 'NULL: an activity belongs to no trace';
comment on column issue_activity.span_id is 'NULL: an activity belongs to no span';
comment on column issue_activity.dt is 'partition: UTC date of activity_timestamp';
comment on column issue_activity.time_suspect is 'false: the time is that of the command';
comment on column issue_activity.ingested_at is 'when it was appended';
comment on column issue_activity.tenant_id is 'whose issue it is';
