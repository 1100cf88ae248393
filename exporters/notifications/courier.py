"""Tells one channel what its outbox gives, in a thread of its own: a channel that does not answer holds up no other one."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime

from ...storage.fault_places import place_of
from ..destination import TryLater
from .notification import Attempt, Channel, Message, Notification, Outcome
from .outbox import Outbox

logger = logging.getLogger(__name__)

_RETRY_NOTE_S = 1.0


def _now() -> datetime:
    return datetime.now(UTC)


class Courier:
    """One channel's.

    Args:
        settled: called right after each attempt, before anything else is sent; what it raises is logged, and it is called again.
    """

    def __init__(
        self,
        channel: Channel,
        outbox: Outbox,
        settled: Callable[[Attempt], None],
        *,
        clock: Callable[[], datetime] = _now,
    ) -> None:
        self.name = outbox.channel
        self._channel, self._outbox = channel, outbox
        self._settled = settled
        self._clock = clock
        self._condition = threading.Condition()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name=f"notify-{self.name}", daemon=True)

    def start(self) -> None:
        """Begin to tell what waits."""
        self._thread.start()

    def add(self, notifications: Iterable[Notification]) -> tuple[Notification, ...]:
        """See `Outbox.add`."""
        with self._condition:
            surplus = self._outbox.add(notifications)
            self._condition.notify_all()
        return surplus

    def count(self, numbers: Mapping[str, int]) -> None:
        """See `Outbox.count`."""
        with self._condition:
            self._outbox.count(numbers)

    def stop(self) -> None:
        """End after the attempt under way; what else waits is not sent."""
        with self._condition:
            self._stopping = True
            self._condition.notify_all()

    def join(self, timeout_s: float) -> bool:
        """Wait for the end so long; whether it has come."""
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        while (message := self._next()) is not None:
            outcome = self._attempt(message)
            with self._condition:
                attempt = self._outbox.settle(outcome, self._clock())
            self._note(attempt)

    def _next(self) -> Message | None:
        """Wait for the next message; None where the courier stops."""
        with self._condition:
            while not self._stopping:
                if (message := self._outbox.next(self._clock())) is not None:
                    return message
                self._condition.wait(self._outbox.wait_s(self._clock()))
        return None

    def _attempt(self, message: Message) -> Outcome:
        try:
            return self._channel.send(message)
        except Exception as error:  # noqa: BLE001 - whatever it is: this thread tells of all alerts
            logger.error("%s: a message failed here: %s", self.name, place_of(error))  # noqa: TRY400 - a traceback could show a URL
            return TryLater(f"{type(error).__name__} in otelpond")

    def _note(self, attempt: Attempt) -> None:
        """Call back until it succeeds, or the courier stops."""
        while True:
            try:
                self._settled(attempt)
            except Exception as error:  # noqa: BLE001 - such as a full disk
                logger.warning("%s: an attempt cannot be noted, trying again: %s", self.name, place_of(error))
            else:
                return
            with self._condition:
                if self._stopping or self._condition.wait_for(lambda: self._stopping, _RETRY_NOTE_S):
                    return
