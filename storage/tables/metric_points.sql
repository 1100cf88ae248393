-- Every metric point, one row each, of all five kinds; a column that a kind does not have is NULL.
create table metric_points (
    id                                uuid generated always as (try_cast(md5(concat_ws('/', payload_digest, item_index, 'metric_points')) as uuid)),
    trace_id                          text generated always as (try_cast(null as text)),
    span_id                           text generated always as (try_cast(null as text)),
    metric_name                       text not null,
    description                       text,
    unit                              text,
    metric_type                       text not null,
    metadata                          json,
    temporality                       text,
    is_monotonic                      boolean,
    start_time_unix_nano              bigint,
    timestamp                         timestamptz not null,
    time_unix_nano                    bigint not null,
    flags                             bigint not null,
    value_double                      double,
    value_int                         bigint,
    count                             bigint,
    sum                               double,
    min                               double,
    max                               double,
    bucket_counts                     bigint[],
    explicit_bounds                   double[],
    scale                             integer,
    zero_count                        bigint,
    zero_threshold                    double,
    positive_offset                   integer,
    positive_bucket_counts            bigint[],
    negative_offset                   integer,
    negative_bucket_counts            bigint[],
    quantiles                         json,
    exemplars                         json,
    attributes                        json,
    organization_id                   text not null,
    service_name                      text not null,
    service_version                   text,
    environment                       text not null,
    dt                                date not null,
    time_suspect                      boolean not null,
    ingested_at                       timestamptz not null,
    tenant_id                         text not null,
    service_namespace                 text,
    service_instance_id               text,
    host_name                         text,
    telemetry_sdk_language            text,
    resource_attributes               json,
    resource_dropped_attributes_count bigint not null,
    resource_entity_refs              json,
    resource_schema_url               text,
    scope_name                        text,
    scope_version                     text,
    scope_attributes                  json,
    scope_dropped_attributes_count    bigint not null,
    scope_schema_url                  text,
    payload_digest                    text not null,
    item_index                        integer not null
);

comment on column metric_points.id is 'made from the payload''s digest and the point''s position in it';
comment on column metric_points.trace_id is 'NULL: a point belongs to no trace; its exemplars may';
comment on column metric_points.span_id is 'NULL: a point belongs to no span; its exemplars may';
comment on column metric_points.metric_name is 'name of the metric';
comment on column metric_points.description is 'Metric.description';
comment on column metric_points.unit is 'unit, in UCUM';
comment on column metric_points.metric_type is 'gauge, sum, histogram, exponential_histogram or summary';
comment on column metric_points.metadata is 'Metric.metadata';
comment on column metric_points.temporality is 'delta or cumulative; NULL for gauge and summary';
comment on column metric_points.is_monotonic is 'of a sum: it never falls';
comment on column metric_points.start_time_unix_nano is 'start of the interval the point covers, in nanoseconds since 1970';
comment on column metric_points.timestamp is 'time of the point, to the microsecond';
comment on column metric_points.time_unix_nano is 'the same in nanoseconds since 1970';
comment on column metric_points.flags is 'bit 0: no value was recorded (the series ended)';
comment on column metric_points.value_double is 'value of a number point that came as a double';
comment on column metric_points.value_int is 'value of a number point that came as an integer';
comment on column metric_points.count is 'observations in a histogram or summary';
comment on column metric_points.sum is 'sum of the observations';
comment on column metric_points.min is 'smallest observation';
comment on column metric_points.max is 'largest observation';
comment on column metric_points.bucket_counts is 'of a histogram: observations per bucket, one more than bounds';
comment on column metric_points.explicit_bounds is 'of a histogram: upper bounds, inclusive';
comment on column metric_points.scale is 'of an exponential histogram: base is 2^(2^-scale)';
comment on column metric_points.zero_count is 'of an exponential histogram: observations in the zero bucket';
comment on column metric_points.zero_threshold is 'of an exponential histogram: width of the zero bucket';
comment on column metric_points.positive_offset is 'index of the first positive bucket';
comment on column metric_points.positive_bucket_counts is 'observations per positive bucket';
comment on column metric_points.negative_offset is 'index of the first negative bucket';
comment on column metric_points.negative_bucket_counts is 'observations per negative bucket';
comment on column metric_points.quantiles is 'of a summary: array of {quantile, value}';
comment on column metric_points.exemplars is 'array of {time_unix_nano, value, trace_id, span_id, attributes}, absent members left out';
comment on column metric_points.attributes is 'attributes of the point';
comment on column metric_points.organization_id is 'organization.id of the record, else of its resource, else the tenant';
comment on column metric_points.service_name is 'service.name of the resource; unknown where absent';
comment on column metric_points.service_version is 'service.version of the resource';
comment on column metric_points.environment is 'deployment.environment.name of the resource, else deployment.environment; unknown where absent';
comment on column metric_points.dt is 'partition: UTC date of the row''s own time, or of arrival where that time is suspect';
comment on column metric_points.time_suspect is 'true where the row''s own time is more than 90 days before or 1 hour after arrival, or missing';
comment on column metric_points.ingested_at is 'when the collector accepted the payload';
comment on column metric_points.tenant_id is 'whose token sent it; a sender cannot set it';
comment on column metric_points.service_namespace is 'service.namespace of the resource';
comment on column metric_points.service_instance_id is 'service.instance.id of the resource';
comment on column metric_points.host_name is 'host.name of the resource';
comment on column metric_points.telemetry_sdk_language is 'telemetry.sdk.language of the resource';
comment on column metric_points.resource_attributes is 'the resource''s other attributes';
comment on column metric_points.resource_dropped_attributes_count is 'Resource.dropped_attributes_count';
comment on column metric_points.resource_entity_refs is 'Resource.entity_refs: array of {schema_url, type, id_keys, description_keys}';
comment on column metric_points.resource_schema_url is 'schema_url of the ResourceSpans, ResourceLogs or ResourceMetrics';
comment on column metric_points.scope_name is 'name of the instrumentation scope';
comment on column metric_points.scope_version is 'version of the instrumentation scope';
comment on column metric_points.scope_attributes is 'attributes of the instrumentation scope';
comment on column metric_points.scope_dropped_attributes_count is 'InstrumentationScope.dropped_attributes_count';
comment on column metric_points.scope_schema_url is 'schema_url of the ScopeSpans, ScopeLogs or ScopeMetrics';
comment on column metric_points.payload_digest is 'xxh3-128 of tenant, signal and payload, 32 hex digits';
comment on column metric_points.item_index is 'position among the payload''s items, from 0';

select
    metric_name, description, unit, metric_type, metadata, temporality, is_monotonic, start_time_unix_nano,
    timestamp, time_unix_nano, flags, value_double, value_int, count, sum, min, max, bucket_counts,
    explicit_bounds, scale, zero_count, zero_threshold, positive_offset, positive_bucket_counts,
    negative_offset, negative_bucket_counts, quantiles, exemplars, attributes, organization_id, service_name,
    service_version, environment, dt, time_suspect, ingested_at, tenant_id, service_namespace,
    service_instance_id, host_name, telemetry_sdk_language, resource_attributes,
    resource_dropped_attributes_count, resource_entity_refs, resource_schema_url, scope_name, scope_version,
    scope_attributes, scope_dropped_attributes_count, scope_schema_url, payload_digest, item_index
from decoded_metric_points;
