"""What a process counts of its own work; receivers and inboxes add to it from any thread, the collector shows the sum of its processes.

Names and labels are the Go Collector's where it has them, so that its dashboards and alerts fit. A counter only grows, and starts at 0
with its process.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from typing import Final

from .signals import Inspection, Signal

Labels = tuple[tuple[str, str], ...]
Sample = tuple[str, Labels, int]
"""A counter's name, its labels, its value."""

ITEMS: Final = {Signal.TRACES: "spans", Signal.METRICS: "metric_points", Signal.LOGS: "log_records"}
REQUESTS: Final = "otelcol_receiver_requests"
OUTCOMES: Final = {"accepted": "success", "refused": "refused", "failed": "failure"}


class Counters:
    """The counters of one process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._values: dict[tuple[str, Labels], int] = {}

    def add(self, name: str, amount: int = 1, labels: Labels = ()) -> None:
        """Let a counter grow; labels are in the order in which they are shown."""
        with self._lock:
            self._values[name, labels] = self._values.get((name, labels), 0) + amount

    def samples(self) -> list[Sample]:
        """Every counter as it stands now; plain values, which JSON can carry to another process."""
        with self._lock:
            return [(name, labels, value) for (name, labels), value in self._values.items()]


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
    """

    def __init__(self, counters: Counters, signal: Signal, transport: str) -> None:
        self._counters = counters
        self._labels: Labels = (("receiver", "otlp"), ("transport", transport))
        self._names = {kind: f"otelcol_receiver_{kind}_{ITEMS[signal]}" for kind in OUTCOMES}
        for name in self._names.values():
            counters.add(name, 0, self._labels)

    def accepted(self, inspection: Inspection) -> None:
        """A request was answered with success; the items that break a rule of OTLP count as refused."""
        self._count("accepted", inspection.items - inspection.rejected)
        if inspection.rejected:
            self._counters.add(self._names["refused"], inspection.rejected, self._labels)

    def refused(self, items: int) -> None:
        """A request was turned away; `items` is 0 where it was not read."""
        self._count("refused", items)

    def failed(self, items: int) -> None:
        """A request met a fault of the collector."""
        self._count("failed", items)

    def _count(self, kind: str, items: int) -> None:
        self._counters.add(self._names[kind], items, self._labels)
        self._counters.add(REQUESTS, 1, (*self._labels, ("outcome", OUTCOMES[kind])))


COUNTERS: Final = Counters()
"""Of this process; counters belong to a process as its memory does, and every scrape shows all of them."""
