"""Every answer of an OTLP endpoint, sorted once into delivered, try later and refused; both clients render what they hear through it.

OTLP 1.11: retryable are HTTP 429, 502, 503 and 504, and the gRPC codes CANCELLED, DEADLINE_EXCEEDED, ABORTED, OUT_OF_RANGE, UNAVAILABLE
and DATA_LOSS, as well as RESOURCE_EXHAUSTED where a RetryInfo comes with it. All else is final.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from google.protobuf.message import DecodeError
from google.rpc import error_details_pb2, status_pb2
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from ..storage.signals import Signal
from .destination import Answer, Delivered, Refused, TryLater
from .retry_after import retry_after_s

RETRYABLE_STATUSES: Final = frozenset({429, 502, 503, 504})
RETRYABLE_CODES: Final = frozenset({1, 4, 10, 11, 14, 15})
_OK, _RESOURCE_EXHAUSTED = 0, 8
_SUCCESS, _REDIRECTION, _CLIENT_ERROR = 200, 300, 400
_LONGEST_REASON: Final = 300


@dataclass(frozen=True, slots=True)
class Service:
    """One signal's Export call: its HTTP path, its gRPC method, and what answers it."""

    path: str
    method: str
    response: Any
    rejected: str


_COLLECTOR: Final = "/opentelemetry.proto.collector"
SERVICES: Final[Mapping[Signal, Service]] = {
    Signal.TRACES: Service("/v1/traces", f"{_COLLECTOR}.trace.v1.TraceService/Export", ExportTraceServiceResponse, "rejected_spans"),
    Signal.METRICS: Service(
        "/v1/metrics", f"{_COLLECTOR}.metrics.v1.MetricsService/Export", ExportMetricsServiceResponse, "rejected_data_points"
    ),
    Signal.LOGS: Service("/v1/logs", f"{_COLLECTOR}.logs.v1.LogsService/Export", ExportLogsServiceResponse, "rejected_log_records"),
}


def of_http(signal: Signal, status: int, headers: Mapping[str, str], body: bytes) -> Answer:
    """What an HTTP answer says; `headers` takes names in any case."""
    if _SUCCESS <= status < _REDIRECTION:
        return delivered(signal, body)
    if status in RETRYABLE_STATUSES:
        return TryLater(f"HTTP {status}{_said(_status(body).message)}", retry_after_s(headers.get("retry-after")))
    if status < _CLIENT_ERROR:
        return Refused(f"HTTP {status}: redirects are not followed; it points to {_short(headers.get('location', 'nowhere'))}")
    return Refused(f"HTTP {status}{_said(_status(body).message)}")


def of_grpc(code: int, name: str, message: str, trailers: Iterable[tuple[str, str | bytes]]) -> Answer:
    """What a gRPC status other than OK says, by its number, name, text and trailing metadata."""
    delay_s = _retry_info(trailers)
    if code in RETRYABLE_CODES or (code == _RESOURCE_EXHAUSTED and delay_s is not None):
        return TryLater(f"{name}{_said(message)}", delay_s)
    return Refused(f"{name}{_said(message)}")


def delivered(signal: Signal, body: bytes) -> Delivered:
    """What an Export response says; one that cannot be read is a success like any other, for the payload has arrived."""
    service = SERVICES[signal]
    response = service.response()
    try:
        response.ParseFromString(body)
    except DecodeError:
        return Delivered()
    partial = response.partial_success
    return Delivered(max(0, getattr(partial, service.rejected)), _short(partial.error_message))


def _status(body: bytes) -> status_pb2.Status:
    """The google.rpc.Status in the body of an HTTP error; an empty one where there is none."""
    status = status_pb2.Status()
    try:
        status.ParseFromString(body)
    except DecodeError:
        status.Clear()
    return status


def _retry_info(trailers: Iterable[tuple[str, str | bytes]]) -> float | None:
    """The delay of a RetryInfo: in the status details, as Go, .NET and Rust send it, or bare, as Python's exporter reads it."""
    for key, value in trailers:
        if not isinstance(value, bytes):
            continue
        info = error_details_pb2.RetryInfo()
        try:
            if key == "google.rpc.retryinfo-bin":
                info.ParseFromString(value)
                return _seconds(info)
            if key == "grpc-status-details-bin":
                for detail in status_pb2.Status.FromString(value).details:
                    if detail.Unpack(info):
                        return _seconds(info)
        except DecodeError:
            continue
    return None


def _seconds(info: error_details_pb2.RetryInfo) -> float:
    return float(max(0.0, info.retry_delay.seconds + info.retry_delay.nanos / 1e9))


def _said(message: str) -> str:
    return f": {_short(message)}" if message else ""


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST_REASON else f"{line[: _LONGEST_REASON - 1]}…"
