"""A service that sets up providers of its own behind ours: both are joined, and what one of them records goes to where either sends.

OpenTelemetry takes one provider of each kind in a process. Ours is there before any code of the service has run, so that the service's
would be refused, with a warning, and its telemetry lost.
"""
# ruff: noqa: SLF001 - the SDK has no public way to what providers consist of

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any
from weakref import WeakSet

from opentelemetry import trace as trace_api
from opentelemetry._logs import _internal as logs_api
from opentelemetry.context import Context
from opentelemetry.metrics import _internal as metrics_api
from opentelemetry.sdk._logs import LoggerProvider, LogRecordProcessor, ReadWriteLogRecord
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import MetricReader
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor, TracerProvider

from ..guard import say, skipped

made: WeakSet[object] = WeakSet()
"""The providers of ours that are OpenTelemetry's, for as long as the process lives."""
_joined: WeakSet[object] = WeakSet()
"""Those of them that one of the service's is joined to: a second one OpenTelemetry refuses, as ever."""


class Shared:
    """Another provider's processors: all but those that join it to others, so that each thing comes once."""

    def __init__(self, processor: Any, provider: Any = None) -> None:
        """Hand on to them.

        Args:
            processor: the other provider's.
            provider: the other one where it ends with this one. Ours does not: a service that waits for its own waits for nothing of ours.
        """
        self._processor = processor
        self._provider = provider

    def _processors(self) -> list[Any]:
        several = listed(self._processor)
        return [self._processor] if several is None else [each for each in several if not isinstance(each, Shared)]

    def shutdown(self) -> None:
        """The service shuts its global provider down, which is its own as well."""
        if self._provider is not None:
            self._provider.shutdown()

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        """Have the service's own send what waits."""
        return self._provider is None or self._provider.force_flush(timeout_millis) is not False


class SharedSpans(Shared, SpanProcessor):
    """Of spans."""

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """Hand it on."""
        for each in self._processors():
            each.on_start(span, parent_context)

    def _on_ending(self, span: Span) -> None:
        for each in self._processors():
            each._on_ending(span)

    def on_end(self, span: ReadableSpan) -> None:
        """Hand it on."""
        for each in self._processors():
            each.on_end(span)


class SharedLogRecords(Shared, LogRecordProcessor):
    """Of log records."""

    def on_emit(self, log_record: ReadWriteLogRecord) -> None:
        """Hand it on."""
        for each in self._processors():
            each.on_emit(log_record)


def listed(processor: Any) -> tuple[Any, ...] | None:
    """What a provider's processor hands things on to; None where it is one that the service has made itself."""
    for name in ("_span_processors", "_log_record_processors"):
        if hasattr(processor, name):
            return tuple(getattr(processor, name))
    return None


def arrange(processor: Any, order: Callable[[tuple[Any, ...]], tuple[Any, ...]]) -> None:
    """Have a provider's processor hand things on to others, or in another order."""
    for name in ("_span_processors", "_log_record_processors"):
        if hasattr(processor, name):
            with processor._lock:
                setattr(processor, name, order(getattr(processor, name)))


def behind(processors: tuple[Any, ...]) -> tuple[Any, ...]:
    """The same, joined ones last: they are given what the parts have sanitised."""
    return tuple(sorted(processors, key=lambda each: isinstance(each, Shared)))


