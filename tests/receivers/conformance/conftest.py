"""Both transports and both encodings behind one call, so that a rule of OTLP is tested once for all of them; and the rows that arrive."""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import grpc
import httpx
import numpy as np
import pyarrow as pa
import pytest
from google.protobuf import json_format
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from otelpond.storage.decode import reference
from otelpond.storage.decode.inspection import inspect
from otelpond.storage.decode.payloads import Payloads, Rules
from otelpond.storage.derive import Deriver
from otelpond.storage.schema import load_tables
from otelpond.storage.signals import Signal

PROTOBUF, JSON = "application/x-protobuf", "application/json"
PATHS = {Signal.TRACES: "/v1/traces", Signal.METRICS: "/v1/metrics", Signal.LOGS: "/v1/logs"}
METHODS = {
    signal: f"/opentelemetry.proto.collector.{package}.v1.{service}/Export"
    for signal, package, service in (
        (Signal.TRACES, "trace", "TraceService"),
        (Signal.METRICS, "metrics", "MetricsService"),
        (Signal.LOGS, "logs", "LogsService"),
    )
}
RESPONSES: dict[Signal, type[Message]] = {
    Signal.TRACES: ExportTraceServiceResponse,
    Signal.METRICS: ExportMetricsServiceResponse,
    Signal.LOGS: ExportLogsServiceResponse,
}
HEX_IDS = {"traceId", "spanId", "parentSpanId"}
ACCEPTED_UNIX_NANO = 1_772_366_410_000_000_000


def otlp_json(message: Message) -> bytes:
    """A message as OTLP/JSON: the runtime's JSON, but ids in hex and enums as numbers."""

    def walk(value: Any, key: str = "") -> Any:
        if isinstance(value, dict):
            return {name: walk(member, name) for name, member in value.items()}
        if isinstance(value, list):
            return [walk(member) for member in value]
        return base64.b64decode(value).hex() if key in HEX_IDS else value

    return json.dumps(walk(json_format.MessageToDict(message, use_integers_for_enums=True))).encode()


@dataclass
class Answer:
    """What a sender hears, whatever the transport.

    Attributes:
        response: the message of success, None where the request was refused.
        status: the google.rpc.Status of a refusal, None where there is none.
        code: google.rpc.Code; 0 is success. http_status: of OTLP/HTTP.
        delays_s: every delay that says when to try again, by the place where it stands.
        raw: the bytes of the answer. headers: HTTP headers, or trailing metadata.
    """

    response: Any = None
    status: status_pb2.Status | None = None
    code: int = 0
    http_status: int | None = None
    delays_s: dict[str, int] = field(default_factory=dict)
    raw: bytes = b""
    headers: Mapping[str, Any] = field(default_factory=dict)


def _delay_in(status: status_pb2.Status) -> dict[str, int]:
    info = error_details_pb2.RetryInfo()
    return {"status": info.retry_delay.seconds} if any(detail.Unpack(info) for detail in status.details) else {}


