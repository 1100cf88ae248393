# ruff: noqa: T201 - it prints figures
"""What instrumentation costs a service: none, the plain OpenTelemetry packages, and otelpond's, side by side in one run.

    python tests/bench/instrumentation.py           about four minutes
    python tests/bench/instrumentation.py --quick   less than one

The same FastAPI and SQLAlchemy service runs three times, on uvicorn: as it is, under `opentelemetry-instrument` with the packages for
FastAPI and SQLAlchemy and the OTLP/HTTP exporter, and under `otelpond run`. Each round gives all of them the same load, in turns; a figure
is the median of all rounds. CPU is that of the whole process of the service, user and system, exports included, to a sink that answers at
once: a round ends when what it caused has been sent (both send every 200 ms here). Metrics are collected as often as each does by default,
and cost what the service at rest costs.
"""

from __future__ import annotations

import argparse
import json
import os
import selectors
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, ClassVar, Self

import psutil
from figures import Figure, Target, table
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from served import free_address

HERE = Path(__file__).parent
SERVICES = HERE / "services"
BIN = Path(sys.executable).parent
VARIANTS = ("nothing", "plain", "otelpond")
QUERIES = 10
CONNECTIONS = 8
BLOCKS = 10
SETTLE_S = 0.35
"""After a round; what waits is sent every 0.2 s."""
USED = {"fastapi", "sqlalchemy"}
"""The instrumentation packages that both use."""

RATIO = Target("CPU added to a request: otelpond over plain", "ratio", 1.3, 1.15)
QUERY_RATIO = Target("CPU added to a query: otelpond over plain", "ratio", 1.3, 1.15)
WHOLE_RATIO = Target("CPU of a request, the service's own included: otelpond over plain", "ratio", 1.15, 1.05)
WHOLE_QUERIES_RATIO = Target(f"CPU of a request with {QUERIES} queries, likewise: otelpond over plain", "ratio", 1.15, 1.05)
RATE_RATIO = Target("requests/s: otelpond over plain", "ratio", 0.85, 0.95, more_is_better=True)
EXIT = Target("exit with a dead collector, over nothing: otelpond", "s", 5, 4)
Round = dict[str, float]
"""CPU microseconds of a request, and requests a second."""


@dataclass
class Service:
    """The service in one of the variants: a process, its connections, and what was measured of it."""

    variant: str
    environment: Mapping[str, str]
    log: Path
    process: subprocess.Popen[bytes] = field(init=False)
    client: Client = field(init=False)
    start_cpu_s: float = field(init=False)
    start_s: float = field(init=False)

    def __post_init__(self) -> None:
        self.address = free_address()
        host, _, port = self.address.partition(":")
        uvicorn = [sys.executable, "-m", "uvicorn", "measured:app", "--host", host, "--port", port, "--log-level", "warning"]
        uvicorn += ["--timeout-keep-alive", "600"]
        environment = {**self.environment, "OTEL_SERVICE_NAME": self.variant}
        began = time.monotonic()
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                command(self.variant, uvicorn), cwd=SERVICES, env=environment, stdout=log, stderr=log, start_new_session=True
            )
        while not self._answers():
            if self.process.poll() is not None or time.monotonic() - began > 60:
                raise RuntimeError(f"the service does not answer ({self.variant}); it said:\n{self.log.read_text()[-4000:]}")
            time.sleep(0.02)
        self.start_s, self.start_cpu_s = time.monotonic() - began, self.cpu_s()

    def _answers(self) -> bool:
        try:
            self.client = Client(self.address, CONNECTIONS)
        except OSError:
            return False
        self.client.ask("/orders/1", 1)
        return True

    def cpu_s(self) -> float:
        """CPU seconds of all its threads so far, to the nanosecond (Linux's clock of another process)."""
        if sys.platform == "linux":
            return time.clock_gettime(~self.process.pid << 3 | 2)
        times = psutil.Process(self.process.pid).cpu_times()
        return float(times.user + times.system)

    def memory_mb(self) -> float:
        """What is its alone."""
        return float(psutil.Process(self.process.pid).memory_full_info().uss) / 1e6

    def stop(self) -> None:
        """End it."""
        self.client.close()
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(20)
        finally:
            self.process.kill()


