-- What was received but is in no other table, and why: items that break a rule of OTLP, and rows that break a rule of a table.
create table rejected_records (
    id              uuid generated always as (try_cast(md5(concat_ws('/', table_name, tenant_id, payload_digest, item_index, reason, content)) as uuid)),
    table_name      text not null,
    reason          text not null,
    content         json not null,
    payload_digest  text,
    item_index      integer,
    organization_id text not null,
    service_name    text,
    service_version text,
    environment     text,
    trace_id        text,
    span_id         text,
    dt              date not null,
    time_suspect    boolean not null,
    ingested_at     timestamptz not null,
    tenant_id       text not null
);

comment on column rejected_records.id is 'made from what was refused, by which table and why';
comment on column rejected_records.table_name is 'the table that did not take it';
comment on column rejected_records.reason is 'the rule it breaks';
comment on column rejected_records.content is 'the item as protobuf JSON, or the row; addresses hashed';
comment on column rejected_records.payload_digest is 'xxh3-128 of tenant, signal and payload, 32 hex digits; NULL where a row does not carry it';
comment on column rejected_records.item_index is 'position among the payload''s items, from 0; NULL where a row does not carry it';
comment on column rejected_records.organization_id is 'organization.id of the row, else the tenant';
comment on column rejected_records.service_name is 'service.name of the resource; NULL where the item was refused before it was read';
comment on column rejected_records.service_version is 'service.version of the resource; NULL where the item was refused before it was read';
comment on column rejected_records.environment is 'deployment.environment.name of the resource, else deployment.environment; NULL where the item was refused before it was read';
comment on column rejected_records.trace_id is 'of the row, where it was read';
comment on column rejected_records.span_id is 'of the row, where it was read';
comment on column rejected_records.dt is 'partition: UTC date of arrival';
comment on column rejected_records.time_suspect is 'false: a rejected row is dated by its arrival';
comment on column rejected_records.ingested_at is 'when the collector accepted the payload';
comment on column rejected_records.tenant_id is 'whose token sent it; a sender cannot set it';

select
    case signal when 'traces' then 'spans' when 'logs' then 'logs' when 'metrics' then 'metric_points' else signal end as table_name,
    reason, content, payload_digest, item_index, tenant_id as organization_id,
    null as service_name, null as service_version, null as environment, null as trace_id, null as span_id,
    try_cast(ingested_at as date) as dt, false as time_suspect, ingested_at, tenant_id
from decoded_refused;
