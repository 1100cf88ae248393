"""What a plan puts into the tables, counted while it is filled; the pipeline adds it to its progress once it is published."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from ..events.judge import EXPECTED

EVENTS: Final = "events"
REJECTED: Final = "rejected_records"
OTHER: Final = "other"
MOST_REASONS: Final = 50
"""Reasons that are counted by name, a table; an own table's CHECK or a hostile sender must not make labels without end."""
_NUMBERS: Final = re.compile(r"\d+")
_TEXTS: Final = re.compile(r'"(?:[^"\\]|\\.)*"')
_EVENT_RULES: Final = (
    *("is missing", "is empty", "is not one of", "is less than", "is more than", "is not an integer", "is beyond 64 bits"),
    *("is not a timestamp", "is no time", "is no finite number", "is no integer of 64 bits", "hex digits"),
    *("is nested deeper than", "holds half of a surrogate pair", "is NULL", "check", "the SELECT in events.sql failed"),
    *(f"expected {kind}" for kind in EXPECTED.values()),
)
"""What breaks a rule says one of these, in the words of the catalogue, the events endpoint or the table."""
_EVENT_RULE: Final = re.compile("|".join(map(re.escape, _EVENT_RULES)))

Counts = dict[str, int]


@dataclass(slots=True)
class Tally:
    """Counts of rows and payloads.

    Attributes:
        rows: by table.
        rejected: of those in `rejected_records`, by the table that did not take them and by reason, numbers in it as N; of events by the
            rule alone: a metrics store has no business with what was sent.
        events: by stage (`counters.EVENT_STAGES`).
        quarantined: payloads that no decoder takes.
        retries: payloads that were left out as copies of stored ones.
    """

    rows: Counts = field(default_factory=dict)
    rejected: dict[str, Counts] = field(default_factory=dict)
    quarantined: int = 0
    retries: int = 0
    events: Counts = field(default_factory=dict)

    def add_rows(self, table: str, rows: pa.Table) -> None:
        """Count rows on their way into a table."""
        self.rows[table] = self.rows.get(table, 0) + rows.num_rows
        if table == REJECTED:
            together = Counter(zip(rows["table_name"].to_pylist(), rows["reason"].to_pylist(), strict=True))
            for (name, reason), number in together.items():
                told = _event_rule(reason) if name == EVENTS else _NUMBERS.sub("N", reason)
                _count(self.rejected.setdefault(name, {}), told, number)
            refused = sum(number for (name, _), number in together.items() if name == EVENTS)
            self._add_stages(received=refused, invalid=refused)
        if table == EVENTS:
            enriched = _number(pc.equal(rows["enrich_status"].cast(pa.string()), "complete"))
            invalid = rows.num_rows - rows["validation_error"].null_count
            self._add_stages(received=rows.num_rows, stored=rows.num_rows, invalid=invalid, enriched=enriched)
            self._add_stages(unenriched=rows.num_rows - enriched, unknown=rows.num_rows - _number(rows["is_known"]))

    def add_dropped_events(self, number: int) -> None:
        """Count events that were refused, and that the policy kept nowhere."""
        self._add_stages(received=number, invalid=number, dropped=number)

    def _add_stages(self, **stages: int) -> None:
        for stage, number in stages.items():
            if number:
                self.events[stage] = self.events.get(stage, 0) + number

    def add(self, other: Tally) -> None:
        """Count what another one counted, too."""
        for table, rows in other.rows.items():
            self.rows[table] = self.rows.get(table, 0) + rows
        for table, reasons in other.rejected.items():
            for reason, rows in reasons.items():
                _count(self.rejected.setdefault(table, {}), reason, rows)
        self._add_stages(**other.events)
        self.quarantined += other.quarantined
        self.retries += other.retries


def _event_rule(reason: str) -> str:
    found = _EVENT_RULE.search(_TEXTS.sub("", reason))
    return found[0] if found else OTHER


def _number(chosen: pa.ChunkedArray) -> int:
    return int(pc.sum(chosen).as_py() or 0)


def _count(reasons: Counts, reason: str, rows: int) -> None:
    known = reason in reasons or len(reasons) < MOST_REASONS
    name = reason if known else OTHER
    reasons[name] = reasons.get(name, 0) + rows
