"""Passes a pond's accepted payloads on to one destination: in order, several at once, each until it is answered for good.

Every payload is sent as it came. It is one request with the same bytes each time, so that an otelpond that gets it twice stores it once.
The cursor on disk is never past a payload without a final answer: after a kill at most what was answered since the last
commit of the cursor is sent again.
"""

from __future__ import annotations

import logging
import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from ..storage.fault_places import place_of
from ..storage.inbox.kept import Kept, KeptSegment
from ..storage.inbox.segments import BEGINNING, Position
from ..storage.signals import Signal
from .destination import Answer, Client, Delivered, Destination, Refused, TryLater
from .reader import Payload, Reader

logger = logging.getLogger(__name__)

_POLL_S = 0.5
_IN_FLIGHT_BYTES = 64 << 20
_FIRST_BACKOFF_S, _LONGEST_BACKOFF_S = 1.0, 30.0
_LONGEST_DELAY_S = 600.0
"""A longer Retry-After is not believed."""
_GIVE_UP_S = 900.0
"""A payload that is put off for so long, while others are taken, is held for refused: it would hold the cursor back for ever."""
_MOST_REASONS = 100


@dataclass(slots=True)
class Counts:
    """What came of payloads since the forwarder started; items are spans, metric points or log records, by signal.

    Attributes:
        sent: items that the destination took.
        rejected: items of these that it took the request of and did not want (partial success).
        refused: items of requests that it refused for good.
        lost: items that were never sent, for more waited than is kept.
        put_off: attempts that were answered by try-later or not at all.
    """

    sent: dict[Signal, int] = field(default_factory=dict)
    rejected: dict[Signal, int] = field(default_factory=dict)
    refused: dict[Signal, int] = field(default_factory=dict)
    lost: dict[Signal, int] = field(default_factory=dict)
    put_off: int = 0


