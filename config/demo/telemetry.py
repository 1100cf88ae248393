"""How the sample shop's processes report: plain OpenTelemetry, as any service would set it up; nothing of otelpond is in here.

Where to send comes from OTEL_EXPORTER_OTLP_ENDPOINT, read by the exporters themselves.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Iterable

import psutil
from opentelemetry import _logs as logs_api
from opentelemetry import metrics, trace
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.instrumentation.logging.handler import LoggingHandler
from opentelemetry.metrics import CallbackOptions, Observation
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

Callback = Callable[[CallbackOptions], Iterable[Observation]]
_SHORTEST_READING_S = 0.5


def start(service: str, metrics_interval_s: float = 2.0) -> Callable[[], None]:
    """Report traces, metrics and logs of this process; what comes back sends what is left and ends it."""
    resource = Resource.create(
        {
            "service.name": service,
            "service.version": "2.4.1",
            "service.instance.id": f"{service}-{os.getpid()}",
            "deployment.environment.name": "demo",
        }
    )
    tracing = TracerProvider(resource=resource)
    tracing.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(), schedule_delay_millis=500))
    trace.set_tracer_provider(tracing)
    reader = PeriodicExportingMetricReader(OTLPMetricExporter(), export_interval_millis=metrics_interval_s * 1000)
    metering = MeterProvider([reader], resource=resource)
    metrics.set_meter_provider(metering)
    logging_ = LoggerProvider(resource=resource)
    logging_.add_log_record_processor(BatchLogRecordProcessor(OTLPLogExporter(), schedule_delay_millis=500))
    logs_api.set_logger_provider(logging_)
    logging.getLogger().addHandler(LoggingHandler(logging.INFO, logger_provider=logging_))
    logging.getLogger().setLevel(logging.INFO)
    _observe_process()

    def stop() -> None:
        for provider in (tracing, metering, logging_):
            provider.shutdown()

    return stop


class CpuShare:
    """The share of the machine's cores that a process used since the last reading, first since it started.

    The system counts CPU time in ticks of 10 ms: one of them in a process that ends 1 ms after it was read would make 1000 %. So a
    reading soon after another one repeats it.
    """

    def __init__(self, cpu_s: Callable[[], float], *, started_s: float, cores: int) -> None:
        self._cpu_s = cpu_s
        self._cores = cores
        self._last = (started_s, 0.0)
        self._share: float | None = None

    def read(self, now_s: float) -> float:
        """The share at this time, 0 to 1."""
        (before_s, used_before_s), used_s = self._last, self._cpu_s()
        elapsed_s = now_s - before_s
        if self._share is None or elapsed_s >= _SHORTEST_READING_S:
            self._share = min(1.0, (used_s - used_before_s) / max(elapsed_s, _SHORTEST_READING_S) / self._cores)
            self._last = (now_s, used_s)
        return self._share


def _observe_process() -> None:
    """The process metrics of the semantic conventions, read by psutil when they are collected."""
    meter = metrics.get_meter("shop.process")
    process = psutil.Process()
    cpu = CpuShare(lambda: sum(process.cpu_times()[:2]), started_s=process.create_time(), cores=psutil.cpu_count() or 1)

    def observed(read: Callable[[], float]) -> list[Callback]:
        return [lambda _options: [Observation(read())]]

    meter.create_observable_gauge("process.cpu.utilization", observed(lambda: cpu.read(time.time())), unit="1")
    meter.create_observable_up_down_counter("process.memory.usage", observed(lambda: process.memory_info().rss), unit="By")
    meter.create_observable_up_down_counter("process.thread.count", observed(process.num_threads), unit="{thread}")
    meter.create_observable_gauge("process.uptime", observed(lambda: time.time() - process.create_time()), unit="s")
    if hasattr(process, "num_fds"):
        meter.create_observable_up_down_counter("process.unix.file_descriptor.count", observed(process.num_fds), unit="{file_descriptor}")
