-- Alerts: what the rules of the configuration ([[alerts]]) found, and whom it was told. One row each time something becomes of an alert:
-- that it fired, that a channel has it or not, or that nobody is told and why. The collector writes it, and no sender can.
create table alerts (
    id              uuid generated always as (try_cast(md5(concat_ws('/', tenant_id, alert_id, channel, attempt, status, 'alerts')) as uuid)),
    alert_id        uuid not null,
    rule            text not null,
    kind            text not null,
    change          text not null,
    issue_id        uuid,
    scope           text not null,
    title           text not null,
    message         text not null,
    level           text,
    value           double,
    threshold       double,
    fired_at        timestamptz not null,
    status          text not null check (status in ('fired', 'sent', 'failed', 'suppressed')),
    status_at       timestamptz not null,
    channel         text not null,
    attempt         integer not null,
    error           text,
    organization_id text not null,
    service_name    text not null,
    service_version text,
    environment     text not null,
    trace_id        text,
    span_id         text,
    dt              date not null,
    time_suspect    boolean not null,
    ingested_at     timestamptz not null,
    tenant_id       text not null
);

comment on column alerts.id is 'made from the alert, its channel and attempt';
comment on column alerts.alert_id is 'the same in all rows of an alert, and in every message about it: made from the rule, the issue or scope, the change, and what caused it';
comment on column alerts.rule is 'name of the rule';
comment on column alerts.kind is 'kind of the rule, as new_issue or error_count';
comment on column alerts.change is 'of an issue: new_issue, regression or unignored; of a window or SQL: exceeded';
comment on column alerts.issue_id is 'the issue, as it was when the alert fired; NULL where the alert is about none';
comment on column alerts.scope is 'of a window or SQL: the values of the rule''s `by`, or of the SQL''s column scope, with / between; empty for the rule as a whole';
comment on column alerts.title is 'one line of it';
comment on column alerts.message is 'what else is told';
comment on column alerts.level is 'of the issue: fatal, error or warning; else NULL';
comment on column alerts.value is 'what was measured: errors, users, percent, milliseconds or queries; NULL for changes of issues';
comment on column alerts.threshold is 'what the rule compares it with, in the same unit';
comment on column alerts.fired_at is 'when the rule found it';
comment on column alerts.status is 'fired; sent: the channel has it; failed: an attempt at the channel, which may be made again (the first, second, fourth, eighth ... are told); suppressed: nobody is told, or by number only';
comment on column alerts.status_at is 'when it became so';
comment on column alerts.channel is 'name of the channel ([[notify]]); empty where the row is about none';
comment on column alerts.attempt is 'number of the attempt at that channel, from 1; 0 where none was made';
comment on column alerts.error is 'of failed and suppressed: why';
comment on column alerts.organization_id is 'organization.id of the errors, where they have one; else the tenant';
comment on column alerts.service_name is 'of the errors, requests or queries, where they are of one; else empty';
comment on column alerts.service_version is 'release of the error that it tells of; else NULL';
comment on column alerts.environment is 'of the errors, requests or queries, where they are of one; else empty';
comment on column alerts.trace_id is 'of the error that it tells of; else NULL';
comment on column alerts.span_id is 'of the error that it tells of; else NULL';
comment on column alerts.dt is 'partition: UTC date of status_at';
comment on column alerts.time_suspect is 'false: the time is the collector''s own';
comment on column alerts.ingested_at is 'the same as status_at';
comment on column alerts.tenant_id is 'whose pond it is';
