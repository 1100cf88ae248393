"""Fills the grouping columns of derived error rows; the deriver hands it each error table's rows of a batch.

Work is done for each distinct report, and the stack of each is looked up among those read last.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ..arrays import as_string, one
from ..fault_places import place_of
from ..gather import taken_texts
from ..stacks.in_app import USUAL, InApp
from .columns import TABLES, distinct, written
from .reading import StackReader
from .report import Grouping, Report, Stack
from .rules import GroupingRule, regrouped
from .told import Reports
from .versions import CURRENT, VERSIONS, Change, Version

_log = logging.getLogger(__name__)


class StackMapper(Protocol):
    """Knows the sources of what was minified."""

    def mapped(self, tenant: str, service: str, release: str, stack: str) -> str | None:
        """The stack with the sources' places; None where nothing is known of it. It is asked for each distinct stack of a batch."""
        ...


@dataclass(frozen=True, slots=True)
class GroupingSettings:
    """How errors are grouped.

    Attributes:
        rules: of the configuration, in their order.
        in_app: which frames are the service's own.
        change: the last change of version; None where there was none.
    """

    rules: tuple[GroupingRule, ...] = field(default_factory=tuple)
    in_app: InApp = USUAL
    change: Change | None = None


class _Grouped:
    """One version at work."""

    def __init__(self, version: Version, settings: GroupingSettings) -> None:
        self._version = version
        self._rules = settings.rules
        self._stacks = StackReader(version.read, settings.in_app)

    def groupings(self, reports: Reports) -> list[Grouping | None]:
        """What each is grouped by; None, and a line in the log, where that fails."""
        found: list[Grouping | None] = []
        faults = Counter[str]()
        for number in range(len(reports)):
            try:
                found.append(self._of(reports, number))
            except Exception as error:  # noqa: BLE001 - whatever it is, it costs no other error its group
                found.append(None)
                faults[place_of(error)] += 1
        for fault, times in faults.items():
            _log.error("%d errors could not be grouped (%s)", times, fault)
        return found

    def _of(self, reports: Reports, number: int) -> Grouping:
        """What one of them is grouped by: mostly its stack, which decides whatever else is told."""
        hints = reports.hints[number]
        stack = self._stacks.read(reports.types[number], hints.language, reports.stacks[number], reports.messages[number])
        if stack is None or stack.is_nameless or hints.asked or self._rules:
            return self._decided(reports.report(number), stack)
        return stack.grouping

    def group(self, report: Report) -> Grouping:
        """What one error is grouped by."""
        return self._decided(report, self._stacks.read(report.type, report.language, report.stack, report.message))

    def _decided(self, report: Report, stack: Stack | None) -> Grouping:
        return regrouped(self._rules, report, stack.paths if stack else (), self._version.group(report, stack))


class Grouper:
    """Groups errors, and remembers what it read last; to be used from one thread."""

    def __init__(self, settings: GroupingSettings | None = None, mapper: StackMapper | None = None) -> None:
        settings = settings or GroupingSettings()
        self._mapper = mapper
        self._present = _Grouped(VERSIONS[CURRENT], settings)
        before = VERSIONS.get(settings.change.previous or 0) if settings.change else None
        self._previous = _Grouped(before, settings) if before else None
        self._both_until = settings.change.both_until if settings.change else None

    def explain(self, report: Report) -> Grouping:
        """What one error is grouped by."""
        return self._present.group(report)

    def annotate(self, table: str, rows: pa.Table) -> pa.Table:
        """The rows with the columns of `columns.WRITTEN` filled; those of other tables as they are.

        Raises nothing: where grouping fails, the rows have no fingerprint.
        """
        if table not in TABLES or not rows.num_rows:
            return rows
        try:
            return self._annotated(table, rows)
        except Exception as error:  # noqa: BLE001 - whatever it is, it costs no row
            _log.error("%d rows of %s could not be grouped (%s)", rows.num_rows, table, place_of(error))
            return written(rows, {})

    def _annotated(self, table: str, rows: pa.Table) -> pa.Table:
        names = TABLES[table].names if self._mapper is None else (*TABLES[table].names, "tenant_id", TABLES[table].release)
        found, codes = distinct(rows, names)
        told, mapped = self._with_sources(table, found)
        columns = _columns(self._present.groupings(told), codes)
        columns["mapped_stack"] = taken_texts(mapped, codes)
        if self._previous is not None:
            before = as_string(_columns(self._previous.groupings(told), codes)["fingerprint"])
            is_young = pc.less(one(rows["ingested_at"]), pa.scalar(self._both_until, pa.timestamp("us", "UTC")))
            columns["previous_fingerprint"] = pc.if_else(is_young, before, None)
        return written(rows, columns)

    def _with_sources(self, table: str, found: Mapping[str, Sequence[Any]]) -> tuple[Reports, list[str | None]]:
        """The reports of distinct rows, with the stacks that the mapper knows in place of theirs; and these, None elsewhere."""
        told, mapper = Reports(table, found), self._mapper
        if mapper is None:
            return told, [None] * len(told)
        whose = zip(*(found[name] for name in ("tenant_id", "service_name", TABLES[table].release)), strict=True)
        mapped = [
            mapper.mapped(tenant, service, release or "", stack) if stack else None
            for stack, (tenant, service, release) in zip(told.stacks, whose, strict=True)
        ]
        told.stacks = [known or stack for known, stack in zip(mapped, told.stacks, strict=True)]
        return told, mapped


def _columns(groupings: Sequence[Grouping | None], codes: NDArray[np.int64]) -> dict[str, pa.Array]:
    """What the groupings of these numbers say, by column; few of them are distinct, as reports differ in messages that do not count."""
    several = {id(grouping): grouping for grouping in groupings}
    numbers = {key: number for number, key in enumerate(several)}
    where = np.array([numbers[id(grouping)] for grouping in groupings], np.int64)[codes]
    known = [(each.fingerprint, each.document, each.culprit, CURRENT) if each else (None,) * 4 for each in several.values()]
    fingerprints, documents, culprits, versions = zip(*known, strict=True)
    return {
        "fingerprint": taken_texts(fingerprints, where),
        "grouping_version": pa.array(versions, pa.int32()).take(pa.array(where)),
        "grouping": taken_texts(documents, where),
        "culprit": taken_texts(culprits, where),
    }
