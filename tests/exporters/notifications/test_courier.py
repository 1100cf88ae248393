"""One channel's thread: what it sends, and that nothing is sent before the attempt before it is noted."""

from __future__ import annotations

import queue
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from otelpond.exporters.destination import TryLater
from otelpond.exporters.notifications import courier as courier_module
from otelpond.exporters.notifications.courier import Courier
from otelpond.exporters.notifications.notification import Attempt, Message, Notification, Outcome, Sent
from otelpond.exporters.notifications.outbox import Limits, Outbox

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


def alert(number: int) -> Notification:
    """An alert of that number."""
    return Notification(f"alert-{number}", "rule", "title", NOON)


class Channel:
    """Answers as a test says."""

    def __init__(self, *outcomes: Callable[[], Outcome]) -> None:
        self.outcomes = list(outcomes)
        self.sent: list[Message] = []

    def send(self, message: Message) -> Outcome:
        """Note it."""
        self.sent.append(message)
        return self.outcomes.pop(0)() if self.outcomes else Sent()


def test_attempts_are_told() -> None:
    """In order; what a channel raises is an attempt to be repeated."""
    noted: queue.Queue[str] = queue.Queue()
    moments = iter([NOON.replace(minute=minute) for minute in range(60)])

    def fault() -> Outcome:
        raise ZeroDivisionError

    def settled(attempt: Attempt) -> None:
        noted.put(f"{attempt.channel} {attempt.number} {attempt.outcome}")

    courier = Courier(
        Channel(fault, Sent),
        Outbox("ops", Limits(gather_s=0)),
        settled,
        clock=lambda: next(moments),
    )
    courier.start()
    assert courier.add([alert(1)]) == ()
    expected = [f"ops 1 {TryLater('ZeroDivisionError in otelpond')}", f"ops 2 {Sent()}"]
    assert expected == [noted.get(timeout=10) for _ in range(2)]
    courier.stop()
    assert courier.join(10)


def test_nothing_is_sent_while_the_attempt_before_it_cannot_be_noted(monkeypatch: pytest.MonkeyPatch) -> None:
    """It would be sent twice after a kill."""
    monkeypatch.setattr(courier_module, "_RETRY_NOTE_S", 0.01)
    channel, failed = Channel(), queue.Queue[int]()

    def settled(_: Attempt) -> None:
        failed.put(len(channel.sent))
        raise OSError("no space left on device")

    courier = Courier(channel, Outbox("ops", Limits(gather_s=0)), settled)
    courier.start()
    courier.add([alert(1)])
    assert 1 == failed.get(timeout=10)
    courier.add([alert(2)])
    assert 1 == failed.get(timeout=10)
    courier.stop()
    assert courier.join(10)
    assert 1 == len(channel.sent)