class Client:
    """Connections that are kept, each of which waits for its answer before it asks again."""

    def __init__(self, address: str, connections: int) -> None:
        host, _, port = address.partition(":")
        self._host = address
        self._selector = selectors.DefaultSelector()
        self._connections = [socket.create_connection((host, int(port)), timeout=30) for _ in range(connections)]
        for connection in self._connections:
            self._selector.register(connection, selectors.EVENT_READ, (connection, bytearray()))

    def ask(self, path: str, requests: int) -> float:
        """Ask a path so often; seconds it took.

        Raises:
            RuntimeError: an answer was not 200.
        """
        request = f"GET {path} HTTP/1.1\r\nHost: {self._host}\r\nUser-Agent: bench/1\r\nAccept: application/json\r\n\r\n".encode()
        began, answered = time.perf_counter(), 0
        for connection in self._connections[:requests]:
            connection.sendall(request)
        sent = min(requests, len(self._connections))
        while answered < requests:
            for key, _ in self._selector.select(30):
                connection, received = key.data
                received += connection.recv(65536)
                if _is_whole(received):
                    received.clear()
                    answered += 1
                    if sent < requests:
                        connection.sendall(request)
                        sent += 1
        return time.perf_counter() - began

    def close(self) -> None:
        """End the connections."""
        self._selector.close()
        for connection in self._connections:
            connection.close()


def _is_whole(answer: bytearray) -> bool:
    head, ended, body = answer.partition(b"\r\n\r\n")
    if not ended:
        if not answer:
            raise ConnectionError("the service closed a connection")
        return False
    if not head.startswith(b"HTTP/1.1 200"):
        raise RuntimeError(f"not answered: {bytes(answer[:200])!r}")
    length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
    return len(body) >= length


def command(variant: str, words: list[str]) -> list[str]:
    """How a variant is started."""
    return {
        "nothing": words,
        "plain": [str(BIN / "opentelemetry-instrument"), *words],
        "otelpond": [sys.executable, "-m", "otelpond.config.cli", "run", "--", *words],
    }[variant]


def environment(folder: Path, endpoint: str) -> dict[str, str]:
    """What all variants are given; the SDK's own set-up, which `opentelemetry-distro` would name, is added as an entry point."""
    names = {each.name for each in entry_points(group="opentelemetry_instrumentor")}
    inherited = {
        key: value for key, value in os.environ.items() if not key.startswith(("OTEL", "APM_", "ANALYTICS_", "CRASH", "PYTHONPATH"))
    }
    package = folder / "plain-0.dist-info"
    package.mkdir(exist_ok=True)
    (package / "METADATA").write_text("Metadata-Version: 2.1\nName: plain\nVersion: 0\n")
    (package / "entry_points.txt").write_text(
        "[opentelemetry_distro]\nplain = opentelemetry.instrumentation.distro:DefaultDistro\n"
        "[opentelemetry_configurator]\nplain = opentelemetry.sdk._configuration:_OTelSDKConfigurator\n"
    )
    return inherited | {
        "PYTHONPATH": str(folder),
        "PYTHONWARNINGS": "ignore",
        "OTEL_PYTHON_DISTRO": "plain",
        "OTEL_PYTHON_CONFIGURATOR": "plain",
        "OTEL_TRACES_EXPORTER": "otlp",
        "OTEL_METRICS_EXPORTER": "otlp",
        "OTEL_LOGS_EXPORTER": "otlp",
        "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
        "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint,
        "OTEL_SEMCONV_STABILITY_OPT_IN": "http,database",
        "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": ",".join(sorted(names - USED)),
        "OTEL_BSP_SCHEDULE_DELAY": "200",
        "OTEL_BLRP_SCHEDULE_DELAY": "200",
    }


