"""Exporters for OpenTelemetry's Python SDK that write a pond from inside the process: for tests, batch jobs and notebooks.

What `export` says is stored is on disk; `force_flush` and `shutdown` have it in the tables. The SDK's batch processors do not pass
`force_flush` on to their exporter, so that there are processors here that do.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

try:
    from opentelemetry.exporter.otlp.proto.common._log_encoder import encode_logs
    from opentelemetry.exporter.otlp.proto.common.metrics_encoder import encode_metrics
    from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
    from opentelemetry.sdk._logs import ReadableLogRecord
    from opentelemetry.sdk._logs.export import BatchLogRecordProcessor, LogRecordExporter, LogRecordExportResult
    from opentelemetry.sdk.metrics.export import MetricExporter, MetricExportResult, MetricsData
    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult

    from ..storage.access.tenants import DEFAULT_TENANT
    from ..storage.signals import Signal
    from .in_process import InProcessPond
    from .shared_ponds import shared
except ModuleNotFoundError as missing:
    raise ImportError(
        f"writing a pond in-process needs more than is installed here (no {missing.name}): pip install 'otelpond[collector]'"
    ) from missing

logger = logging.getLogger(__name__)


class _Writer:
    """One exporter's hold of a pond, taken at once, and again in a forked child."""

    def __init__(self, data: str | Path, tenant: str, tables: Sequence[str | Path]) -> None:
        self._where = (Path(data).resolve(), tenant, tuple(Path(folder).absolute() for folder in tables))
        self._pid = os.getpid()
        self._pond: InProcessPond | None = shared.take(*self._where)

    def store(self, signal: Signal, payload: bytes) -> bool:
        """Make a request durable; False, and said in the log, where that fails."""
        try:
            pond = self._taken()
            if pond is None:
                logger.warning("an exporter that was shut down stores nothing")
                return False
            pond.store(signal, payload)
        except Exception as failure:  # noqa: BLE001 - exporters answer, they do not raise
            logger.warning("%s stores nothing now: %s: %s", self._where[0], type(failure).__name__, failure)
            return False
        return True

    def _taken(self) -> InProcessPond | None:
        if self._pond is not None and self._pid != os.getpid():  # the parent's inbox, locks and connections are the parent's
            _ABANDONED.append(self._pond)
            self._pid = os.getpid()
            self._pond = shared.take(*self._where)
        return self._pond

    def publish(self, timeout_s: float) -> bool:
        """Have it in the tables."""
        pond = self._taken()
        return pond is not None and pond.publish(timeout_s)

    def close(self) -> None:
        """Publish and give the pond back."""
        pond, self._pond = self._taken(), None
        if pond is not None:
            shared.give_back(pond)


_ABANDONED: list[InProcessPond] = []
"""Of the process that this one was forked from: kept, so that no engine is ended here whose threads are not. It holds no lock."""


class _PondExporter:
    """What the three exporters have alike.

    Args:
        data: the pond's directory, made where there is none.
        tenant: whose rows what is exported becomes.
        tables: folders of own tables, the same for everybody who writes that pond.
        options: of the SDK's own exporter.

    Raises:
        OSError: the directory cannot be written.
    """

    def __init__(
        self, data: str | Path = "pond", *, tenant: str = DEFAULT_TENANT, tables: Sequence[str | Path] = (), **options: Any
    ) -> None:
        super().__init__(**options)
        self._writer = _Writer(data, tenant, tables)

    def force_flush(self, timeout_millis: float = 30_000) -> bool:
        """Have everything that was exported in the tables."""
        return self._writer.publish(timeout_millis / 1000)

    def shutdown(self, timeout_millis: float = 30_000, **_kwargs: Any) -> None:
        """The same, and let go of the pond."""
        del timeout_millis
        self._writer.close()


class PondSpanExporter(_PondExporter, SpanExporter):
    """Writes spans."""

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Make spans durable."""
        stored = self._writer.store(Signal.TRACES, encode_spans(spans).SerializeToString())
        return SpanExportResult.SUCCESS if stored else SpanExportResult.FAILURE


class PondLogExporter(_PondExporter, LogRecordExporter):
    """Writes log records."""

    def export(self, batch: Sequence[ReadableLogRecord]) -> LogRecordExportResult:
        """Make log records durable."""
        stored = self._writer.store(Signal.LOGS, encode_logs(batch).SerializeToString())
        return LogRecordExportResult.SUCCESS if stored else LogRecordExportResult.FAILURE


class PondMetricExporter(_PondExporter, MetricExporter):
    """Writes metric points; takes the arguments of `MetricExporter` too."""

    def export(self, metrics_data: MetricsData, timeout_millis: float = 10_000, **_kwargs: Any) -> MetricExportResult:
        """Make points durable."""
        del timeout_millis
        stored = self._writer.store(Signal.METRICS, encode_metrics(metrics_data).SerializeToString())
        return MetricExportResult.SUCCESS if stored else MetricExportResult.FAILURE


class PondSpanProcessor(BatchSpanProcessor):
    """The SDK's batch processor for a `PondSpanExporter`, whose `force_flush` publishes."""

    def __init__(self, exporter: PondSpanExporter, **options: Any) -> None:
        super().__init__(exporter, **options)
        self._exporter = exporter

    def force_flush(self, timeout_millis: int | None = None) -> bool:
        """Export what waits, and have it in the tables."""
        return super().force_flush(timeout_millis) and self._exporter.force_flush(timeout_millis or 30_000)


class PondLogRecordProcessor(BatchLogRecordProcessor):
    """The same for log records."""

    def __init__(self, exporter: PondLogExporter, **options: Any) -> None:
        super().__init__(exporter, **options)
        self._exporter = exporter

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Export what waits, and have it in the tables."""
        return super().force_flush(timeout_millis) and self._exporter.force_flush(timeout_millis)
