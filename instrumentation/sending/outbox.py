"""What waits to be sent: ended spans and log records, in memory and bounded. Adding one never blocks and never fails."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

Item = TypeVar("Item")
TRIES = 6
"""How often a batch that could not be sent is tried; each try lasts up to OTEL_EXPORTER_OTLP_TIMEOUT, 10 s unless set."""


class Outbox(Generic[Item]):
    """Items of one signal in the order they came; the oldest go when it is full.

    `put` may run in any thread and in signal handlers (deque's own operations are atomic, and `wake` must be reentrant); everything else
    runs in the one thread that sends.
    """

    def __init__(self, name: str, *, delay_s: float, max_items: int, max_batch: int, threshold: int, wake: Callable[[], None]) -> None:
        self.name = name
        self.delay_s = delay_s
        self.dropped = 0
        self._items: deque[Item] = deque()
        self._max_items = max_items
        self._max_batch = min(max_batch, max_items)
        self._threshold = min(threshold, max_items)
        self._wake = wake
        self._kept: Sequence[Item] = ()
        self._tries = 0

    def __len__(self) -> int:
        return len(self._items) + len(self._kept)

    def put(self, item: Item) -> None:
        """Add one, and wake the sender where enough wait."""
        items = self._items
        items.append(item)
        waiting = len(items)
        if waiting >= self._threshold:
            if waiting > self._max_items:
                self._drop_oldest()
            self._wake()

    def _drop_oldest(self) -> None:
        try:
            self._items.popleft()
        except IndexError:  # the sender was faster
            return
        self.dropped += 1

    def is_due(self) -> bool:
        """Whether so many wait that they should go now; not while the last try failed: then the clock decides."""
        return len(self._items) >= self._threshold and not self._tries

    def clear(self) -> None:
        """Forget what waits: it is another process's."""
        self._items = deque()
        self._kept = ()
        self._tries = 0

    def close(self) -> None:
        """Let go of what waits, and take nothing more."""
        self._items = deque(maxlen=0)
        self._kept = ()

    def send(self, export: Callable[[Sequence[Item]], bool], *, last: bool = False) -> bool:
        """Export batch by batch what waits now; False where one could not be.

        That one is kept and goes first next time, byte for byte the same, so that a collector that has it already knows it. It is given
        up after `TRIES`, or when it is the `last` time.
        """
        remaining = len(self)
        while remaining > 0:
            batch = self._kept or self._take()
            if not batch:
                return True
            remaining -= len(batch)
            self._kept = batch
            if export(batch):
                self._kept, self._tries = (), 0
                continue
            self._tries += 1
            if last or self._tries >= TRIES:
                self.dropped += len(batch)
                self._kept = ()
            return False
        return True

    def _take(self) -> list[Item]:
        items = self._items
        taken: list[Item] = []
        while items and len(taken) < self._max_batch:
            try:
                taken.append(items.popleft())
            except IndexError:  # put dropped the last one
                break
        return taken
