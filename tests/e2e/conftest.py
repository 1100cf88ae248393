"""A running collector seen from outside: tests start one on free ports and a fresh directory, send it OTLP and read its tables."""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import httpx
import psutil
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from otelpond.config.demo.processes import free_port

DEADLINE_S = 60.0
PROTOBUF = {"content-type": "application/x-protobuf"}


def free_address() -> str:
    """An address of this machine that nobody listens on."""
    return f"127.0.0.1:{free_port()}"


def until(condition: Callable[[], Any], what: str, *, deadline_s: float = DEADLINE_S) -> Any:
    """What `condition` gives as soon as it is true; fails when it does not become so in time."""
    end = time.monotonic() + deadline_s
    while not (result := condition()):
        if time.monotonic() > end:
            pytest.fail(f"{what}: not within {deadline_s} s")
        time.sleep(0.02)
    return result


@dataclass
class Collector:
    """`otelpond serve` on a directory, as a process of its own."""

    data: Path
    environment: dict[str, str] = field(default_factory=dict)
    wrapper: tuple[str, ...] = ()
    grpc: str = field(default_factory=free_address)
    http: str = field(default_factory=free_address)
    admin: str = field(default_factory=free_address)
    process: subprocess.Popen[bytes] | None = None

    @property
    def log(self) -> Path:
        """What the collector said."""
        return self.data.with_name(f"{self.data.name}.log")

    def start(self) -> Collector:
        """Start it and wait until it is ready."""
        self.launch()
        until(self._ready, f"the collector is ready; it said:\n{self.log.read_text()}")
        return self

    def launch(self) -> None:
        """Start it."""
        inherited = {key: value for key, value in os.environ.items() if not key.startswith(("OTEL", "APM_"))}
        command = [sys.executable, "-m", "otelpond.config.cli", "serve", "--data", str(self.data)]
        addresses = ["--grpc", self.grpc, "--http", self.http, "--admin", self.admin]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [*self.wrapper, *command, *addresses], env=inherited | self.environment, stdout=log, stderr=log, start_new_session=True
            )

    def _ready(self) -> bool:
        assert self.process is not None
        if self.process.poll() is not None:
            pytest.fail(f"the collector ended with {self.process.returncode}:\n{self.log.read_text()}")
        with suppress(httpx.TransportError):
            return bool(httpx.get(f"http://{self.admin}/healthz", timeout=5).status_code == httpx.codes.OK)
        return False

    def pipeline(self) -> psutil.Process | None:
        """The process that decodes and publishes, where it runs."""
        assert self.process is not None
        for child in psutil.Process(self.process.pid).children(recursive=True):
            with suppress(psutil.Error):
                if "otelpond.config.collector.pipeline_process" in child.cmdline():
                    return child
        return None

    def kill(self, *, children: bool = True) -> None:
        """End it as a power loss would, with or without the processes it started."""
        assert self.process is not None
        family = psutil.Process(self.process.pid).children(recursive=True) if children else []
        self.process.kill()
        self.process.wait()
        for child in family:
            with suppress(psutil.NoSuchProcess):
                child.kill()

    def stop(self) -> int:
        """End it as an operator does; gives its exit code."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=DEADLINE_S)

    def post(self, path: str, body: bytes, headers: dict[str, str] | None = None) -> httpx.Response:
        """One OTLP/HTTP request."""
        return httpx.post(f"http://{self.http}{path}", content=body, headers=headers or PROTOBUF, timeout=30)

    def accept(self, path: str, body: bytes, headers: dict[str, str] | None = None) -> None:
        """One OTLP/HTTP request that must be taken whole."""
        answer = self.post(path, body, headers)
        assert (httpx.codes.OK, b"") == (answer.status_code, answer.content)

    def publish(self) -> None:
        """Have everything accepted so far published."""
        httpx.post(f"http://{self.admin}/publish", timeout=60).raise_for_status()

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """What plain DuckDB answers on the pond's views."""
        with duckdb.connect(str(self.data / "pond.duckdb"), read_only=True) as connection:
            return connection.execute(sql).fetchall()

    def published(self, sql: str) -> list[tuple[Any, ...]]:
        """What the tables answer after a publish."""
        self.publish()
        return self.rows(sql)


@pytest.fixture(scope="session")
def eventually() -> Callable[..., Any]:
    """See `until`."""
    return until


@pytest.fixture(scope="session")
def quick(kernel_cache: str) -> dict[str, str]:
    """Settings that keep a test short: small batches, frequent publishes."""
    return {"OTELPOND_COMMIT_INTERVAL_S": "1", "OTELPOND_BATCH_INTERVAL_S": "0.2", "OTELPOND_CACHE_DIR": kernel_cache}


@pytest.fixture(scope="module")
def new_collector(tmp_path_factory: pytest.TempPathFactory, quick: dict[str, str]) -> Iterator[Callable[..., Collector]]:
    """Makes collectors on fresh directories, not started; ends those that still run."""
    made: list[Collector] = []

    def make(**environment: str) -> Collector:
        made.append(Collector(tmp_path_factory.mktemp("collector") / "pond", quick | environment))
        return made[-1]

    yield make
    for collector in made:
        if collector.process is not None and collector.process.poll() is None:
            collector.kill()


@pytest.fixture(scope="module")
def collector(new_collector: Callable[..., Collector]) -> Collector:
    """One running collector for a module's tests."""
    return new_collector().start()


def attribute(key: str, value: str | int) -> KeyValue:
    """A string or integer attribute."""
    return KeyValue(key=key, value=AnyValue(int_value=value) if isinstance(value, int) else AnyValue(string_value=value))


@pytest.fixture(scope="session")
def server_spans() -> Callable[..., ExportTraceServiceRequest]:
    """Makes requests of SERVER spans with fresh ids: each is one row of `spans` and one of `api_performance_metrics`."""

    def make(count: int = 1, service: str = "e2e", *, timeless: bool = False) -> ExportTraceServiceRequest:
        request = ExportTraceServiceRequest()
        resource_spans = request.resource_spans.add()
        resource_spans.resource.attributes.append(attribute("service.name", service))
        scope_spans = resource_spans.scope_spans.add()
        now = time.time_ns()
        for _ in range(count):
            span = scope_spans.spans.add(
                trace_id=secrets.token_bytes(16), span_id=secrets.token_bytes(8), name="GET /", kind=Span.SPAN_KIND_SERVER
            )
            if not timeless:
                span.start_time_unix_nano, span.end_time_unix_nano = now, now + 5_000_000
            span.attributes.extend(
                [attribute("http.request.method", "GET"), attribute("http.route", "/"), attribute("http.response.status_code", 200)]
            )
        return request

    return make
