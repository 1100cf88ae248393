"""The protobuf messages of each signal, and the way to their items; read by inspection and the plain decoder."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from google.protobuf.message import Message
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from ..signals import Signal


@dataclass(frozen=True, slots=True)
class Shape:
    """Where the items of a signal lie: the request's class, and the fields that lead to them."""

    request: type[Message]
    resources: str
    scopes: str
    items: str


SHAPES: Final[dict[Signal, Shape]] = {
    Signal.TRACES: Shape(ExportTraceServiceRequest, "resource_spans", "scope_spans", "spans"),
    Signal.METRICS: Shape(ExportMetricsServiceRequest, "resource_metrics", "scope_metrics", "metrics"),
    Signal.LOGS: Shape(ExportLogsServiceRequest, "resource_logs", "scope_logs", "log_records"),
}


def scopes(signal: Signal, request: Message) -> Iterator[tuple[Any, Any, Any]]:
    """Of a request: each ResourceSpans (-Metrics, -Logs) with each of its ScopeSpans and that one's spans, metrics or records."""
    shape = SHAPES[signal]
    for of_resource in getattr(request, shape.resources):
        for of_scope in getattr(of_resource, shape.scopes):
            yield of_resource, of_scope, getattr(of_scope, shape.items)
