-- Stacks of errors that were stored before their source map was uploaded, and what they are with it: one row a distinct stack, release
-- and fingerprint. The views of the four error tables show it in place of what the rows were stored with; of several rows the last one.
create table mapped_stacks (
    release              text not null,
    stack_hash           text not null,
    stored_fingerprint   text not null,
    mapped_stack         text not null,
    fingerprint          text not null,
    grouping_version     integer not null,
    previous_fingerprint text,
    grouping             json not null,
    culprit              text,
    organization_id      text not null,
    service_name         text not null,
    environment          text not null,
    dt                   date not null,
    time_suspect         boolean not null,
    ingested_at          timestamptz not null,
    tenant_id            text not null
);

comment on column mapped_stacks.release is 'service.version of the errors; of crashes, of what crashed';
comment on column mapped_stacks.stack_hash is 'md5 of the stack as it was sent, 32 hex digits';
comment on column mapped_stacks.stored_fingerprint is 'what the errors are stored with; empty where they have none';
comment on column mapped_stacks.mapped_stack is 'the stack with the places of the sources';
comment on column mapped_stacks.fingerprint is 'what equal errors share, now that the sources are known: 32 hex digits';
comment on column mapped_stacks.grouping_version is 'version of the grouping that gave fingerprint';
comment on column mapped_stacks.previous_fingerprint is 'fingerprint by the version before, for 30 days after a change of version; else NULL';
comment on column mapped_stacks.grouping is 'what the fingerprint is made of';
comment on column mapped_stacks.culprit is 'function and module of the frame to blame';
comment on column mapped_stacks.organization_id is 'the tenant: a stack is of no organization';
comment on column mapped_stacks.service_name is 'service.name of the errors';
comment on column mapped_stacks.environment is 'empty: a stack is the same in all';
comment on column mapped_stacks.dt is 'partition: UTC date of the upload';
comment on column mapped_stacks.time_suspect is 'false';
comment on column mapped_stacks.ingested_at is 'when the source map was uploaded';
comment on column mapped_stacks.tenant_id is 'whose token sent the errors; a sender cannot set it';
