"""Recovers a small pond in this process, and counts what is there; one `Deriver` serves all recoveries of a worker."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

from otelpond.storage.derive import Deriver

from . import small_pond


class Counts(Protocol):
    """Where the figures of a recovery are added."""

    acknowledged: int
    found: int
    lost: int
    doubled: int
    complaints: list[str]


class Recovery:
    """Recovers one pond after another."""

    def __init__(self) -> None:
        self._tables = small_pond.documented_tables()
        self._deriver = Deriver(self._tables)

    def check(self, root: Path, acknowledged: Iterable[int], figures: Counts) -> None:
        """Recover the pond, and require that what was acknowledged is there once, and nothing else twice."""
        small_pond.recover(root, self._tables, self._deriver)
        found = small_pond.found(root)
        expected: dict[str, set[int]] = {table: set() for table in found}
        for number in acknowledged:
            for table in small_pond.tables_of(number):
                expected[table] |= set(small_pond.identifiers(number))
        for table, ids in expected.items():
            lost = sorted(ids - found[table].keys())
            doubled = sorted(identifier for identifier, count in found[table].items() if count > 1)
            figures.acknowledged += len(ids)
            figures.found += len(ids) - len(lost)
            figures.lost += len(lost)
            figures.doubled += len(doubled)
            if lost or doubled:
                figures.complaints.append(f"{root.name}: {table} lost {lost[:5]} ({len(lost)}), doubled {doubled[:5]} ({len(doubled)})")
