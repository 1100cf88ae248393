"""The collector's own metrics as OTLP: cumulative, under the same names, into its own pond or to another endpoint."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.exporter.otlp.proto.common.metrics_encoder import encode_metrics
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from otelpond.config.operations.metrics import Sample
from otelpond.config.operations.self_telemetry import INBOX, Cumulative, exporting
from otelpond.storage.inbox.reading import read_chunk
from otelpond.storage.inbox.segments import BEGINNING
from otelpond.storage.signals import Signal

GRPC = (("receiver", "otlp"), ("transport", "grpc"))
SAMPLES: list[Sample] = [("otelcol_receiver_accepted_spans", GRPC, 5), ("otelcol_exporter_queue_size", (("exporter", "pond"),), 7)]


def _points(request: ExportMetricsServiceRequest) -> dict[str, Any]:
    (scope,) = request.resource_metrics[0].scope_metrics
    return {metric.name: getattr(metric, metric.WhichOneof("data")).data_points[0] for metric in scope.metrics}


def test_counters_are_cumulative_sums_and_the_rest_gauges() -> None:
    """With the service's name, units, labels as attributes, and the start of the counting."""
    request = encode_metrics(Cumulative(100).metrics_data(SAMPLES, 200))
    resource = {attribute.key: attribute.value.string_value for attribute in request.resource_metrics[0].resource.attributes}
    assert "otelpond" == resource["service.name"]
    accepted, queue = request.resource_metrics[0].scope_metrics[0].metrics
    assert (True, 2, "{spans}") == (accepted.sum.is_monotonic, accepted.sum.aggregation_temporality, accepted.unit)
    point = _points(request)["otelcol_receiver_accepted_spans"]
    assert (100, 200, 5) == (point.start_time_unix_nano, point.time_unix_nano, point.as_int)
    assert {"receiver", "transport"} == {attribute.key for attribute in point.attributes}
    assert 7 == queue.gauge.data_points[0].as_int


def test_a_counter_that_started_anew_says_since_when() -> None:
    """The pipeline's process may be started again, and counts from 0."""
    cumulative = Cumulative(100)
    starts = []
    for now, value in ((200, 5), (300, 2), (400, 9)):
        request = encode_metrics(cumulative.metrics_data([("otelpond_pipeline_restarts", (), value)], now))
        starts.append(_points(request)["otelpond_pipeline_restarts"].start_time_unix_nano)
    assert [100, 200, 200] == starts


async def _samples() -> list[Sample]:
    return SAMPLES


async def _while_exporting(to: str, data: Path, done: Any) -> None:
    async with exporting(to, data, _samples, lambda _: None, interval_s=0.01):
        async with asyncio.timeout(20):
            while not done():  # noqa: ASYNC110 - a folder tells nobody
                await asyncio.sleep(0.01)


def test_the_own_pond_takes_them_by_an_inbox_of_their_own(tmp_path: Path) -> None:
    """Durable, and by no receiver: what the collector says of itself is no traffic."""
    folder = tmp_path / "inbox" / INBOX

    def arrived() -> Any:
        return read_chunk(folder, BEGINNING, max_items=1, max_bytes=1 << 20) if folder.is_dir() else None

    asyncio.run(_while_exporting("pond", tmp_path, arrived))
    chunk = arrived()
    frame = chunk.frames[0]
    assert (Signal.METRICS, 2, "default") == (frame.signal, frame.items, frame.tenant)
    request = ExportMetricsServiceRequest.FromString(chunk.wire[frame.payload_start : frame.end].tobytes())
    assert 5 == _points(request)["otelcol_receiver_accepted_spans"].as_int


@pytest.fixture
def endpoint() -> Iterator[tuple[str, list[tuple[str, bytes]]]]:
    """An OTLP/HTTP endpoint that answers 503 first, then takes everything; its URL, and what it took."""
    taken: list[tuple[str, bytes]] = []
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            asked.append(self.path)
            if len(asked) > 1:
                taken.append((self.path, body))
            self.send_response(200 if len(asked) > 1 else 400)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", taken
    server.shutdown()
    thread.join()
    server.server_close()


def test_another_endpoint_takes_them_over_http(endpoint: tuple[str, list[tuple[str, bytes]]], tmp_path: Path) -> None:
    """An export that is refused is not the end; the next one tells the same."""
    url, taken = endpoint
    asyncio.run(_while_exporting(url, tmp_path, lambda: taken))
    path, body = taken[0]
    assert "/v1/metrics" == path
    assert 5 == _points(ExportMetricsServiceRequest.FromString(body))["otelcol_receiver_accepted_spans"].as_int
    assert not (tmp_path / "inbox").exists()
