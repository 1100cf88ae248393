"""What a process counts of its own work; receivers and inboxes add to it from any thread, the collector shows the sum of its processes.

Names and labels are the Go Collector's where it has them, so that its dashboards and alerts fit. A counter only grows, and starts at 0
with its process.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from .signals import Inspection, Signal

Labels = tuple[tuple[str, str], ...]
Sample = tuple[str, Labels, int]
"""A counter's name, its labels, its value."""

ITEMS: Final = {Signal.TRACES: "spans", Signal.METRICS: "metric_points", Signal.LOGS: "log_records"}
REQUESTS: Final = "otelcol_receiver_requests"
OUTCOMES: Final = {"accepted": "success", "refused": "refused", "failed": "failure"}
EVENT_STAGES: Final = ("received", "invalid", "unknown", "enriched", "unenriched", "dropped", "stored")
"""Of events, as the pipeline counts them: what came in, of it what the catalogue refuses and what it does not know, what was enriched,
wholly or not, and stored."""


@dataclass(slots=True)
class Cell:
    """One counter; `Counters` holds the lock under which it grows."""

    value: int = 0


class Counters:
    """The counters of one process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._cells: dict[tuple[str, Labels], Cell] = {}

    def cell(self, name: str, labels: Labels = ()) -> Cell:
        """A counter, from now on shown at 0 at least; labels are in the order in which they are shown."""
        with self._lock:
            return self._cells.setdefault((name, labels), Cell())

    def grow(self, cell: Cell, amount: int, also: Cell | None = None) -> None:
        """Let a counter grow, and another one by 1: a request costs one lock and no look-up."""
        with self._lock:
            cell.value += amount
            if also is not None:
                also.value += 1

    def add(self, name: str, amount: int = 1, labels: Labels = ()) -> None:
        """Let a counter grow that is seldom needed."""
        self.grow(self.cell(name, labels), amount)

    def samples(self) -> list[Sample]:
        """Every counter as it stands now; plain values, which JSON can carry to another process."""
        with self._lock:
            return [(name, labels, cell.value) for (name, labels), cell in self._cells.items()]


def summed(processes: Iterable[Iterable[Sample]]) -> list[Sample]:
    """The counters of several processes added up; labels may be lists, as JSON gives them back."""
    total = Counters()
    for samples in processes:
        for name, labels, value in samples:
            total.add(name, value, tuple((key, text) for key, text in labels))
    return total.samples()


class Received:
    """The counters of one signal's requests on one transport.

    Args:
        counters: of this process.
        transport: `grpc` or `http`.
        receiver: `otlp`, or `events` for plain JSON.
    """

    def __init__(self, counters: Counters, signal: Signal, transport: str, *, receiver: str = "otlp") -> None:
        labels: Labels = (("receiver", receiver), ("transport", transport))
        item = ITEMS[signal]
        self._grow = counters.grow
        self._accepted, self._refused, self._failed = (counters.cell(f"otelcol_receiver_{kind}_{item}", labels) for kind in OUTCOMES)
        self._success, self._turned_away, self._failure = (
            counters.cell(REQUESTS, (*labels, ("outcome", outcome))) for outcome in OUTCOMES.values()
        )

    def accepted(self, inspection: Inspection) -> None:
        """A request was answered with success; the items that break a rule of OTLP count as refused."""
        self._grow(self._accepted, inspection.items - inspection.rejected, self._success)
        if inspection.rejected:
            self._grow(self._refused, inspection.rejected)

    def refused(self, items: int) -> None:
        """A request was turned away; `items` is 0 where it was not read."""
        self._grow(self._refused, items, self._turned_away)

    def failed(self, items: int) -> None:
        """A request met a fault of the collector."""
        self._grow(self._failed, items, self._failure)


COUNTERS: Final = Counters()
"""Of this process; counters belong to a process as its memory does, and every scrape shows all of them."""
