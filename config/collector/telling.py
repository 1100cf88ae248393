"""What one pond's couriers are to tell and have told: handed over to them, and noted durably in the pond's state."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

from ...exporters.destination import Refused, TryLater
from ...exporters.notifications.channels import channel
from ...exporters.notifications.courier import Courier
from ...exporters.notifications.notification import Attempt, Notification
from ...exporters.notifications.outbox import Outbox
from ...exporters.notifications.target import Target
from ...storage.alerts.alert import Alert
from ...storage.alerts.dispatches import Dispatches
from ...storage.alerts.state_file import StateFile
from .alerting import notification

_BY_NUMBER: Final = "told by number only"


class Telling:
    """Couriers of one pond, each with its channel.

    Args:
        targets: the channels that are told something.
    """

    def __init__(self, file: StateFile, dispatches: Dispatches, targets: Iterable[Target]) -> None:
        self._file, self._dispatches = file, dispatches
        self._noting = threading.Lock()
        self._surplus: list[tuple[str, tuple[Notification, ...]]] = []
        self._couriers = {target.name: self._courier(target) for target in targets}

    def _courier(self, target: Target) -> Courier:
        sent_at, beyond = self._dispatches.sent(target.name, datetime.now(UTC)), self._dispatches.beyond(target.name)
        return Courier(channel(target), Outbox(target.name, target.limits, sent_at=sent_at, beyond=beyond), self._settled)

    @property
    def channels(self) -> list[str]:
        """Their names."""
        return [*self._couriers]

    def start(self) -> None:
        """Begin to tell what channels were not told yet.

        Raises:
            sqlite3.Error: the state cannot be read now; nothing has begun.
        """
        undelivered = {name: self._dispatches.undelivered(name) for name in self._couriers}
        for name, alerts in undelivered.items():
            self._couriers[name].start()
            self.hand_over(name, alerts)

    def hand_over(self, name: str, alerts: Sequence[Alert]) -> None:
        """Have a channel told of alerts."""
        with self._noting:
            if surplus := self._couriers[name].add(notification(alert) for alert in alerts):
                self._surplus.append((name, surplus))

    def count(self, name: str, numbers: Mapping[str, int]) -> None:
        """Have a channel told how many more alerts there were, by rule; they are counted durably already."""
        with self._noting:
            self._couriers[name].count(numbers)

    def note(self) -> None:
        """Note durably what was handed over and is told by number only; where that fails, it is to be noted yet.

        Raises:
            sqlite3.Error: the state cannot be written now.
        """
        with self._noting:
            self._note()

    def stop(self) -> None:
        """Tell all couriers to end after the attempt under way."""
        for courier in self._couriers.values():
            courier.stop()

    def join(self, deadline: float) -> bool:
        """Wait for them until that moment of `time.monotonic`; whether all have ended."""
        return all(courier.join(max(deadline - time.monotonic(), 0.0)) for courier in self._couriers.values())

    def _note(self) -> None:
        if not self._surplus:
            return
        with self._file.transaction():
            for name, surplus in self._surplus:
                self._dispatches.settle(name, [each.alert_id for each in surplus], status="suppressed", attempt=0, error=_BY_NUMBER)
                self._dispatches.count_beyond(name, Counter(each.rule for each in surplus))
        self._surplus.clear()

    def _settled(self, attempt: Attempt) -> None:
        """Note what came of an attempt, before the courier makes another; from its thread."""
        with self._noting:
            self._note()  # numbers are counted before they are taken off
            self._note_attempt(attempt)

    def _note_attempt(self, attempt: Attempt) -> None:
        name, outcome, message = attempt.channel, attempt.outcome, attempt.message
        told, by_number = ([each.alert_id for each in part] for part in (message.notifications, message.summarised))
        if isinstance(outcome, TryLater):
            if attempt.number & (attempt.number - 1) == 0:  # a channel that is down for a day makes 300 attempts
                self._dispatches.attempted(name, told, status="failed", attempt=attempt.number, error=outcome.reason)
            return
        with self._file.transaction():
            if isinstance(outcome, Refused):
                self._dispatches.settle(name, [*told, *by_number], status="failed", attempt=attempt.number, error=outcome.reason)
            else:
                self._dispatches.settle(name, told, status="sent", attempt=attempt.number, error=outcome.remark or None)
                self._dispatches.settle(name, by_number, status="suppressed", attempt=attempt.number, error=_BY_NUMBER)
                self._dispatches.note_sent(name, attempt.at, message.rules)
            self._dispatches.count_beyond(name, {rule: -number for rule, number in message.beyond.items()})