class Joining:
    """Functions that set a global provider, watched as long as ours is the one."""

    def __init__(self) -> None:
        self._placed: list[tuple[Any, str, object, object]] = []
        self._active = True
        self._sampler: object = None

    def begin(self, tracing: TracerProvider, metering: MeterProvider, logging: LoggerProvider) -> None:
        """Join what the service sets from now on to those of the three that are ours."""
        self._sampler = tracing.sampler
        for module, name, ours, join in (
            (trace_api, "_set_tracer_provider", tracing, self._join_tracing),
            (metrics_api, "_set_meter_provider", metering, _join_metering),
            (logs_api, "_set_logger_provider", logging, _join_logging),
        ):
            if ours in made:
                with skipped(f"watching {name}"):
                    self._watch(module, name, ours, join)

    def _watch(self, module: Any, name: str, ours: object, join: Callable[[Any, Any], None]) -> None:
        original = getattr(module, name)

        @functools.wraps(original)
        def watched(provider: object, *args: Any, **kwargs: Any) -> None:
            if not self._active or not isinstance(provider, type(ours)) or ours in _joined:
                original(provider, *args, **kwargs)
            elif provider is not ours:
                _joined.add(ours)
                with skipped(f"joining the service's {type(provider).__name__}"):
                    join(ours, provider)

        self._placed.append((module, name, original, watched))
        setattr(module, name, watched)

    def end(self) -> None:
        """Watch no longer; what is joined stays so, for ours stays OpenTelemetry's."""
        self._active = False
        for module, name, original, watched in self._placed:
            if getattr(module, name) is watched:
                setattr(module, name, original)
        self._placed.clear()

    def _join_tracing(self, ours: Any, theirs: Any) -> None:
        first, second = ours._active_span_processor, theirs._active_span_processor
        chosen = theirs.sampler if ours.sampler is self._sampler else ours.sampler  # else a part of ours has set one
        self._sampler = chosen if chosen is theirs.sampler else self._sampler
        for each in (ours, *ours._tracers.values()):
            each.sampler, each.id_generator = chosen, theirs.id_generator
        ours.add_span_processor(SharedSpans(second, theirs))
        with skipped("what the service's own tracers record"):  # a processor of the service's own making may take no other
            theirs.add_span_processor(SharedSpans(first))
        _say(theirs)


def _join_logging(ours: Any, theirs: Any) -> None:
    first, second = ours._multi_log_record_processor, theirs._multi_log_record_processor
    ours.add_log_record_processor(SharedLogRecords(second, theirs))
    with skipped("what the service's own loggers record"):
        theirs.add_log_record_processor(SharedLogRecords(first))
    _say(theirs)


def _join_metering(ours: Any, theirs: Any) -> None:
    first, second = ours._measurement_consumer, theirs._measurement_consumer
    _metering.add(theirs)
    ours._metric_readers = (*ours._metric_readers, *theirs._metric_readers)  # those that it flushes
    first._reader_storages, second._reader_storages = (
        {**first._reader_storages, **second._reader_storages},
        {**second._reader_storages, **first._reader_storages},
    )
    first._async_instruments.extend(second._async_instruments)
    second._async_instruments = first._async_instruments
    _say(theirs)


def _say(theirs: object) -> None:
    say(f"the service's own {type(theirs).__name__} is joined: what is recorded goes to its exporters and to the collector")


_metering: WeakSet[Any] = WeakSet()
"""The service's, joined to ours."""


def add_reader(provider: Any, reader: MetricReader) -> None:
    """Have a reader of ours see what is recorded, by joined providers too."""
    provider.add_metric_reader(reader)
    for each in _metering:
        consumer = each._measurement_consumer
        consumer._reader_storages = {**consumer._reader_storages, reader: provider._measurement_consumer._reader_storages[reader]}


def remove_reader(provider: Any, reader: MetricReader) -> None:
    """Have it see nothing more."""
    provider.remove_metric_reader(reader)
    for each in _metering:
        consumer = each._measurement_consumer
        consumer._reader_storages = {key: value for key, value in consumer._reader_storages.items() if key is not reader}


def forget_instruments(provider: Any, prefix: str) -> None:
    """Have a provider forget the instruments of some meters: made again they would keep the callbacks that they have."""

    def is_meant(scope: Any) -> bool:
        return bool(scope.name.startswith(prefix))

    consumer = provider._measurement_consumer
    with provider._meter_lock:
        for scope in [each for each in provider._meters if is_meant(each)]:
            del provider._meters[scope]
    with consumer._lock:
        consumer._async_instruments[:] = [each for each in consumer._async_instruments if not is_meant(each.instrumentation_scope)]
        for storage in consumer._reader_storages.values():
            with storage._lock:
                matches = storage._instrument_view_instrument_matches
                for instrument in [each for each in matches if is_meant(each.instrumentation_scope)]:
                    del matches[instrument]
