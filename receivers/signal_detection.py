"""Which signal protobuf bytes carry that do not say so; for the reader of OTLP files.

The three Export requests (and TracesData, MetricsData, LogsData) look alike down to the scope: field 1 holds field 2s. What tells
them apart are the items. Read as another signal's, an item has its fields in other places and of other wire types, and lacks what
every item of that signal has: a span a fixed64 time in field 7 or 8, a log record one in field 1 or 11, a metric a name and points.
"""

from __future__ import annotations

from typing import Final, TypeAlias

from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from ..storage.signals import Signal, UndecodableError

_Request: TypeAlias = ExportTraceServiceRequest | ExportMetricsServiceRequest | ExportLogsServiceRequest
_REQUESTS: Final[dict[Signal, type[_Request]]] = {
    Signal.TRACES: ExportTraceServiceRequest,
    Signal.METRICS: ExportMetricsServiceRequest,
    Signal.LOGS: ExportLogsServiceRequest,
}


def signal_of(payload: bytes) -> Signal | None:
    """The signal whose Export request these bytes are; None where they hold no item of any.

    Raises:
        UndecodableError: they are the request of no signal, or it cannot be told which.
    """
    verdicts: list[bool | None] = []
    # Metrics last: a span whose ids happen to be text may look like a metric, never one of the others like another.
    for signal in (Signal.TRACES, Signal.LOGS, Signal.METRICS):
        verdicts.append(_holds(signal, payload))
        if verdicts[-1]:
            return signal
    if verdicts == [None, None, None]:
        return None
    raise UndecodableError("the message holds neither spans nor log records with a time, nor metrics")


def checked(signal: Signal, payload: bytes) -> Signal:
    """The signal, where the bytes are a message of it.

    Raises:
        UndecodableError: they are not.
    """
    try:
        _REQUESTS[signal].FromString(payload)
    except DecodeError:
        raise UndecodableError(f"the message is no {signal.name.lower()} request") from None
    return signal


def _holds(signal: Signal, payload: bytes) -> bool | None:
    """Whether the first item is one of that signal; None where the message is well-formed and without items."""
    try:
        request = _REQUESTS[signal].FromString(payload)
    except DecodeError:
        return False
    match request:
        case ExportTraceServiceRequest():
            spans = (span for resource in request.resource_spans for scope in resource.scope_spans for span in scope.spans)
            return next((bool(span.start_time_unix_nano or span.end_time_unix_nano) for span in spans), None)
        case ExportMetricsServiceRequest():
            metrics = (metric for resource in request.resource_metrics for scope in resource.scope_metrics for metric in scope.metrics)
            return next((bool(metric.name) and metric.WhichOneof("data") is not None for metric in metrics), None)
        case _:
            records = (record for resource in request.resource_logs for scope in resource.scope_logs for record in scope.log_records)
            return next((bool(record.time_unix_nano or record.observed_time_unix_nano) for record in records), None)
