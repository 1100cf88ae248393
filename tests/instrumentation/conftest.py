"""Services run as a user would run them, beside a running collector."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from opentelemetry._logs import SeverityNumber
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from otelpond.instrumentation.settings import Settings

from ..e2e import conftest as e2e
from ..e2e.conftest import collector, eventually, new_collector, quick

__all__ = ["collector", "eventually", "new_collector", "quick"]

SERVICES = Path(__file__).parent / "services"
BIN = Path(sys.executable).parent


def environment(**more: str) -> dict[str, str]:
    """This process's, without settings of ours, of OpenTelemetry and of the documents; what is sent goes soon, and nothing is left."""
    foreign = ("OTEL", "APM_", "ANALYTICS_", "CRASHLYTICS_", "PYTHONPATH", "COVERAGE")
    inherited = {key: value for key, value in os.environ.items() if not key.startswith(foreign)}
    soon = {
        "OTEL_BSP_SCHEDULE_DELAY": "200",
        "OTEL_BLRP_SCHEDULE_DELAY": "200",
        "OTEL_METRIC_EXPORT_INTERVAL": "500",
        "OTELPOND_STATE_DIR": "none",
    }
    return inherited | soon | more


@pytest.fixture(scope="session")
def run() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs a command in the services' folder to its end."""

    def run_to_the_end(*command: str, **more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(command, cwd=SERVICES, env=environment(**more), capture_output=True, text=True, timeout=90, check=False)

    return run_to_the_end


@pytest.fixture(scope="session")
def serve(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Any]:
    """Runs a server until the block ends; gives a function that asks it for a path."""

    @contextmanager
    def served(address: str, *command: str, **more: str) -> Iterator[Callable[[str], httpx.Response]]:
        log = tmp_path_factory.mktemp("server") / "server.log"
        with log.open("wb") as output:
            process = subprocess.Popen(command, cwd=SERVICES, env=environment(**more), stdout=output, stderr=output, start_new_session=True)

        def ask(path: str) -> httpx.Response:
            return httpx.get(f"http://{address}{path}", timeout=30)

        def answers() -> bool:
            assert process.poll() is None, log.read_text()
            with suppress(httpx.TransportError):
                return ask("/").status_code > 0
            return False

        try:
            e2e.until(answers, f"the server answers; it said:\n{log.read_text()}")
            yield ask
        finally:
            family = [process.pid]
            with suppress(psutil.NoSuchProcess):
                family += [child.pid for child in psutil.Process(process.pid).children(recursive=True)]
            process.terminate()
            try:
                process.wait(30)
            finally:
                for pid in family:
                    with suppress(psutil.NoSuchProcess):
                        psutil.Process(pid).kill()

    return served


class Observed:
    """What a part is given instead of providers, and what came out of them; nothing is global, nothing is sent."""

    def __init__(self, part: Any, settings: Settings) -> None:
        self._spans, self._logs, self._reader = InMemorySpanExporter(), InMemoryLogRecordExporter(), InMemoryMetricReader()
        self.settings = settings
        self.tracer_provider = TracerProvider(shutdown_on_exit=False)
        self.logger_provider = LoggerProvider(shutdown_on_exit=False)
        self.meter_provider = MeterProvider([self._reader], shutdown_on_exit=False)
        self.add_span_processor = self.tracer_provider.add_span_processor
        self.add_log_record_processor = self.logger_provider.add_log_record_processor
        self._observers: list[Callable[[], None]] = []
        self.before_collecting = self._observers.append
        part.start(settings, self)
        self.add_span_processor(SimpleSpanProcessor(self._spans))
        self.add_log_record_processor(SimpleLogRecordProcessor(self._logs))
        self.tracer = self.tracer_provider.get_tracer("test")
        self.stop = part.stop

    def flush(self, timeout_s: float | None = None) -> bool:
        """As `Providers.flush`."""
        return timeout_s is None or timeout_s >= 0

    def log(self, **attributes: str) -> None:
        """Emit a log record."""
        self.logger_provider.get_logger("test").emit(severity_number=SeverityNumber.INFO, body="x", attributes=attributes)

    def finished_spans(self) -> Sequence[ReadableSpan]:
        """Whole spans, in the order they ended."""
        return self._spans.get_finished_spans()

    def spans(self) -> dict[str, dict[str, Any]]:
        """The attributes of ended spans, by name."""
        return {span.name: dict(span.attributes or {}) for span in self._spans.get_finished_spans()}

    def logs(self) -> list[dict[str, Any]]:
        """The attributes of log records."""
        return [dict(each.log_record.attributes or {}) for each in self._logs.get_finished_logs()]

    def metrics(self) -> dict[str, list[Any]]:
        """The data points of a collection made now, by metric."""
        for observe in self._observers:
            observe()
        data = self._reader.get_metrics_data()
        found = [metric for group in data.resource_metrics for scope in group.scope_metrics for metric in scope.metrics] if data else []
        return {metric.name: list(metric.data.data_points) for metric in found}


@pytest.fixture
def observed() -> Iterator[Callable[..., Observed]]:
    """Starts a part with providers in memory, `observed(part, **settings)`; stops it at the end."""
    started: list[Observed] = []

    def start(part: Any, **settings: Any) -> Observed:
        started.append(Observed(part, Settings(**settings)))
        return started[-1]

    yield start
    for each in started:
        each.stop()


@pytest.fixture
def black_hole() -> Iterator[str]:
    """A collector that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


@pytest.fixture(scope="session")
def free_address() -> Callable[[], str]:
    """An address that nobody listens on."""
    return e2e.free_address
