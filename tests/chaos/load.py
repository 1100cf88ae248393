"""Requests whose rows can be told in every table by an id of their own, and what each table must hold of them."""

from __future__ import annotations

import time

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

ITEMS = 200
PATHS = {"traces": "/v1/traces", "logs": "/v1/logs", "metrics": "/v1/metrics"}
METHODS = {
    "traces": "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
    "logs": "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
    "metrics": "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
}
_SPAN = "('0x' || span_id)::bigint"
EXPECTED = {
    "spans": ("traces", "true", _SPAN, _SPAN),
    "api_performance_metrics": ("traces", "item % 20 = 0 or item % 20 > 6", _SPAN, _SPAN),
    "database_performance_metrics": ("traces", "item % 20 between 1 and 6", _SPAN, _SPAN),
    "span_events": ("traces", "item % 20 < 2", _SPAN, "(span_id, event_index)"),
    "api_error_logs": ("traces", "item % 20 = 0", _SPAN, _SPAN),
    "database_error_logs": ("traces", "item % 20 = 1", _SPAN, _SPAN),
    "error_logs": ("traces", "item % 20 < 2", _SPAN, "(span_id, report_source, report_index)"),
    "logs": ("logs", "true", _SPAN, _SPAN),
    "crash_reports": ("logs", "item = 1", _SPAN, _SPAN),
    "metric_points": ("metrics", "true", "value_int", "value_int"),
    "server_performance_metrics": ("metrics", "item = 0", "service_instance_id::bigint * 1000", "service_instance_id"),
}
"""By table: the kind of request and the items of it that have a row there, a row's id, and what no two rows have in common."""


def kind_of(number: int) -> str:
    """What the n-th request carries."""
    return {8: "logs", 9: "metrics"}.get(number % 10, "traces")


def body(number: int) -> bytes:
    """The n-th request: `ITEMS` items, the i-th with the id `number * 1000 + i`."""
    ids = range(number * 1000, number * 1000 + ITEMS)
    now = time.time_ns()
    match kind_of(number):
        case "logs":
            return _logs(ids, now)
        case "metrics":
            return _metrics(ids, now, str(number))
        case _:
            return _traces(ids, now)


def _attribute(key: str, value: str | int) -> KeyValue:
    return KeyValue(key=key, value=AnyValue(int_value=value) if isinstance(value, int) else AnyValue(string_value=value))


def _resource(**attributes: str) -> Resource:
    given = {"service.name": "chaos", **{key.replace("_", "."): value for key, value in attributes.items()}}
    return Resource(attributes=[_attribute(key, value) for key, value in given.items()])


_SERVER = [_attribute("http.request.method", "GET"), _attribute("http.route", "/orders")]
_DATABASE = [_attribute("db.system.name", "postgresql"), _attribute("db.query.text", "select name from orders where id = 7")]
_EXCEPTION = [_attribute("exception.type", "ValueError"), _attribute("exception.message", "injected")]


def _traces(ids: range, now: int) -> bytes:
    request = ExportTraceServiceRequest()
    scope_spans = request.resource_spans.add(resource=_resource()).scope_spans.add()
    for item, identifier in enumerate(ids):
        span_id = identifier.to_bytes(8, "big")
        place = item % 20
        database = 1 <= place <= 6
        span = scope_spans.spans.add(
            trace_id=bytes(8) + span_id,
            span_id=span_id,
            name="select orders" if database else "GET /orders",
            kind=Span.SPAN_KIND_CLIENT if database else Span.SPAN_KIND_SERVER,
            start_time_unix_nano=now,
            end_time_unix_nano=now + 5_000_000,
            attributes=_DATABASE if database else [*_SERVER, _attribute("http.response.status_code", 500 if place == 0 else 200)],
        )
        if place < 2:
            span.status.code = Status.STATUS_CODE_ERROR
            span.events.add(name="exception", time_unix_nano=now, attributes=_EXCEPTION)
    return request.SerializeToString()


def _logs(ids: range, now: int) -> bytes:
    request = ExportLogsServiceRequest()
    scope_logs = request.resource_logs.add(resource=_resource()).scope_logs.add()
    for item, identifier in enumerate(ids):
        span_id = identifier.to_bytes(8, "big")
        record = scope_logs.log_records.add(time_unix_nano=now, trace_id=bytes(8) + span_id, span_id=span_id, severity_number=9)
        record.body.string_value = "a line"
        if item == 1:
            record.event_name = "app.crash"
            record.attributes.extend(_EXCEPTION)
    return request.SerializeToString()


def _metrics(ids: range, now: int, instance: str) -> bytes:
    request = ExportMetricsServiceRequest()
    metrics = request.resource_metrics.add(resource=_resource(service_instance_id=instance)).scope_metrics.add()
    metrics.metrics.add(name="process.memory.usage", unit="By").sum.data_points.add(time_unix_nano=now, as_int=ids[0])
    metrics.metrics[0].sum.aggregation_temporality = 2
    depth = metrics.metrics.add(name="queue.depth", unit="1").gauge
    for identifier in ids[1:]:
        depth.data_points.add(time_unix_nano=now, as_int=identifier)
    return request.SerializeToString()
