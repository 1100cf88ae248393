-- Every span, one row each, with everything OTLP says of it.
-- Known attributes stand in columns of their own, under new and old names of the semantic conventions alike; the rest is in `attributes`.
create table spans (
    id                                uuid generated always as (try_cast(md5(concat_ws('/', tenant_id, trace_id, span_id, 'spans')) as uuid)),
    trace_id                          text not null,
    span_id                           text not null,
    parent_span_id                    text,
    trace_state                       text,
    flags                             bigint not null,
    name                              text not null,
    kind                              text not null,
    start_time                        timestamptz not null,
    end_time                          timestamptz generated always as (make_timestamptz((start_time_unix_nano + duration_ns) // 1000)),
    start_time_unix_nano              bigint not null,
    duration_ns                       bigint not null,
    status_code                       text not null,
    status_message                    text,
    organization_id                   text not null,
    service_name                      text not null,
    service_version                   text,
    environment                       text not null,
    dt                                date not null,
    time_suspect                      boolean not null,
    ingested_at                       timestamptz not null,
    tenant_id                         text not null,
    user_id                           text,
    user_role                         text,
    user_roles                        json,
    session_id                        text,
    user_agent_original               text,
    url_full                          text,
    error_type                        text,
    http_request_method               text,
    http_response_status_code         bigint,
    http_route                        text,
    url_path                          text,
    url_query                         text,
    url_scheme                        text,
    http_target                       text,
    http_request_body_size            bigint,
    http_response_body_size           bigint,
    server_address                    text,
    server_port                       bigint,
    client_address                    text,
    network_peer_address              text,
    network_protocol_version          text,
    db_system_name                    text,
    db_namespace                      text,
    db_collection_name                text,
    db_operation_name                 text,
    db_query_text                     text,
    db_query_summary                  text,
    db_response_status_code           text,
    db_response_returned_rows         bigint,
    rpc_system                        text,
    rpc_service                       text,
    rpc_method                        text,
    messaging_system                  text,
    messaging_destination_name        text,
    peer_service                      text,
    semconv                           text,
    attributes                        json,
    dropped_attributes_count          bigint not null,
    events_count                      integer not null,
    dropped_events_count              bigint not null,
    links                             json,
    dropped_links_count               bigint not null,
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
    scope_schema_url                  text
);

comment on column spans.id is 'made from tenant, trace id and span id';
comment on column spans.trace_id is '32 lower-case hex digits';
comment on column spans.span_id is '16 lower-case hex digits';
comment on column spans.parent_span_id is '16 lower-case hex digits; NULL for a root span';
comment on column spans.trace_state is 'W3C trace state';
comment on column spans.flags is 'Span.flags: bits 0-7 W3C trace flags, bits 8 and 9 whether the parent is remote';
comment on column spans.name is 'name of the span';
comment on column spans.kind is 'UNSPECIFIED, INTERNAL, SERVER, CLIENT, PRODUCER or CONSUMER, else the number';
comment on column spans.start_time is 'start, to the microsecond; else the end, else when it was accepted';
comment on column spans.end_time is 'start and duration added, to the microsecond';
comment on column spans.start_time_unix_nano is 'start in nanoseconds since 1970';
comment on column spans.duration_ns is 'end - start in nanoseconds; negative where clocks ran backwards; 0 where either is missing';
comment on column spans.status_code is 'UNSET, OK or ERROR, else the number';
comment on column spans.status_message is 'Status.message';
comment on column spans.organization_id is 'organization.id of the record, else of its resource, else the tenant';
comment on column spans.service_name is 'service.name of the resource; unknown where absent';
comment on column spans.service_version is 'service.version of the resource';
comment on column spans.environment is 'deployment.environment.name of the resource, else deployment.environment; unknown where absent';
comment on column spans.dt is 'partition: UTC date of the row''s own time, or of arrival where that time is suspect';
comment on column spans.time_suspect is 'true where the row''s own time is more than 90 days before or 1 hour after arrival, or missing';
comment on column spans.ingested_at is 'when the collector accepted the payload';
comment on column spans.tenant_id is 'whose token sent it; a sender cannot set it';
comment on column spans.user_id is 'user.id, else enduser.id';
comment on column spans.user_role is 'user.role, else enduser.role';
comment on column spans.user_roles is 'user.roles, as it came';
comment on column spans.session_id is 'session.id';
comment on column spans.user_agent_original is 'user_agent.original, else http.user_agent';
comment on column spans.url_full is 'url.full, else http.url';
comment on column spans.error_type is 'error.type';
comment on column spans.http_request_method is 'http.request.method, else http.method';
comment on column spans.http_response_status_code is 'http.response.status_code, else http.status_code';
comment on column spans.http_route is 'http.route';
comment on column spans.url_path is 'url.path';
comment on column spans.url_query is 'url.query';
comment on column spans.url_scheme is 'url.scheme, else http.scheme';
comment on column spans.http_target is 'http.target: path and query of older instrumentation';
comment on column spans.http_request_body_size is 'bytes; http.request.body.size, else http.request_content_length, else http.request.size';
comment on column spans.http_response_body_size is 'bytes; http.response.body.size, else http.response_content_length, else http.response.size';
comment on column spans.server_address is 'server.address, else http.host, net.host.name, http.server_name, net.peer.name';
comment on column spans.server_port is 'server.port, else net.host.port, net.peer.port';
comment on column spans.client_address is 'keyed hash of client.address, else http.client_ip';
comment on column spans.network_peer_address is 'keyed hash of network.peer.address, else net.peer.ip, net.sock.peer.addr';
comment on column spans.network_protocol_version is 'network.protocol.version, else http.flavor';
comment on column spans.db_system_name is 'db.system.name, else db.system';
comment on column spans.db_namespace is 'db.namespace, else db.name';
comment on column spans.db_collection_name is 'db.collection.name, else db.sql.table, db.mongodb.collection, db.cassandra.table';
comment on column spans.db_operation_name is 'db.operation.name, else db.operation';
comment on column spans.db_query_text is 'db.query.text, else db.statement, with every literal replaced by ?';
comment on column spans.db_query_summary is 'db.query.summary';
comment on column spans.db_response_status_code is 'db.response.status_code';
comment on column spans.db_response_returned_rows is 'db.response.returned_rows';
comment on column spans.rpc_system is 'rpc.system.name, else rpc.system';
comment on column spans.rpc_service is 'rpc.service';
comment on column spans.rpc_method is 'rpc.method';
comment on column spans.messaging_system is 'messaging.system';
comment on column spans.messaging_destination_name is 'messaging.destination.name, else messaging.destination';
comment on column spans.peer_service is 'service.peer.name, else peer.service';
comment on column spans.semconv is 'which names the renamed attributes came under: new, old or mixed; NULL where there was none';
comment on column spans.attributes is 'the other attributes';
comment on column spans.dropped_attributes_count is 'Span.dropped_attributes_count';
comment on column spans.events_count is 'how many events the span holds; they are in span_events';
comment on column spans.dropped_events_count is 'Span.dropped_events_count';
comment on column spans.links is 'array of {trace_id, span_id, trace_state, attributes, dropped_attributes_count, flags}, absent members left out';
comment on column spans.dropped_links_count is 'Span.dropped_links_count';
comment on column spans.service_namespace is 'service.namespace of the resource';
comment on column spans.service_instance_id is 'service.instance.id of the resource';
comment on column spans.host_name is 'host.name of the resource';
comment on column spans.telemetry_sdk_language is 'telemetry.sdk.language of the resource';
comment on column spans.resource_attributes is 'the resource''s other attributes';
comment on column spans.resource_dropped_attributes_count is 'Resource.dropped_attributes_count';
comment on column spans.resource_entity_refs is 'Resource.entity_refs: array of {schema_url, type, id_keys, description_keys}';
comment on column spans.resource_schema_url is 'schema_url of the ResourceSpans, ResourceLogs or ResourceMetrics';
comment on column spans.scope_name is 'name of the instrumentation scope';
comment on column spans.scope_version is 'version of the instrumentation scope';
comment on column spans.scope_attributes is 'attributes of the instrumentation scope';
comment on column spans.scope_dropped_attributes_count is 'InstrumentationScope.dropped_attributes_count';
comment on column spans.scope_schema_url is 'schema_url of the ScopeSpans, ScopeLogs or ScopeMetrics';

select
    trace_id, span_id, parent_span_id, trace_state, flags, name, kind, start_time, start_time_unix_nano,
    duration_ns, status_code, status_message, organization_id, service_name, service_version, environment, dt,
    time_suspect, ingested_at, tenant_id, user_id, user_role, user_roles, session_id, user_agent_original,
    url_full, error_type, http_request_method, http_response_status_code, http_route, url_path, url_query,
    url_scheme, http_target, http_request_body_size, http_response_body_size, server_address, server_port,
    client_address, network_peer_address, network_protocol_version, db_system_name, db_namespace,
    db_collection_name, db_operation_name, db_query_text, db_query_summary, db_response_status_code,
    db_response_returned_rows, rpc_system, rpc_service, rpc_method, messaging_system,
    messaging_destination_name, peer_service, semconv, attributes, dropped_attributes_count, events_count,
    dropped_events_count, links, dropped_links_count, service_namespace, service_instance_id, host_name,
    telemetry_sdk_language, resource_attributes, resource_dropped_attributes_count, resource_entity_refs,
    resource_schema_url, scope_name, scope_version, scope_attributes, scope_dropped_attributes_count,
    scope_schema_url
from decoded_spans;