class Forwarder:
    """One destination's.

    Args:
        retry_window_s: see `Reader`.
        backoff_s: the first pause after an attempt that failed; each next one is twice as long, up to 30 s, give or take half.
    """

    def __init__(
        self, destination: Destination, client: Client, kept: Kept, *, retry_window_s: float = 900.0, backoff_s: float = _FIRST_BACKOFF_S
    ) -> None:
        self.name = destination.name
        self.counts = Counts()
        self._client = client
        self._kept = kept
        self._committed = kept.positions(self.name)
        self._reader = Reader(kept, self._committed, destination.signals, retry_window_s)
        for inbox in self._reader.replaced():
            logger.warning(
                "%s: inbox %s is younger than the cursor: it was replaced, and is passed on from its beginning", self.name, inbox
            )
        self._backoff_s = backoff_s
        self._most = destination.max_in_flight
        self._condition = threading.Condition()
        self._in_flight: dict[str, dict[Position, int]] = {}
        self._stopping = threading.Event()
        self._draining = False
        self._not_before = 0.0
        self._outage_since: float | None = None
        self._delivered = 0
        self._reasons: set[str] = set()
        self._senders = ThreadPoolExecutor(self._most, thread_name_prefix=f"send-{self.name}")
        self._thread = threading.Thread(target=self._run, name=f"forward-{self.name}", daemon=True)

    def start(self) -> None:
        """Begin to pass on, from the cursor."""
        self._thread.start()

    def drain(self, timeout_s: float) -> None:
        """Pass on what is accepted by now, unless the destination does not answer, and stop; the cursor is committed."""
        self._draining = True
        self._thread.join(timeout_s)
        self._stopping.set()
        self._thread.join()
        self._senders.shutdown(wait=False, cancel_futures=True)
        self.commit()
        self._client.close()

    def passed(self, inbox: str) -> Position:
        """The committed cursor."""
        return self._committed.get(inbox, BEGINNING)

    def commit(self) -> None:
        """Write the cursor, where it has moved."""
        with self._condition:
            positions = {inbox: min(self._in_flight.get(inbox, {}), default=position) for inbox, position in self._reader.positions.items()}
        if positions != self._committed:
            self._kept.write_positions(self.name, positions)
            self._committed = positions

    def lose(self, segment: KeptSegment) -> None:
        """Go on behind a segment that is not kept any longer; what is under way stays so."""
        with self._condition:
            lost = self._reader.skip(segment.inbox, segment.number)
            for signal, items in lost.items():
                self.counts.lost[signal] = self.counts.lost.get(signal, 0) + items
        if lost:
            numbers = ", ".join(f"{items} of {signal.name.lower()}" for signal, items in lost.items())
            logger.warning("%s: more waits than is kept, the oldest items are not passed on: %s", self.name, numbers)

    def unread_bytes(self) -> int:
        """How much waits."""
        return self._reader.unread_bytes()

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                payload = self._next()
            except Exception as failure:  # noqa: BLE001 - whatever it is: this thread passes on all there is
                reason = f"the inbox cannot be read, trying again: {failure if isinstance(failure, OSError) else place_of(failure)}"
                if self._is_news(reason):
                    logger.warning("%s: %s (said once)", self.name, reason)
                payload = None
            if payload is not None:
                self._senders.submit(self._deliver, payload)
            elif self._draining and not any(self._in_flight.values()):
                return
            else:
                self._stopping.wait(0.02 if self._draining else _POLL_S)

    def _next(self) -> Payload | None:
        """The next payload when there is room for it, counted as under way from here on; None where nothing waits."""
        with self._condition:
            while not self._has_room() and not self._stopping.is_set():
                self._condition.wait(_POLL_S)
            payload = None if self._stopping.is_set() else self._reader.next()
            if payload is not None:
                self._in_flight.setdefault(payload.inbox, {})[payload.start] = len(payload.content)
            return payload

    def _has_room(self) -> bool:
        sizes = [size for places in self._in_flight.values() for size in places.values()]
        return len(sizes) < self._most and sum(sizes) < _IN_FLIGHT_BYTES

    def _deliver(self, payload: Payload) -> None:
        """Send a payload until it is answered for good, or the forwarder stops."""
        attempts = 0
        first = time.monotonic()
        delivered_before = self._delivered
        while self._pause(self._not_before - time.monotonic()):
            answer = self._attempt(payload)
            if not isinstance(answer, TryLater):
                self._settle(payload, answer)
                return
            if time.monotonic() - first > _GIVE_UP_S and self._delivered > delivered_before:
                self._settle(payload, Refused(f"put off for {_GIVE_UP_S:.0f} s while others were taken; last: {answer.reason}"))
                return
            self._put_off(answer)
            if not self._pause(backoff_s(attempts, self._backoff_s) if answer.delay_s is None else answer.delay_s):
                return
            attempts += 1

    def _attempt(self, payload: Payload) -> Answer:
        try:
            return self._client.send(payload.signal, payload.content)
        except Exception as error:
            logger.exception("%s: a request failed here", self.name)
            return TryLater(f"{type(error).__name__}: {error}")

    def _pause(self, seconds: float) -> bool:
        """Wait; whether to go on."""
        return not self._stopping.wait(min(seconds, _LONGEST_DELAY_S)) if seconds > 0 else not self._stopping.is_set()

    def _put_off(self, answer: TryLater) -> None:
        with self._condition:
            self.counts.put_off += 1
            if answer.delay_s is not None:  # meant for all requests, not only for this one
                self._not_before = max(self._not_before, time.monotonic() + min(answer.delay_s, _LONGEST_DELAY_S))
            begins = self._outage_since is None
            self._outage_since = self._outage_since or time.monotonic()
            if self._draining:
                self._stopping.set()
                self._condition.notify_all()
        if begins:
            logger.warning("%s does not take data, which is kept and sent again: %s", self.name, answer.reason)

    def _settle(self, payload: Payload, answer: Delivered | Refused) -> None:
        """Count a final answer, and let the cursor pass the payload."""
        reason = ""
        with self._condition:
            outage_since, self._outage_since = self._outage_since, None
            if isinstance(answer, Delivered):
                self._delivered += 1
                _add(self.counts.sent, payload.signal, payload.items)
                if answer.rejected:
                    _add(self.counts.rejected, payload.signal, answer.rejected)
                reason = answer.message and f"took a request in part, or has a remark: {answer.message}"
            else:
                _add(self.counts.refused, payload.signal, payload.items)
                reason = f"refuses a request for good, which is not sent again (the tables have it): {answer.reason}"
            news = bool(reason) and self._is_news(reason)
            del self._in_flight[payload.inbox][payload.start]
            self._condition.notify_all()
        if outage_since is not None:
            logger.info("%s answers again after %.0f s", self.name, time.monotonic() - outage_since)
        if news:
            logger.warning("%s %s (said once)", self.name, reason)

    def _is_news(self, reason: str) -> bool:
        """Whether it was not said yet; after a hundred reasons nothing is."""
        news = reason not in self._reasons and len(self._reasons) < _MOST_REASONS
        if news:
            self._reasons.add(reason)
        return news


def backoff_s(attempts: int, first_s: float = _FIRST_BACKOFF_S) -> float:
    """How long to wait after so many earlier attempts: twice as long each time, up to 30 s, give or take half."""
    return min(first_s * 2.0 ** min(attempts, 30), _LONGEST_BACKOFF_S) * random.uniform(0.5, 1.5)  # noqa: S311 - no secret


def _add(counts: dict[Signal, int], signal: Signal, items: int) -> None:
    counts[signal] = counts.get(signal, 0) + items
