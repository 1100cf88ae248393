"""What is told of alerts, and what came of telling: the alerts' process hands over notifications, channels answer with an `Outcome`."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Literal, Protocol, TypeAlias

from ..destination import Refused, TryLater

Severity: TypeAlias = Literal["critical", "error", "warning", "info"]
SEVERITIES: Final[tuple[Severity, ...]] = ("critical", "error", "warning", "info")
MOST_TOLD: Final = 20
"""Notifications that one message tells in full."""


@dataclass(frozen=True, slots=True)
class Notification:
    """One alert, as it is told. Its texts may hold whatever senders sent: every channel shows them as plain text.

    Attributes:
        alert_id: the same whenever this alert is told again, so that a receiver knows it.
        rule: name of the rule that fired.
        kind: what kind of rule it is, such as `new_issue`.
        title: one line.
        text: what to know beyond it; may have several lines.
        fields: short facts in the order to show them, such as {"service": "shop", "events": "12"}.
        issue_id: of the issue, where the alert is about one.
        fired_at: with a time zone.
    """

    alert_id: str
    rule: str
    title: str
    fired_at: datetime
    kind: str = ""
    text: str = ""
    fields: Mapping[str, str] = field(default_factory=dict)
    issue_id: str | None = None
    severity: Severity = "error"


@dataclass(frozen=True, slots=True)
class Message:
    """What a channel is told at once.

    Attributes:
        notifications: told in full, at most MOST_TOLD; the gravest first, then the oldest.
        summarised: those for which there was no room; only how many of each rule is told.
        beyond: how many more there were by rule, of which nobody knows more.
    """

    notifications: tuple[Notification, ...]
    summarised: tuple[Notification, ...] = ()
    beyond: Mapping[str, int] = field(default_factory=dict)

    @property
    def alerts(self) -> tuple[Notification, ...]:
        """All, told in full or by number, but for those of which nobody knows more."""
        return (*self.notifications, *self.summarised)

    @property
    def message_id(self) -> str:
        """The alert's id, of several alerts 32 hex digits made of all their ids; the same in every attempt."""
        ids = [each.alert_id for each in self.alerts]
        return ids[0] if len(ids) == 1 else hashlib.sha256("/".join(ids).encode()).hexdigest()[:32]

    @property
    def rules(self) -> frozenset[str]:
        """Those of its alerts."""
        return frozenset(each.rule for each in self.alerts)

    @property
    def others(self) -> dict[str, int]:
        """How many alerts are told by their number only, by rule, most first."""
        counts = Counter(each.rule for each in self.summarised) + Counter(self.beyond)
        return dict(counts.most_common())

    @property
    def title(self) -> str:
        """One line for all of it."""
        first = self.notifications[0].title
        more = len(self.notifications) - 1 + sum(self.others.values())
        return f"{first} (and {more} more)" if more else first


@dataclass(frozen=True, slots=True)
class Sent:
    """The other side has it; `remark` is what it said beyond that, such as a recipient that was refused."""

    remark: str = ""


Outcome: TypeAlias = Sent | TryLater | Refused


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try at a message.

    Attributes:
        number: 1 for the first.
        outcome: after `TryLater` the same message is tried again; `Sent` and `Refused` are final for all of its notifications.
    """

    channel: str
    message: Message
    number: int
    outcome: Outcome
    at: datetime


class Channel(Protocol):
    """What tells one channel of messages; used by one thread."""

    def send(self, message: Message) -> Outcome:
        """One attempt. Never raises for what the other side or the network does."""
        ...
