"""What a plan puts into the tables, counted while it is filled; the pipeline adds it to its progress once it is published."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from typing import Final

import pyarrow as pa

REJECTED: Final = "rejected_records"
OTHER: Final = "other"
MOST_REASONS: Final = 50
"""Reasons that are counted by name, a table; an own table's CHECK or a hostile sender must not make labels without end."""
_NUMBERS: Final = re.compile(r"\d+")

Counts = dict[str, int]


@dataclass(slots=True)
class Tally:
    """Counts of rows and payloads.

    Attributes:
        rows: by table.
        rejected: of those in `rejected_records`, by the table that did not take them and by reason, numbers in it as N.
        quarantined: payloads that no decoder takes.
        retries: payloads that were left out as copies of stored ones.
    """

    rows: Counts = field(default_factory=dict)
    rejected: dict[str, Counts] = field(default_factory=dict)
    quarantined: int = 0
    retries: int = 0

    def add_rows(self, table: str, rows: pa.Table) -> None:
        """Count rows on their way into a table."""
        self.rows[table] = self.rows.get(table, 0) + rows.num_rows
        if table == REJECTED:
            together = Counter(zip(rows["table_name"].to_pylist(), rows["reason"].to_pylist(), strict=True))
            for (name, reason), number in together.items():
                _count(self.rejected.setdefault(name, {}), _NUMBERS.sub("N", reason), number)

    def add(self, other: Tally) -> None:
        """Count what another one counted, too."""
        for table, rows in other.rows.items():
            self.rows[table] = self.rows.get(table, 0) + rows
        for table, reasons in other.rejected.items():
            for reason, rows in reasons.items():
                _count(self.rejected.setdefault(table, {}), reason, rows)
        self.quarantined += other.quarantined
        self.retries += other.retries


def _count(reasons: Counts, reason: str, rows: int) -> None:
    known = reason in reasons or len(reasons) < MOST_REASONS
    name = reason if known else OTHER
    reasons[name] = reasons.get(name, 0) + rows
