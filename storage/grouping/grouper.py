"""Fills the grouping columns of derived error rows; the deriver hands it each error table's rows of a batch.

Work is done for each distinct report, and the stack of each is looked up among those read last.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import pyarrow as pa
import pyarrow.compute as pc

from ..events.prepared import one
from ..fault_places import place_of
from ..stacks.in_app import USUAL, InApp
from .columns import TABLES, distinct, reports, written
from .reading import StackReader
from .report import Grouping, Report, Stack
from .rules import GroupingRule, regrouped
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

    def groupings(self, reports: Sequence[Report]) -> list[Grouping | None]:
        """What each is grouped by; None, and a line in the log, where that fails."""
        found: list[Grouping | None] = []
        faults = Counter[str]()
        for report in reports:
            try:
                found.append(self.group(report))
            except Exception as error:  # noqa: BLE001 - whatever it is, it costs no other error its group
                found.append(None)
                faults[place_of(error)] += 1
        for fault, times in faults.items():
            _log.error("%d errors could not be grouped (%s)", times, fault)
        return found

    def group(self, report: Report) -> Grouping:
        """What one error is grouped by."""
        stack: Stack | None = self._stacks.read(report)
        default = self._version.group(report, stack)
        return regrouped(self._rules, report, stack.paths if stack else (), default)


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
        columns = _columns(self._present.groupings(told))
        columns["mapped_stack"] = pa.array(mapped, pa.string())
        where = pa.array(codes)
        columns = {name: values.take(where) for name, values in columns.items()}
        if self._previous is not None:
            before = _columns(self._previous.groupings(told))["fingerprint"].take(where)
            is_young = pc.less(one(rows["ingested_at"]), pa.scalar(self._both_until, pa.timestamp("us", "UTC")))
            columns["previous_fingerprint"] = pc.if_else(is_young, before, None)
        return written(rows, columns)

    def _with_sources(self, table: str, found: Mapping[str, list[Any]]) -> tuple[list[Report], list[str | None]]:
        """The reports of distinct rows, with the stacks that the mapper knows in place of theirs; and these, None elsewhere."""
        told, mapper = reports(table, found), self._mapper
        if mapper is None:
            return told, [None] * len(told)
        whose = zip(*(found[name] for name in ("tenant_id", "service_name", TABLES[table].release)), strict=True)
        mapped = [
            mapper.mapped(tenant, service, release or "", report.stack) if report.stack else None
            for report, (tenant, service, release) in zip(told, whose, strict=True)
        ]
        return [report._replace(stack=stack) if stack else report for report, stack in zip(told, mapped, strict=True)], mapped


def _columns(groupings: Sequence[Grouping | None]) -> dict[str, pa.Array]:
    """What these groupings say, by column; few of them are distinct, as reports differ in messages that do not count."""
    several = {id(grouping): grouping for grouping in groupings if grouping is not None}
    numbers = {key: number for number, key in enumerate(several)}
    where = pa.array([numbers.get(id(grouping)) for grouping in groupings], pa.int32())
    columns = {
        "fingerprint": pa.array([grouping.fingerprint for grouping in several.values()], pa.string()),
        "grouping_version": pa.array([CURRENT] * len(several), pa.int32()),
        "grouping": pa.array([grouping.document for grouping in several.values()], pa.string()),
        "culprit": pa.array([grouping.culprit for grouping in several.values()], pa.string()),
    }
    return {name: values.take(where) for name, values in columns.items()}
