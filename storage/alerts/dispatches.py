"""Which alerts fired, whom they are to be told, what came of it, and the rows of the table `alerts` that say so; couriers report here."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from .alert import Alert, row
from .state_file import StateFile

_HOUR_S: Final = 3_600.0
MOST_ROWS: Final = 5_000
"""Of one plan of the table."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Rows of the table `alerts` that are published together, by the name of their stream and the number of the plan."""

    stream: str
    number: int
    rows: list[dict[str, Any]]


class Dispatches:
    """The part of a pond's state that says what was told.

    Args:
        tenant: whose pond it is.

    Attributes:
        counts: what happened since the process started, by rule and status.
    """

    def __init__(self, file: StateFile, tenant: str) -> None:
        self._file = file
        self._tenant = tenant
        self.counts: Counter[tuple[str, str]] = Counter()

    def fire(self, alert: Alert, channels: Sequence[str], *, suppressed: str | None = None) -> None:
        """Note an alert, durable with the transaction around it: to be told to channels, or suppressed and why."""
        with self._file.transaction():
            self._add_row(alert, status="suppressed" if suppressed else "fired", error=suppressed)
            if channels and not suppressed:
                self._file.do("insert or ignore into fired (alert_id, alert) values (?, ?)", (alert.alert_id, alert.to_json()))
                self._file.do("insert or ignore into deliveries values (?, ?)", *((channel, alert.alert_id) for channel in channels))

    def undelivered(self, channel: str) -> list[Alert]:
        """What a channel is to be told yet, oldest first."""
        found = self._file.all(
            "select alert from deliveries join fired using (alert_id) where channel = ? order by fired.number", [channel]
        )
        return [Alert.from_json(text) for (text,) in found]

    def waiting(self) -> dict[str, int]:
        """How many alerts each channel is to be told yet."""
        return dict(self._file.all("select channel, count(*) from deliveries group by channel"))

    def settle(self, channel: str, alert_ids: Iterable[str], *, status: str, attempt: int, error: str | None = None) -> None:
        """Note durably what came of telling a channel of alerts; nothing is told of them to it again."""
        ids = list(alert_ids)
        with self._file.transaction():
            self.attempted(channel, ids, status=status, attempt=attempt, error=error)
            self._file.do("delete from deliveries where channel = ? and alert_id = ?", *((channel, each) for each in ids))
            self._file.do(
                "delete from fired where alert_id = ?1 and not exists (select 1 from deliveries where alert_id = ?1)",
                *((each,) for each in ids),
            )

    def attempted(self, channel: str, alert_ids: Iterable[str], *, status: str, attempt: int, error: str | None = None) -> None:
        """Note an attempt at telling a channel."""
        with self._file.transaction():
            for each in alert_ids:
                for (text,) in self._file.all("select alert from fired where alert_id = ?", [each]):
                    self._add_row(Alert.from_json(text), status=status, channel=channel, attempt=attempt, error=error)

    def drop_channels(self, known: Iterable[str]) -> None:
        """Settle what is to be told to channels that the settings do not name any more."""
        for channel in self.waiting().keys() - {*known}:
            ids = [each for (each,) in self._file.all("select alert_id from deliveries where channel = ?", [channel])]
            self.settle(channel, ids, status="suppressed", attempt=0, error="the settings name this channel no more")

    def note_sent(self, channel: str, at: datetime, rules: Iterable[str]) -> None:
        """Note that a channel was told something, and of which rules, for its hourly cap."""
        with self._file.transaction():
            for table in ("sent", "sent_of"):
                self._file.do(f"delete from {table} where at < ?", (at.timestamp() - _HOUR_S,))  # noqa: S608 - our own text
            self._file.do("insert into sent values (?, ?)", (channel, at.timestamp()))
            self._file.do("insert into sent_of values (?, ?, ?)", *((channel, rule, at.timestamp()) for rule in rules))

    def sent(self, channel: str, now: datetime) -> dict[datetime, set[str]]:
        """When a channel was told something in the last hour, and of which rules."""
        found = self._file.all(
            "select sent.at, rule from sent left join sent_of using (channel, at) where channel = ? and sent.at > ? order by sent.at",
            [channel, now.timestamp() - _HOUR_S],
        )
        told: dict[datetime, set[str]] = {}
        for at, rule in found:
            told.setdefault(datetime.fromtimestamp(at, UTC), set()).update({rule} - {None})
        return told

    def count_beyond(self, channel: str, numbers: Mapping[str, int]) -> None:
        """Add to how many alerts a channel is to be told by number only, by rule; what was told is taken off."""
        self._file.do(
            "insert into beyond values (?, ?, max(?3, 0)) on conflict do update set number = max(number + ?3, 0)",
            *((channel, rule, number) for rule, number in numbers.items()),
        )

    def beyond(self, channel: str) -> dict[str, int]:
        """How many alerts a channel is to be told by number only, by rule."""
        return dict(self._file.all("select rule, number from beyond where channel = ? and number > 0", [channel]))

    def unpublished(self) -> bool:
        """Whether rows wait for the table."""
        return bool(self._file.all("select 1 from rows limit 1"))

    def next_plan(self) -> Plan | None:
        """Rows that the table is to have, the same until the plan is finished; None where there are none."""
        with self._file.transaction():
            ((planned,),) = self._file.all("select max(plan) from rows")
            if planned is None:
                ((done,),) = self._file.all("select coalesce(max(cast(value as integer)), 0) from noted where name = 'plan'")
                planned = done + 1
                chosen = "select number from rows order by number limit ?"
                self._file.do(f"update rows set plan = ? where number in ({chosen})", (planned, MOST_ROWS))  # noqa: S608 - our own text
            found = self._file.all("select content from rows where plan = ? order by number", [planned])
            ((stream,),) = self._file.all("select value from noted where name = 'stream'")
        return Plan(stream, planned, [json.loads(text) for (text,) in found]) if found else None

    def finish_plan(self, number: int) -> None:
        """Note durably that the table has the plan."""
        with self._file.transaction():
            self._file.do("delete from rows where plan = ?", (number,))
            self._file.do("insert or replace into noted values ('plan', ?)", (str(number),))

    def _add_row(self, alert: Alert, *, status: str, channel: str = "", attempt: int = 0, error: str | None = None) -> None:
        content = row(alert, self._tenant, datetime.now(UTC), status=status, channel=channel, attempt=attempt, error=error)
        self._file.do("insert into rows (content) values (?)", (json.dumps(content),))
        self.counts[alert.rule, status] += 1
