"""The sample shop sends what the demo promises, told by the wire, without a collector."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from otelpond.config.demo.processes import child, clean_environment, free_port, listens
from otelpond.config.demo.traffic import REQUESTS, Traffic


class Received:
    """What an OTLP/HTTP endpoint got, as messages."""

    def __init__(self) -> None:
        self.traces = ExportTraceServiceRequest()
        self.metrics = ExportMetricsServiceRequest()
        self.logs = ExportLogsServiceRequest()
        self.lock = threading.Lock()

    def add(self, path: str, body: bytes) -> None:
        """Keep one request."""
        whole = {"/v1/traces": self.traces, "/v1/metrics": self.metrics, "/v1/logs": self.logs}[path]
        with self.lock:
            whole.MergeFromString(body)

    @property
    def spans(self) -> list[Span]:
        """Every span."""
        return [span for resource in self.traces.resource_spans for scope in resource.scope_spans for span in scope.spans]

    @property
    def log_records(self) -> list[LogRecord]:
        """Every log record."""
        return [record for resource in self.logs.resource_logs for scope in resource.scope_logs for record in scope.log_records]

    @property
    def metric_names(self) -> set[str]:
        """The name of every metric."""
        return {metric.name for resource in self.metrics.resource_metrics for scope in resource.scope_metrics for metric in scope.metrics}


@pytest.fixture
def endpoint() -> Iterator[tuple[str, Received]]:
    """An OTLP/HTTP endpoint that keeps what it gets."""
    received = Received()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            received.add(self.path, self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:  # type: ignore[override]
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", received
    server.shutdown()
    thread.join()
    server.server_close()


def test_every_kind_of_request_is_reported(endpoint: tuple[str, Received], tmp_path: Path) -> None:
    """One SERVER span a request with the status it got, database spans, exceptions, logs, and the process's metrics."""
    url, received = endpoint
    port = free_port()
    arguments = ["--port", str(port), "--database", str(tmp_path / "shop.sqlite")]
    environment = clean_environment(OTEL_EXPORTER_OTLP_ENDPOINT=url)
    with child("shop", "otelpond.config.demo.shop", arguments, tmp_path, environment) as shop:
        shop.wait_until(lambda: listens(port))
        traffic = Traffic(f"http://127.0.0.1:{port}")
        traffic.ask_each_once()
    assert [] == traffic.surprises
    assert Counter(request.status for request in REQUESTS) == traffic.answered
    servers = [span for span in received.spans if span.kind == Span.SPAN_KIND_SERVER]
    statuses = Counter(
        a.value.int_value for span in servers for a in span.attributes if a.key in {"http.status_code", "http.response.status_code"}
    )
    assert traffic.answered == statuses
    assert any(a.key == "db.statement" and "sleep" in a.value.string_value for span in received.spans for a in span.attributes)
    messages = [
        a.value.string_value for span in received.spans for event in span.events for a in event.attributes if a.key == "exception.message"
    ]
    assert "division by zero" in messages
    bodies = {record.body.string_value for record in received.log_records}
    assert {"the shop is open", "order placed", "payment failed"} <= bodies
    assert {"process.cpu.utilization", "process.memory.usage", "process.uptime", "http.server.active_requests"} <= received.metric_names


def test_the_worker_reports_its_own_crash(endpoint: tuple[str, Received], tmp_path: Path) -> None:
    """A FATAL log record with the exception arrives, and the process dies as it would have."""
    url, received = endpoint
    with child("worker", "otelpond.config.demo.worker", [], tmp_path, clean_environment(OTEL_EXPORTER_OTLP_ENDPOINT=url)) as worker:
        assert 1 == worker.process.wait(60)
        assert "KeyError: 'sextant'" in worker.last_words()
    fatal = [record for record in received.log_records if record.severity_number == 21]
    assert [{"exception.type": "KeyError", "exception.message": "sextant"}] == [
        {a.key: a.value.string_value for a in record.attributes if a.key in {"exception.type", "exception.message"}} for record in fatal
    ]