@dataclass
class Sender:
    """Sends messages, or bytes that are none, of one signal each."""

    transport: str
    grpc_port: int
    http_port: int

    def __call__(self, signal: Signal, request: Message | bytes, *, compress: bool = False) -> Answer:
        """Send one request and hear the answer."""
        if self.transport == "grpc":
            return self._over_grpc(signal, request, compress)
        media = JSON if self.transport == "http json" else PROTOBUF
        body = request if isinstance(request, bytes) else otlp_json(request) if media == JSON else request.SerializeToString()
        headers = {"content-type": media} | ({"content-encoding": "gzip"} if compress else {})
        url = f"http://127.0.0.1:{self.http_port}{PATHS[signal]}"
        return self._of_http(
            signal, media, httpx.post(url, content=gzip.compress(body, 1) if compress else body, headers=headers, timeout=60)
        )

    def _over_grpc(self, signal: Signal, request: Message | bytes, compress: bool) -> Answer:
        payload = request if isinstance(request, bytes) else request.SerializeToString()
        compression = grpc.Compression.Gzip if compress else grpc.Compression.NoCompression
        options = [("grpc.max_send_message_length", -1)]
        with grpc.insecure_channel(f"127.0.0.1:{self.grpc_port}", options=options) as channel:
            try:
                raw = channel.unary_unary(METHODS[signal])(payload, compression=compression, timeout=60)
            except grpc.RpcError as error:
                return self._of_grpc_error(error)
        return Answer(RESPONSES[signal].FromString(raw), raw=raw)

    @staticmethod
    def _of_grpc_error(error: Any) -> Answer:
        trailers = {entry.key: entry.value for entry in error.trailing_metadata() or ()}
        standard, of_python = trailers.get("grpc-status-details-bin"), trailers.get("google.rpc.retryinfo-bin")
        status = status_pb2.Status.FromString(standard) if standard is not None else None
        delays = _delay_in(status) if status is not None else {}
        if of_python is not None:
            delays["google.rpc.retryinfo-bin"] = error_details_pb2.RetryInfo.FromString(of_python).retry_delay.seconds
        return Answer(status=status, code=error.code().value[0], delays_s=delays, headers=trailers)

    @staticmethod
    def _of_http(signal: Signal, media: str, answer: httpx.Response) -> Answer:
        assert media == answer.headers["content-type"]

        def parsed(kind: type[Message]) -> Any:
            return json_format.Parse(answer.text, kind()) if media == JSON else kind.FromString(answer.content)

        common = {"http_status": answer.status_code, "raw": answer.content, "headers": answer.headers}
        if answer.status_code == 200:
            return Answer(parsed(RESPONSES[signal]), **common)
        status = parsed(status_pb2.Status)
        delays = _delay_in(status)
        if "retry-after" in answer.headers:
            delays["retry-after"] = int(answer.headers["retry-after"])
        return Answer(status=status, code=status.code, delays_s=delays, **common)


@pytest.fixture
def sink(sink: Any) -> Any:
    """A sink in memory that judges payloads as the collector does."""
    sink.inspect = inspect
    return sink


@pytest.fixture(params=["grpc", "http protobuf", "http json"])
def send(request: pytest.FixtureRequest, grpc_port: int, http_port: int) -> Sender:
    """Sends over each transport in each encoding."""
    return Sender(request.param, grpc_port, http_port)


@pytest.fixture(params=["grpc", "http protobuf", "http json"])
def send_small(request: pytest.FixtureRequest, small_grpc_port: int, small_http_port: int) -> Sender:
    """Sends to receivers that take 100,000 bytes a request."""
    return Sender(request.param, small_grpc_port, small_http_port)


@pytest.fixture
def post(http_port: int) -> Iterator[Callable[..., httpx.Response]]:
    """Posts to the OTLP/HTTP receiver over one connection; header names are written with underscores."""
    with httpx.Client(base_url=f"http://127.0.0.1:{http_port}") as client:

        def one(path: str, body: Any, *, media: str = PROTOBUF, method: str = "POST", **headers: str) -> httpx.Response:
            fields = {"content-type": media, **{name.replace("_", "-"): value for name, value in headers.items()}}
            return client.request(method, path, content=body, headers=fields)

        yield one


@pytest.fixture(scope="session")
def deriver() -> Deriver:
    """One for all tests: preparing its SELECTs takes longer than a test."""
    return Deriver(load_tables())


@pytest.fixture
def rows(sink: Any, deriver: Deriver) -> Callable[[str], list[dict[str, Any]]]:
    """The rows of a table that the stored payload, of which there is one, becomes."""

    def of_table(table: str) -> list[dict[str, Any]]:
        ((tenant, signal, payload),) = sink.stored
        wire = np.frombuffer(payload, np.uint8)
        bounds = np.array([0]), np.array([len(wire)]), np.array([ACCEPTED_UNIX_NANO])
        payloads = Payloads(wire, *bounds, [tenant], [bytes(16)])
        derived = deriver.derive(reference.decode(signal, payloads, Rules(hash_address=lambda address, _: address)))
        found: list[dict[str, Any]] = derived.get(table, pa.table({})).to_pylist()
        return found

    return of_table
