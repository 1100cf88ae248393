"""The three Export calls of OTLP by name, and the answer each gives; for both receivers, which walk one ladder for all signals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, TypeAlias

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from ..storage.signals import Inspection, Signal
from .refusals import sendable

Response: TypeAlias = ExportTraceServiceResponse | ExportMetricsServiceResponse | ExportLogsServiceResponse

DEFAULT_MAX_BODY_BYTES: Final = 64 * 1024 * 1024
"""What OTLP 1.11 recommends, for the body as it comes and for the body decompressed."""

LONGEST_SHARED_S: Final = 300
"""How long a connection is kept where processes share a port: the system deals out connections, and not their load."""


def in_flight_bytes(max_body_bytes: int) -> int:
    """The memory that requests under way may hold: that of one JSON body of the largest size, and of what parsing it takes."""
    return 9 * max_body_bytes


@dataclass(frozen=True, slots=True)
class Export:
    """One signal's Export call.

    Attributes:
        signal: what it carries.
        path: where OTLP/HTTP takes it.
        method: its full name in OTLP/gRPC.
    """

    signal: Signal
    path: str
    method: str

    def response(self, inspection: Inspection) -> Response:
        """The answer; `partial_success` is set only where something was rejected."""
        if not inspection.rejected:
            return _RESPONSES[self.signal]()
        reason = sendable(inspection.reason)
        match self.signal:
            case Signal.TRACES:
                traces = ExportTraceServiceResponse()
                traces.partial_success.rejected_spans = inspection.rejected
                traces.partial_success.error_message = reason
                return traces
            case Signal.METRICS:
                metrics = ExportMetricsServiceResponse()
                metrics.partial_success.rejected_data_points = inspection.rejected
                metrics.partial_success.error_message = reason
                return metrics
            case Signal.LOGS:
                logs = ExportLogsServiceResponse()
                logs.partial_success.rejected_log_records = inspection.rejected
                logs.partial_success.error_message = reason
                return logs


_RESPONSES: Final[dict[Signal, type[Response]]] = {
    Signal.TRACES: ExportTraceServiceResponse,
    Signal.METRICS: ExportMetricsServiceResponse,
    Signal.LOGS: ExportLogsServiceResponse,
}

_COLLECTOR: Final = "/opentelemetry.proto.collector"
EXPORTS: Final = (
    Export(Signal.TRACES, "/v1/traces", f"{_COLLECTOR}.trace.v1.TraceService/Export"),
    Export(Signal.METRICS, "/v1/metrics", f"{_COLLECTOR}.metrics.v1.MetricsService/Export"),
    Export(Signal.LOGS, "/v1/logs", f"{_COLLECTOR}.logs.v1.LogsService/Export"),
)
"""OTLP 1.11, sections OTLP/gRPC and OTLP/HTTP Request."""
