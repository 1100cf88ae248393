"""The SDK's tracer, meter and logger providers, joined to the one thread that sends; made once in a process, and set right in its forks.

A provider that the service set up itself before is not replaced: it sends to where it sent, and to the collector too. One that it sets up
later is joined (`joining.py`).
"""

from __future__ import annotations

import copy
import os
import threading
from collections.abc import Callable
from typing import Any

from opentelemetry import _logs as logs_api
from opentelemetry import metrics as metrics_api
from opentelemetry import trace as trace_api
from opentelemetry.context import (
    _SUPPRESS_INSTRUMENTATION_KEY,  # pyright: ignore[reportPrivateUsage] - what our exports set, as the SDK's do
    Context,
    get_value,
)
from opentelemetry.sdk._logs import LoggerProvider, LogRecordProcessor, ReadableLogRecord, ReadWriteLogRecord
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import MetricReader, MetricsData
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider

from ..guard import skipped
from ..settings import Settings
from . import joining, resource
from .delivery import Delivery
from .outbox import Outbox

TEMPORALITY_VARIABLES = (
    "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE",
    "OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION",
)
SCOPES = "otelpond."
"""What the names of our own meters begin with."""


class Spans(SpanProcessor):
    """Puts ended spans into the outbox."""

    def __init__(self, outbox: Outbox[ReadableSpan], flush: Callable[[float], bool]) -> None:
        self._put = outbox.put
        self._flush = flush

    def on_end(self, span: ReadableSpan) -> None:
        """Sampled ones only."""
        if span.context is not None and span.context.trace_flags.sampled:
            self._put(span)

    def shutdown(self) -> None:
        """The service shuts its provider down: send, but stay, for other signals go on."""
        self._flush(1.0)

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        """Send what waits."""
        return self._flush(timeout_millis / 1000)


class LogRecords(LogRecordProcessor):
    """Puts log records into the outbox."""

    def __init__(self, outbox: Outbox[ReadableLogRecord], flush: Callable[[float], bool]) -> None:
        self._put = outbox.put
        self._flush = flush

    def on_emit(self, log_record: ReadWriteLogRecord) -> None:
        """As the SDK's batch processor: a copy without the context, which may hold much memory. What our own export logs is left out."""
        if get_value(_SUPPRESS_INSTRUMENTATION_KEY):
            return
        record = copy.copy(log_record.log_record)
        record.context = Context()
        self._put(
            ReadableLogRecord(
                log_record=record,
                resource=log_record.resource or Resource.get_empty(),
                instrumentation_scope=log_record.instrumentation_scope,
                limits=log_record.limits,
            )
        )

    def shutdown(self) -> None:
        """As for spans."""
        self._flush(1.0)

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        """Send what waits."""
        return self._flush(timeout_millis / 1000)


class Metrics(MetricReader):
    """Collects when the sending thread says so, and has no thread of its own."""

    def __init__(self, export: Callable[[MetricsData], bool], **preferred: Any) -> None:
        super().__init__(**preferred)
        self._export = export

    def _receive_metrics(self, metrics_data: MetricsData, timeout_millis: float = 10_000, **_kwargs: Any) -> None:
        del timeout_millis
        self._export(metrics_data)

    def shutdown(self, timeout_millis: float = 30_000, **_kwargs: Any) -> None:
        """Nothing is held."""