class _Sink(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    spans: ClassVar[Counter[str]] = Counter()

    def do_POST(self) -> None:
        """Take everything, and say so."""
        body = self.rfile.read(int(self.headers["content-length"]))
        if self.path == "/v1/traces":
            for each in ExportTraceServiceRequest.FromString(body).resource_spans:
                service = next(pair.value.string_value for pair in each.resource.attributes if pair.key == "service.name")
                self.spans[service] += sum(len(scope.spans) for scope in each.scope_spans)
        self._answer(b"")

    def do_GET(self) -> None:
        """How many spans of each service have come."""
        self._answer(json.dumps(self.spans).encode())

    def _answer(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Nothing."""


class _Sinks(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        """A service that is ended resets its connection."""


def sink() -> None:
    """Run as a process of its own: answers every export, and prints where."""
    server = _Sinks(("127.0.0.1", 0), _Sink)
    print(f"http://127.0.0.1:{server.server_port}", flush=True)
    server.serve_forever()


@contextmanager
def sinking() -> Iterator[str]:
    """The endpoint of a sink."""
    with subprocess.Popen([sys.executable, __file__, "--sink"], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.kill()


def sunk(endpoint: str) -> dict[str, int]:
    """Spans that have come to a sink, by variant."""
    with urllib.request.urlopen(endpoint, timeout=30) as answer:  # noqa: S310
        return dict(json.loads(answer.read()))


class Exits:
    """Seconds that a script takes to end where the collector takes connections and never answers; plain, the longest, beside the rest."""

    def __init__(self, folder: Path) -> None:
        self.seconds: dict[str, float] = {}
        self._silent = socket.create_server(("127.0.0.1", 0), backlog=64)
        self._environment = environment(folder, f"http://127.0.0.1:{self._silent.getsockname()[1]}")
        self._plain = threading.Thread(target=self._measure, args=("plain",), daemon=True)

    def __enter__(self) -> Self:
        self._measure("nothing")
        self._measure("otelpond")
        self._plain.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._plain.join()
        self._silent.close()

    def _measure(self, variant: str) -> None:
        with subprocess.Popen(
            command(variant, [sys.executable, "ends.py"]),
            cwd=SERVICES,
            env=self._environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        ) as process:
            try:
                said, _ = process.communicate(timeout=120)
            finally:
                process.kill()
        self.seconds[variant] = time.monotonic() - float(said)


class Run:
    """One run: every figure, and the rounds behind them."""

    def __init__(self, *, quick: bool) -> None:
        self.rounds = 8 if quick else 40
        self.starts = 2 if quick else 5
        self.requests = {"/orders/7": 400, "/queries/7": 80} if quick else {"/orders/7": 800, "/queries/7": 200}
        self.idle_s = 0.0 if quick else 30.0
        self.measured: dict[str, dict[str, list[Round]]] = {path: {variant: [] for variant in VARIANTS} for path in self.requests}
        self.services: dict[str, Service] = {}
        self.details: dict[str, Any] = {}
        self.figures: list[Figure] = []

    def run(self) -> None:
        """Everything."""
        with tempfile.TemporaryDirectory(prefix="otelpond-bench-") as folder, sinking() as endpoint:
            given = environment(Path(folder), endpoint)
            with Exits(Path(folder)) as exits:
                try:
                    self._start(given, Path(folder))
                    self._load(endpoint)
                    self._rest()
                    memory_mb = {variant: service.memory_mb() for variant, service in self.services.items()}
                finally:
                    for service in self.services.values():
                        service.stop()
            self._report(memory_mb, exits.seconds)

    def _start(self, given: Mapping[str, str], folder: Path) -> None:
        starts: dict[str, list[Round]] = {variant: [] for variant in VARIANTS}
        for number in range(self.starts):
            for variant in VARIANTS:
                service = Service(variant, given, folder / f"{variant}.log")
                starts[variant].append({"cpu_s": service.start_cpu_s, "s": service.start_s})
                if number + 1 < self.starts:
                    service.stop()
                else:
                    self.services[variant] = service
        self.details["starts"] = starts

    def _load(self, endpoint: str) -> None:
        before = sunk(endpoint)
        for number in range(-1, self.rounds):
            for path, requests in self.requests.items():
                measured = self._round(path, requests)
                if number >= 0:
                    for variant in VARIANTS:
                        self.measured[path][variant].append(measured[variant])
        after = sunk(endpoint)
        self.details["rounds"] = self.measured
        self.details["spans"] = {variant: after.get(variant, 0) - before.get(variant, 0) for variant in VARIANTS}
        asked = (self.rounds + 1) * sum(self.requests.values())
        if min(self.details["spans"][variant] for variant in VARIANTS[1:]) < asked:
            raise RuntimeError(f"of {asked} requests came only these spans: {self.details['spans']}")

    def _round(self, path: str, requests: int) -> dict[str, Round]:
        """Blocks of a tenth of the requests to one variant after the other, so that who else uses the machine is in the way of all."""
        cpu_s = {variant: service.cpu_s() for variant, service in self.services.items()}
        elapsed_s = dict.fromkeys(VARIANTS, 0.0)
        for block in range(BLOCKS):
            for variant in VARIANTS if block % 2 else VARIANTS[::-1]:
                elapsed_s[variant] += self.services[variant].client.ask(path, requests // BLOCKS)
        time.sleep(SETTLE_S)
        return {
            variant: {"cpu_us": (service.cpu_s() - cpu_s[variant]) / requests * 1e6, "per_s": requests / elapsed_s[variant]}
            for variant, service in self.services.items()
        }

    def _rest(self) -> None:
        if self.idle_s:
            before = {variant: service.cpu_s() for variant, service in self.services.items()}
            time.sleep(self.idle_s)
            for variant, service in self.services.items():
                share = (service.cpu_s() - before[variant]) / self.idle_s * 100
                self.note(Target(f"at rest: {variant}", "% of a core"), share)

    def note(self, target: Target, measured: float) -> None:
        """One figure."""
        self.figures.append(Figure(target, measured))

    def _median(self, path: str, variant: str, what: str) -> float:
        return statistics.median(each[what] for each in self.measured[path][variant])

    def _added_us(self, path: str, variant: str) -> float:
        """To a request: the median of the differences within each round, for the machine changes from one to the next."""
        pairs = zip(self.measured[path][variant], self.measured[path]["nothing"], strict=True)
        return statistics.median(with_it["cpu_us"] - without["cpu_us"] for with_it, without in pairs)

    def _over(self, path: str, what: str, of: str = "plain") -> float:
        pairs = zip(self.measured[path]["otelpond"], self.measured[path][of], strict=True)
        return statistics.median(ours[what] / theirs[what] for ours, theirs in pairs)

    def _report(self, memory_mb: Mapping[str, float], exit_s: Mapping[str, float]) -> None:
        one, ten = self.requests
        rest, self.figures = self.figures, []
        self.note(Target("CPU of a request with nothing", "us"), self._median(one, "nothing", "cpu_us"))
        added = {variant: self._added_us(one, variant) for variant in ("plain", "otelpond")}
        added_query = {variant: (self._added_us(ten, variant) - added[variant]) / QUERIES for variant in added}
        for variant, cpu_us in added.items():
            self.note(Target(f"CPU added to a request: {variant}", "us"), cpu_us)
        self.note(RATIO, added["otelpond"] / added["plain"])
        for variant, cpu_us in added_query.items():
            self.note(Target(f"CPU added to a query: {variant}", "us"), cpu_us)
        self.note(QUERY_RATIO, added_query["otelpond"] / added_query["plain"])
        self.note(WHOLE_RATIO, self._over(one, "cpu_us"))
        self.note(WHOLE_QUERIES_RATIO, self._over(ten, "cpu_us"))
        self.note(RATE_RATIO, self._over(one, "per_s"))
        self.note(Target("requests/s: otelpond over nothing", "ratio"), self._over(one, "per_s", "nothing"))
        self.note(Target(f"requests/s with {QUERIES} queries: otelpond over plain", "ratio"), self._over(ten, "per_s"))
        self.figures += rest
        for variant in added:
            self.note(Target(f"memory added: {variant}", "MB"), memory_mb[variant] - memory_mb["nothing"])
        for what, unit, factor in (("cpu_s", "ms CPU", 1e3), ("s", "ms", 1e3)):
            starts = {variant: statistics.median(each[what] for each in self.details["starts"][variant]) for variant in VARIANTS}
            for variant in added:
                self.note(
                    Target(f"start-up added, until the first answer: {variant}", unit), (starts[variant] - starts["nothing"]) * factor
                )
        self.note(Target("exit with a dead collector, over nothing: plain", "s"), exit_s["plain"] - exit_s["nothing"])
        self.note(EXIT, exit_s["otelpond"] - exit_s["nothing"])
        self.details |= {"memory_mb": dict(memory_mb), "exit_s": dict(exit_s)}


def main() -> None:
    """Run, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a short form, less exact")
    parser.add_argument("--sink", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--output", type=Path, default=HERE / "results-instrumentation.json")
    options = parser.parse_args()
    if options.sink:
        sink()
        return
    run = Run(quick=options.quick)
    run.run()
    print(table(run.figures))
    options.output.write_text(json.dumps({"figures": [figure.to_json() for figure in run.figures], **run.details}, indent=1))


if __name__ == "__main__":
    main()
