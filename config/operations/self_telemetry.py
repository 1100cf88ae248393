"""The collector's own metrics as OTLP, into its own pond or to another endpoint, each minute; started by the collector where it is set.

What goes into the own pond takes an inbox of its own, `self`, and passes no receiver: it is no traffic, counts as none, and so one
export a minute stays one. Values are cumulative, so that an export that fails costs nothing: the next one tells the same and more.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Final

from opentelemetry.exporter.otlp.proto.common.metrics_encoder import encode_metrics
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    Gauge,
    Metric,
    MetricExportResult,
    MetricsData,
    NumberDataPoint,
    ResourceMetrics,
    ScopeMetrics,
    Sum,
)
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

from ...storage.access.tenants import DEFAULT_TENANT
from ...storage.counters import Labels
from ...storage.decode.inspection import inspect
from ...storage.inbox.log import Inbox
from ...storage.inbox.segments import Position
from ...storage.log_lines import fault
from ...storage.signals import Signal, UnavailableError
from .metrics import METRICS, Sample

logger = logging.getLogger(__name__)

SERVICE: Final = "otelpond"
INBOX: Final = "self"
Read = Callable[[str], Sequence[int] | None]
"""Up to where the pipeline has read an inbox of the default pond."""


class Cumulative:
    """Turns samples into OTLP's form. A counter whose process started anew has a start of its own, as OTLP asks."""

    def __init__(self, started_unix_nano: int) -> None:
        self._started = started_unix_nano
        self._last = (started_unix_nano, dict[tuple[str, Labels], float]())
        self._starts: dict[tuple[str, Labels], int] = {}
        self._resource = Resource(
            {"service.name": SERVICE, "service.version": version("otelpond"), "service.instance.id": str(uuid.uuid4())}
        )

    def metrics_data(self, samples: Sequence[Sample], now_unix_nano: int) -> MetricsData:
        """Every sample as a point of its metric."""
        before_unix_nano, before = self._last
        values = {(name, labels): value for name, labels, value in samples}
        self._starts |= {series: before_unix_nano for series, value in values.items() if value < before.get(series, 0)}
        self._last = (now_unix_nano, dict(values))
        shown = [metric for metric in METRICS if any(name == metric.name for name, _, _ in samples)]
        metrics = [
            Metric(metric.name, metric.meaning, metric.unit, self._points(metric.name, metric.kind, samples, now_unix_nano))
            for metric in shown
        ]
        scope = ScopeMetrics(InstrumentationScope(f"otelpond.{Path(__file__).stem}"), metrics, schema_url="")
        return MetricsData([ResourceMetrics(self._resource, [scope], schema_url="")])

    def _points(self, name: str, kind: str, samples: Sequence[Sample], now_unix_nano: int) -> Sum | Gauge:
        counts = kind == "counter"
        points = [
            NumberDataPoint(dict(labels), self._starts.get((name, labels), self._started) if counts else 0, now_unix_nano, value)
            for of, labels, value in samples
            if of == name
        ]
        return Sum(points, AggregationTemporality.CUMULATIVE, is_monotonic=True) if counts else Gauge(points)


def to_endpoint(url: str) -> Callable[[MetricsData], None]:
    """Sends over OTLP/HTTP; headers, certificates, compression and timeout come from the standard OTEL_EXPORTER_OTLP_* variables."""
    exporter = OTLPMetricExporter(endpoint=f"{url.rstrip('/')}/v1/metrics")

    def send(data: MetricsData) -> None:
        if exporter.export(data) is not MetricExportResult.SUCCESS:
            raise UnavailableError(f"{url} did not take the collector's own metrics")

    return send


def to_pond(inbox: Inbox, read: Read) -> Callable[[MetricsData], None]:
    """Appends to an inbox of the collector's own pond."""

    def send(data: MetricsData) -> None:
        payload = encode_metrics(data).SerializeToString()
        inbox.append(DEFAULT_TENANT, Signal.METRICS, payload, inspect(Signal.METRICS, payload)).result()
        if (position := read(INBOX)) is not None:
            inbox.note_read(Position(*position))

    return send


@asynccontextmanager
async def exporting(
    to: str, data: Path, samples: Callable[[], Awaitable[Sequence[Sample]]], read: Read, *, interval_s: float
) -> AsyncIterator[None]:
    """Export as long as the context is open.

    Args:
        to: `pond`, or a base URL that takes OTLP/HTTP.
        data: the data directory.
        samples: gives the values now.
        read: up to where the pipeline has read an inbox.
        interval_s: between exports.
    """
    inbox = await asyncio.to_thread(Inbox, data / "inbox" / INBOX) if to == "pond" else None
    send = to_pond(inbox, read) if inbox is not None else to_endpoint(to)
    exports = asyncio.create_task(_export(send, samples, interval_s))
    try:
        yield
    finally:
        exports.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await exports
        if inbox is not None:
            await asyncio.to_thread(inbox.close)


async def _export(send: Callable[[MetricsData], None], samples: Callable[[], Awaitable[Sequence[Sample]]], interval_s: float) -> None:
    cumulative = Cumulative(time.time_ns())
    while True:
        await asyncio.sleep(interval_s)
        try:
            await asyncio.to_thread(send, cumulative.metrics_data(await samples(), time.time_ns()))
        except Exception as failure:  # noqa: BLE001 - whatever it is, the collector goes on
            logger.warning("the collector's own metrics were not sent, the next ones tell the same: %s", fault(failure))
