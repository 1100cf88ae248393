"""The recipes of exporters/README.md with a real Go Collector: in front of otelpond, behind it, and through outages of either.

Skipped where no Collector is built: `tests/interop/collector/build.sh`, or OTELCOL names one.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import httpx
import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from ..e2e.conftest import free_address

RECIPES = Path(__file__).parent / "collector"
OTELCOL = os.environ.get("OTELCOL") or str(RECIPES / "dist" / "otelcol")
_DEADLINE_S = 90.0

pytestmark = [pytest.mark.skipif(shutil.which(OTELCOL) is None, reason="no Go Collector: see tests/interop/collector/build.sh")]


def until(condition: Callable[[], Any], what: str) -> None:
    """Wait for it."""
    end = time.monotonic() + _DEADLINE_S
    while not condition():
        assert time.monotonic() < end, f"not in time: {what}"
        time.sleep(0.1)


@dataclass
class Program:
    """A process that listens on two addresses, and may be ended and started again."""

    command: list[str]
    environment: dict[str, str]
    log: Path
    grpc: str = field(default_factory=free_address)
    http: str = field(default_factory=free_address)
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until both addresses answer."""
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("OTEL", "APM_"))}
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(self.command, env=inherited | self.environment, stdout=log, stderr=log)
        for address in (self.grpc, self.http):
            until(lambda address=address: self._listens(address), f"{self.command[0]} listens; it said {self.log.read_text()[-2000:]}")

    def _listens(self, address: str) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, self.log.read_text()[-2000:]
        host, _, port = address.rpartition(":")
        with closing(socket.socket()) as probe:
            return probe.connect_ex((host, int(port))) == 0

    def stop(self) -> None:
        """End it in good order."""
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(_DEADLINE_S)


@dataclass
class Pond(Program):
    """A running otelpond."""

    data: Path = Path()
    admin: str = ""

    def counts(self) -> tuple[int, ...]:
        """Spans, log records and metric points, and how many different spans."""
        httpx.post(f"http://{self.admin}/publish", timeout=60).raise_for_status()
        with duckdb.connect(str(self.data / "pond.duckdb"), read_only=True) as connection:
            tables = ("spans", "logs", "metric_points")
            numbers = [connection.execute(f"select count(*) from {table}").fetchall()[0][0] for table in tables]
            return (*numbers, connection.execute("select count(distinct span_id) from spans").fetchall()[0][0])


@pytest.fixture
def programs(tmp_path: Path, kernel_cache: str) -> Iterator[dict[str, Program]]:
    """Front Collector to otelpond `first` to Collector behind to otelpond `second`; all running."""
    made: dict[str, Program] = {}

    def pond(name: str, **environment: str) -> Pond:
        log, admin = tmp_path / f"{name}.log", free_address()
        program = Pond(
            [],
            {"OTELPOND_CACHE_DIR": kernel_cache, "OTELPOND_BATCH_INTERVAL_S": "0.2", **environment},
            log,
            data=tmp_path / name,
            admin=admin,
        )
        serve = [sys.executable, "-m", "otelpond.config.cli", "serve", "--data", str(program.data)]
        program.command = [*serve, "--grpc", program.grpc, "--http", program.http, "--admin", admin]
        made[name] = program
        return program

    def collector(name: str, target: str) -> Program:
        program = Program([OTELCOL, "--config", str(RECIPES / f"{name}.yaml")], {}, tmp_path / f"{name}.log")
        program.environment = {f"{name.upper()}_GRPC": program.grpc, f"{name.upper()}_HTTP": program.http, "OTELPOND_TARGET": target}
        made[name] = program
        return program

    second = pond("second")
    behind = collector("behind", second.http)
    forward = [{"name": "behind", "endpoint": f"http://{behind.grpc}"}]
    first = pond("first", OTELPOND_FORWARD=json.dumps(forward))
    collector("front", first.grpc)
    try:
        for program in made.values():
            program.start()
        yield made
    finally:
        for program in reversed(made.values()):
            program.stop()


def requests() -> dict[str, Any]:
    """One request a signal: ten spans, five records, three points, with fresh ids and times."""
    now = time.time_ns()
    traces, logs, metrics = ExportTraceServiceRequest(), ExportLogsServiceRequest(), ExportMetricsServiceRequest()
    spans = traces.resource_spans.add().scope_spans.add().spans
    for _ in range(10):
        spans.add(trace_id=os.urandom(16), span_id=os.urandom(8), name="GET /", start_time_unix_nano=now, end_time_unix_nano=now + 1)
    records = logs.resource_logs.add().scope_logs.add().log_records
    for number in range(5):
        records.add(time_unix_nano=now + number, severity_text="INFO")
    gauge = metrics.resource_metrics.add().scope_metrics.add().metrics.add(name="temperature").gauge
    for number in range(3):
        gauge.data_points.add(time_unix_nano=now + number, as_int=number)
    return {"traces": traces, "logs": logs, "metrics": metrics}


def send(front: Program, rounds: int) -> None:
    """So many rounds of the three signals to the Collector in front."""
    for _ in range(rounds):
        for signal, request in requests().items():
            headers = {"content-type": "application/x-protobuf"}
            answer = httpx.post(f"http://{front.http}/v1/{signal}", content=request.SerializeToString(), headers=headers, timeout=30)
            answer.raise_for_status()


@pytest.mark.timeout(400)
def test_a_collector_in_front_and_one_behind_deliver_exact_counts_through_outages(programs: dict[str, Any]) -> None:
    """Each otelpond, and the Collector behind, is stopped for a while; both ponds hold every item once."""
    front, first, behind, second = (programs[name] for name in ("front", "first", "behind", "second"))
    send(front, 10)
    until(lambda: first.counts() == second.counts() == (100, 50, 30, 100), "all items are in both ponds")
    for rounds, stopped in ((20, behind), (30, second), (40, first)):
        stopped.stop()
        send(front, 10)
        stopped.start()
        expected = (10 * rounds, 5 * rounds, 3 * rounds, 10 * rounds)
        until(lambda expected=expected: first.counts() == expected, f"{expected} are in the first pond: {first.counts()}")
        until(lambda expected=expected: second.counts() == expected, f"{expected} are in the second pond: {second.counts()}")