class Providers:
    """The three providers, and what a part may do with them."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.delivery = Delivery(settings, self._collect)
        self.resource = resource.describe(settings)
        self.tracer_provider = self._tracing()
        self.meter_provider = self._metering()
        self.logger_provider = self._logging()
        self._observers: list[Callable[[], None]] = []
        self._processors: list[SpanProcessor | LogRecordProcessor] = []
        self._reader = self._new_reader()
        joining.add_reader(self.meter_provider, self._reader)
        self._joining = joining.Joining()
        self._joining.begin(self.tracer_provider, self.meter_provider, self.logger_provider)

    def _tracing(self) -> TracerProvider:
        current = trace_api.get_tracer_provider()
        if not isinstance(current, TracerProvider):
            current = TracerProvider(resource=self.resource, shutdown_on_exit=False)
            joining.made.add(current)
            trace_api.set_tracer_provider(current)
        return current

    def _metering(self) -> MeterProvider:
        current = metrics_api.get_meter_provider()
        if not isinstance(current, MeterProvider):
            current = MeterProvider(resource=self.resource, shutdown_on_exit=False)
            joining.made.add(current)
            metrics_api.set_meter_provider(current)
        return current

    def _logging(self) -> LoggerProvider:
        current = logs_api.get_logger_provider()
        if not isinstance(current, LoggerProvider):
            current = LoggerProvider(resource=self.resource, shutdown_on_exit=False)
            joining.made.add(current)
            logs_api.set_logger_provider(current)
        return current

    def _new_reader(self) -> Metrics:
        """How counters are told is the exporter's to say; it is asked only where it may say something unusual, for that makes it."""
        usual = self.settings.metrics_exporter in {("otlp",), ("none",)} and not any(os.environ.get(v) for v in TEMPORALITY_VARIABLES)
        exporters = [] if usual else self.delivery.metrics.made()
        preferred = (
            {
                "preferred_temporality": getattr(exporters[0], "_preferred_temporality", None),
                "preferred_aggregation": getattr(exporters[0], "_preferred_aggregation", None),
            }
            if exporters
            else {}
        )
        return Metrics(self.delivery.metrics.export, **preferred)

    def add_span_processor(self, processor: SpanProcessor) -> None:
        """Have a part see spans as they start and end, before they wait to be sent: `start` is too early to end the list."""
        self._processors.append(processor)
        self.tracer_provider.add_span_processor(processor)

    def add_log_record_processor(self, processor: LogRecordProcessor) -> None:
        """Have a part see log records before they wait to be sent; it may add attributes."""
        self._processors.append(processor)
        self.logger_provider.add_log_record_processor(processor)

    def before_collecting(self, observe: Callable[[], None]) -> None:
        """Have a part look once before each collection of metrics, in the sending thread, instead of once for every instrument."""
        self._observers.append(observe)

    def begin(self) -> None:
        """Let spans and log records into the outboxes, behind what the parts have added, and start to send."""
        self.add_span_processor(Spans(self.delivery.spans, self.delivery.flush))
        self.add_log_record_processor(LogRecords(self.delivery.log_records, self.delivery.flush))
        self._arrange(joining.behind)
        self.delivery.start()

    def flush(self, timeout_s: float | None = None) -> bool:
        """Send what waits, for at most `timeout_s` (`exit_timeout_s` unless given); False where it took longer."""
        return self.delivery.flush(self.settings.exit_timeout_s if timeout_s is None else timeout_s)

    def close(self, timeout_s: float, *, final: bool = False) -> None:
        """Send what is left, for at most `timeout_s`; nothing is sent afterwards. `final` where the process ends.

        Where it goes on the providers are left as if we had never been there, ready for another start.
        """
        self.delivery.close(timeout_s, final=final)
        if final:
            return
        self._joining.end()
        self._arrange(lambda processors: tuple(each for each in processors if each not in self._processors))
        with skipped("taking our metrics from the provider"):
            joining.remove_reader(self.meter_provider, self._reader)
            joining.forget_instruments(self.meter_provider, SCOPES)

    def _arrange(self, order: Callable[[tuple[Any, ...]], tuple[Any, ...]]) -> None:
        for name, provider in (("_active_span_processor", self.tracer_provider), ("_multi_log_record_processor", self.logger_provider)):
            with skipped("the order of processors"):
                joining.arrange(getattr(provider, name), order)

    def _collect(self) -> None:
        for observe in self._observers:
            with skipped("what is looked at for metrics"):
                observe()
        self._reader.collect()

    def after_fork_in_child(self) -> None:
        """Another process: its own instance id and process id, counters from zero, exporters of its own.

        The SDK has put its own random instance id into the resources by now, of the providers it made.
        """
        changed = Resource(resource.of_process())
        self.resource = self.resource.merge(changed)
        for provider in (self.tracer_provider, self.meter_provider, self.logger_provider):
            with skipped("the resource of a forked process"):
                provider._update_resource(changed)  # noqa: SLF001 # pyright: ignore[reportPrivateUsage] - what the SDK does at a fork
        with skipped("counters of a forked process"):
            consumer = self.meter_provider._measurement_consumer  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]
            consumer._lock = threading.Lock()  # noqa: SLF001 - the parent's thread may have held it
            joining.remove_reader(self.meter_provider, self._reader)
            self._reader = self._new_reader()
            joining.add_reader(self.meter_provider, self._reader)
        self.delivery.after_fork_in_child()
