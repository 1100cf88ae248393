"""When a channel is told what: gathers notifications into messages, within the hourly cap and outside quiet hours; retries.

Pure: it is told the time, sends nothing and keeps nothing on disk. What waits is whatever was added and not settled, so that who
keeps a journal of both adds it again after a kill.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from ..destination import Refused, TryLater
from .notification import MOST_TOLD, SEVERITIES, Attempt, Message, Notification, Outcome, Sent
from .quiet_hours import QuietHours

MOST_WAITING: Final = 1_000
"""Notifications that wait to be told; of further ones only the number is told."""
_SHARE_OF_RULE: Final = 3, 4
"""Of the messages of an hour, and of what waits, one rule has no more: what floods leaves room for the others."""
_HOUR: Final = timedelta(hours=1)
_FIRST_BACKOFF_S, _LONGEST_BACKOFF_S = 2.0, 300.0
_LONGEST_DELAY_S: Final = 3600.0
"""A longer Retry-After is not believed."""
_GIVE_UP: Final = timedelta(hours=24)
"""What could not be told for so long is no news."""
_MOST_TRIES: Final = 5
"""Of a message while others wait; a minute by then."""
_LOOK_S: Final = 20.0
"""The longest wait between two looks at the clock, which may be put."""


@dataclass(frozen=True, slots=True)
class Limits:
    """When a channel may be told something.

    Attributes:
        max_per_hour: messages in any hour; one rule causes three quarters of them at most.
        gather_s: pause after a message; what comes in it goes together.
    """

    max_per_hour: int = 20
    gather_s: float = 10.0
    quiet_hours: QuietHours | None = None


class Outbox:
    """What waits for one channel.

    Args:
        sent_at: when it was told something in the last hour, by an outbox before this one; and of which rules.
        beyond: what the outbox before had only counted, and not told yet.
    """

    def __init__(
        self,
        channel: str,
        limits: Limits,
        *,
        sent_at: Mapping[datetime, AbstractSet[str]] | None = None,
        beyond: Mapping[str, int] | None = None,
    ) -> None:
        self.channel = channel
        self._limits = limits
        self._sent = dict(sorted((sent_at or {}).items()))
        self._beyond = Counter(beyond)
        self._waiting: dict[str, Notification] = {}
        self._message: Message | None = None
        self._attempts = self._failures = 0
        self._first_tried: dict[str, datetime] = {}
        self._failing: set[str] = set()
        self._not_before: datetime | None = None

    def add(self, notifications: Iterable[Notification]) -> tuple[Notification, ...]:
        """Have notifications told; one that waits already is not told twice.

        Returns:
            Those for which there is no room: the next message has their number, and they are settled by that.
        """
        surplus = []
        waiting = Counter(each.rule for each in self._waiting.values())
        for each in notifications:
            if each.alert_id in self._waiting:
                continue
            if len(self._waiting) < MOST_WAITING and waiting[each.rule] < _share(MOST_WAITING):
                self._waiting[each.alert_id] = each
                waiting[each.rule] += 1
            else:
                self._beyond[each.rule] += 1
                surplus.append(each)
        return tuple(surplus)

    def count(self, numbers: Mapping[str, int]) -> None:
        """Have the next message tell how many more alerts there were, by rule."""
        self._beyond.update(numbers)

    def next(self, now: datetime) -> Message | None:
        """What is to be sent now: the same message until it is settled, or failed so often that others go before it."""
        if not self._waiting or self._wait_s(now) > 0:
            return None
        if self._message is None:
            fresh = [each for each in self._waiting.values() if each.alert_id not in self._failing]
            told, summarised = _chosen(fresh or self._waiting.values())
            self._message = Message(told, summarised, dict(self._beyond))
            self._first_tried = dict.fromkeys(_ids(self._message), now) | self._first_tried
        return self._message

    def settle(self, outcome: Outcome, now: datetime) -> Attempt:
        """Take what came of sending what `next` gave."""
        assert self._message is not None  # noqa: S101 - who calls has sent it
        self._attempts += 1
        self._failures = self._failures + 1 if isinstance(outcome, TryLater) else 0
        message, number = self._message, self._attempts
        if isinstance(outcome, TryLater):
            delay_s = backoff_s(self._failures) if outcome.delay_s is None else min(outcome.delay_s, _LONGEST_DELAY_S)
            if (old := self._tried_for_a_day(message, now)) is not None:
                message = old
                outcome = Refused(f"given up after {_GIVE_UP.total_seconds() / 3600:.0f} h and {number} attempts; last: {outcome.reason}")
                self._forget(message)
            else:
                self._give_way(message)
        else:
            delay_s = self._limits.gather_s
            self._forget(message)
        self._not_before = now + timedelta(seconds=delay_s)
        if isinstance(outcome, Sent):
            self._sent[now] = message.rules | self._sent.get(now, frozenset())
        return Attempt(self.channel, message, number, outcome, now)

    def _tried_for_a_day(self, message: Message, now: datetime) -> Message | None:
        """What of a message is given up."""
        old = {each for each in _ids(message) if now - self._first_tried[each] >= _GIVE_UP}
        if len(old) == len(_ids(message)):
            return message
        told, summarised = (tuple(each for each in part if each.alert_id in old) for part in (message.notifications, message.summarised))
        return Message(told, summarised) if old else None

    def _give_way(self, message: Message) -> None:
        """Let others go before a message that fails and fails: it may be the message that the other side cannot take."""
        ids = _ids(message)
        if self._waiting.keys() - ids and (self._attempts >= _MOST_TRIES or ids <= self._failing):
            self._failing |= ids
            self._message, self._attempts = None, 0

    def wait_s(self, now: datetime) -> float | None:
        """Seconds until `next` is worth asking, at most 20; None where nothing waits."""
        return min(self._wait_s(now), _LOOK_S) if self._waiting else None

    def _wait_s(self, now: datetime) -> float:
        if self._limits.quiet_hours is not None and self._limits.quiet_hours.contains(now):
            return _LOOK_S
        self._sent = {at: rules for at, rules in self._sent.items() if now - _HOUR < at <= now}
        waits = [_until_free(list(self._sent), self._limits.max_per_hour, now), self._of_rules_s(now)]
        if self._not_before is not None:
            pause_s = (self._not_before - now).total_seconds()
            waits.append(pause_s if pause_s <= max(_LONGEST_DELAY_S, self._limits.gather_s) else 0.0)  # longer where the clock was put back
        return max(waits)

    def _of_rules_s(self, now: datetime) -> float:
        """Seconds until a rule of what waits may cause a message."""
        most, rules = _share(self._limits.max_per_hour), {each.rule for each in self._waiting.values()}
        return min((_until_free([at for at, told in self._sent.items() if rule in told], most, now) for rule in rules), default=0.0)

    def _forget(self, message: Message) -> None:
        for each in _ids(message):
            del self._waiting[each], self._first_tried[each]
        self._failing &= self._waiting.keys()
        self._beyond -= Counter(message.beyond)
        self._message, self._attempts = None, 0


def _chosen(waiting: Iterable[Notification]) -> tuple[tuple[Notification, ...], tuple[Notification, ...]]:
    """What a message tells in full, the gravest first, and of the equally grave some of each rule; and the rest."""
    ordered = sorted(waiting, key=lambda each: (SEVERITIES.index(each.severity), each.fired_at))
    before: Counter[tuple[str, str]] = Counter()
    places = []
    for place, each in enumerate(ordered):
        kind = each.severity, each.rule
        places.append((SEVERITIES.index(each.severity), before[kind], place))
        before[kind] += 1
    told = {place for _, _, place in sorted(places)[:MOST_TOLD]}
    return tuple(ordered[place] for place in sorted(told)), tuple(each for place, each in enumerate(ordered) if place not in told)


def _until_free(sent: Sequence[datetime], most: int, now: datetime) -> float:
    """Seconds until fewer messages than that are of the last hour."""
    return (sent[-most] + _HOUR - now).total_seconds() if len(sent) >= most else 0.0


def _share(whole: int) -> int:
    part, of = _SHARE_OF_RULE
    return -(-whole * part // of)


def _ids(message: Message) -> set[str]:
    return {each.alert_id for each in message.alerts}


def backoff_s(attempts: int) -> float:
    """How long to wait after so many attempts: 2, 4, 8 ... 300 s, give or take half."""
    return min(_FIRST_BACKOFF_S * 2.0 ** min(attempts - 1, 30), _LONGEST_BACKOFF_S) * random.uniform(0.5, 1.5)  # noqa: S311 - no secret
