"""Receivers on free ports, and a sink in memory that shows what they handed on."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
import uvicorn
from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from otelpond.receivers.http_connection import HttpConnection
from otelpond.receivers.otlp_http import app
from otelpond.storage.signals import Inspection, Signal, UndecodableError

from .over_grpc import grpc_receiver

Request = ExportTraceServiceRequest | ExportMetricsServiceRequest | ExportLogsServiceRequest
REQUESTS: dict[Signal, type[Request]] = {
    Signal.TRACES: ExportTraceServiceRequest,
    Signal.METRICS: ExportMetricsServiceRequest,
    Signal.LOGS: ExportLogsServiceRequest,
}


@dataclass
class MemorySink:
    """Keeps what it is handed. `room` and `disk` may be set to an error that admit and append then raise."""

    stored: list[tuple[str, Signal, bytes]] = field(default_factory=list)
    room: Exception | None = None
    disk: Exception | None = None
    held: int = 0
    most_held: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def inspect(self, signal: Signal, payload: bytes) -> Inspection:
        """Counts the items; a span whose id is not 8 bytes long is rejected."""
        try:
            request = REQUESTS[signal].FromString(payload)
        except DecodeError as error:
            raise UndecodableError(f"the body is no {signal.name.lower()} message") from error
        if not isinstance(request, ExportTraceServiceRequest):
            return Inspection(len(request.SerializeToString()))
        spans = [span for resource in request.resource_spans for scope in resource.scope_spans for span in scope.spans]
        rejected = sum(len(span.span_id) != 8 for span in spans)
        return Inspection(len(spans), rejected, f"{rejected} spans have no id of 8 bytes" if rejected else "")

    @contextmanager
    def admit(self, size: int) -> Iterator[None]:
        """Counts the bytes held."""
        if self.room is not None:
            raise self.room
        with self.lock:
            self.held += size
            self.most_held = max(self.most_held, self.held)
        try:
            yield
        finally:
            with self.lock:
                self.held -= size

    def append(self, tenant: str, signal: Signal, payload: bytes, inspection: Inspection) -> Future[None]:
        """Completes from another thread, as the inbox does."""
        assert inspection.items > 0
        future: Future[None] = Future()
        self.stored.append((tenant, signal, payload))
        outcome = self.disk
        threading.Thread(target=lambda: future.set_exception(outcome) if outcome else future.set_result(None)).start()
        return future


@contextmanager
def http_receiver(sink: MemorySink, context: ssl.SSLContext | None = None, **options: Any) -> Iterator[int]:
    """An OTLP/HTTP receiver, over TLS where there is a context; gives its port."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(128)
        tls = (lambda _config, _default: context) if context else None
        config = uvicorn.Config(
            app(sink, **options),
            lifespan="off",
            ws="none",
            http=HttpConnection,
            access_log=False,
            log_level="warning",
            ssl_context_factory=tls,
        )
        receiver = uvicorn.Server(config)
        thread = threading.Thread(target=receiver.run, args=([listening],))
        thread.start()
        try:
            yield int(listening.getsockname()[1])
        finally:
            receiver.should_exit = True
            thread.join()


@pytest.fixture
def sink() -> MemorySink:
    """An empty sink."""
    return MemorySink()


@pytest.fixture
def http_port(sink: MemorySink) -> Iterator[int]:
    """The port of an OTLP/HTTP receiver in front of `sink`."""
    with http_receiver(sink) as port:
        yield port


@pytest.fixture
def grpc_port(sink: MemorySink) -> Iterator[int]:
    """The port of an OTLP/gRPC receiver in front of `sink`."""
    with grpc_receiver(sink) as port:
        yield port


@pytest.fixture
def small_http_port(sink: MemorySink) -> Iterator[int]:
    """The port of an OTLP/HTTP receiver that takes bodies of 100,000 bytes."""
    with http_receiver(sink, max_body_bytes=100_000) as port:
        yield port


@pytest.fixture
def small_grpc_port(sink: MemorySink) -> Iterator[int]:
    """The port of an OTLP/gRPC receiver that takes messages of 100,000 bytes."""
    with grpc_receiver(sink, max_body_bytes=100_000) as port:
        yield port


def request_of(signal: Signal, *, name: str = "checkout", span_id: bytes = b"12345678") -> Request:
    """A request with one item of that signal, which goes by `name`."""
    match signal:
        case Signal.TRACES:
            traces = ExportTraceServiceRequest()
            span = traces.resource_spans.add().scope_spans.add().spans.add(trace_id=b"0123456789abcdef", span_id=span_id)
            span.name = name
            span.start_time_unix_nano = span.end_time_unix_nano = 1_700_000_000_000_000_000
            return traces
        case Signal.METRICS:
            metrics = ExportMetricsServiceRequest()
            metric = metrics.resource_metrics.add().scope_metrics.add().metrics.add(name=name)
            metric.gauge.data_points.add(as_int=7, time_unix_nano=1_700_000_000_000_000_000)
            return metrics
        case Signal.LOGS:
            logs = ExportLogsServiceRequest()
            record = logs.resource_logs.add().scope_logs.add().log_records.add(time_unix_nano=1_700_000_000_000_000_000)
            record.body.string_value = name
            return logs


@pytest.fixture(name="request_of")
def request_of_fixture() -> Callable[..., Request]:
    """`request_of`, for tests, which cannot import from here."""
    return request_of


@pytest.fixture(name="http_receiver")
def http_receiver_fixture() -> Callable[..., AbstractContextManager[int]]:
    """`http_receiver`, for tests that need options."""
    return http_receiver


@pytest.fixture(name="grpc_receiver")
def grpc_receiver_fixture() -> Callable[..., AbstractContextManager[int]]:
    """`grpc_receiver`, for tests that need options."""
    return grpc_receiver
