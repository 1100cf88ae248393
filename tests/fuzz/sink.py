"""A sink in memory for the receivers' targets: the real inspection, and on request no room or a disk that fails."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field

from otelpond.storage.decode.inspection import inspect
from otelpond.storage.decode.messages import SHAPES, scopes
from otelpond.storage.signals import Inspection, Signal, UnavailableError

_POINTS = ("gauge", "sum", "histogram", "exponential_histogram", "summary")
_JSON_PATHS = {
    Signal.TRACES: (("resourceSpans", "resource_spans"), ("scopeSpans", "scope_spans"), ("spans",)),
    Signal.METRICS: (
        ("resourceMetrics", "resource_metrics"),
        ("scopeMetrics", "scope_metrics"),
        ("metrics",),
        ("gauge", "sum", "histogram", "exponentialHistogram", "exponential_histogram", "summary"),
        ("dataPoints", "data_points"),
    ),
    Signal.LOGS: (("resourceLogs", "resource_logs"), ("scopeLogs", "scope_logs"), ("logRecords", "log_records")),
}


@dataclass
class FuzzedSink:
    """Keeps what it acknowledges.

    Attributes:
        room: how many bytes it admits at a time.
        disk: whether appending succeeds.
        stored: what was acknowledged.
        held: bytes admitted and not yet given back.
    """

    room: int = 1 << 40
    disk: bool = True
    stored: list[tuple[Signal, bytes]] = field(default_factory=list)
    held: int = 0

    def reset(self, *, room: int | None, disk: bool) -> None:
        """Empty it for the next input."""
        self.room, self.disk, self.held = 1 << 40 if room is None else room, disk, 0
        self.stored.clear()

    def inspect(self, signal: Signal, payload: bytes) -> Inspection:
        """As the collector does."""
        return inspect(signal, payload)

    @contextmanager
    def admit(self, size: int) -> Iterator[None]:
        """Admit up to `room` bytes."""
        if self.held + size > self.room:
            raise UnavailableError("no room")
        self.held += size
        try:
            yield
        finally:
            self.held -= size

    def append(self, tenant: str, signal: Signal, payload: bytes, inspection: Inspection) -> Future[None]:
        """Keep a payload, or fail as a full disk does."""
        assert tenant
        assert inspection.items
        future: Future[None] = Future()
        if self.disk:
            self.stored.append((signal, payload))
            future.set_result(None)
        else:
            future.set_exception(UnavailableError("the disk is full"))
        return future


def items_of(signal: Signal, payload: bytes) -> int:
    """How many items a protobuf payload holds, counted without the collector's own code."""
    request = SHAPES[signal].request.FromString(payload)
    records = [record for _, _, of_scope in scopes(signal, request) for record in of_scope]
    if signal is not Signal.METRICS:
        return len(records)
    return sum(len(getattr(metric, kind).data_points) for metric in records for kind in _POINTS if metric.HasField(kind))


def items_of_json(signal: Signal, text: bytes) -> int:
    """How many items an OTLP/JSON text holds; only for one that was accepted."""
    found = [json.loads(text)]
    for names in _JSON_PATHS[signal]:
        members = [member[name] for member in found for name in names if member.get(name) is not None]
        found = [item for member in members for item in (member if isinstance(member, list) else [member])]
    return len(found)
