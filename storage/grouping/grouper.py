"""Fills the grouping columns of derived error rows; the deriver hands it each error table's rows of a batch.

Work is done for each distinct report, and a stack is read once for all messages that it comes with: of 5,000 errors that differ in
the id that their message names, one stack is parsed.
"""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Final, Generic, TypeVar

import pyarrow as pa

from ..log_lines import fault
from . import v1
from .columns import TABLES, distinct, reports, written
from .report import Grouping, Report
from .rules import GroupingRule, regrouped

VERSION: Final = 1
_REMEMBERED: Final = 16_384
_log = logging.getLogger(__name__)

_Value = TypeVar("_Value")


@dataclass(frozen=True, slots=True)
class GroupingSettings:
    """How errors are grouped.

    Attributes:
        rules: of the configuration, in their order.
    """

    rules: tuple[GroupingRule, ...] = field(default_factory=tuple)


class Recent(Generic[_Value]):
    """The values used last, at most `size` of them."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._values: OrderedDict[Hashable, _Value] = OrderedDict()

    def get(self, key: Hashable, make: Callable[[], _Value]) -> _Value:
        """The value of that key, made where it is not remembered."""
        if key in self._values:
            self._values.move_to_end(key)
            return self._values[key]
        value = self._values[key] = make()
        if len(self._values) > self._size:
            self._values.popitem(last=False)
        return value


class Grouper:
    """Groups errors, and remembers what it read last; to be used from one thread."""

    def __init__(self, settings: GroupingSettings | None = None) -> None:
        self._settings = settings or GroupingSettings()
        self._messages: Recent[Grouping] = Recent(_REMEMBERED)

    def annotate(self, table: str, rows: pa.Table) -> pa.Table:
        """The rows with the columns of `columns.WRITTEN` filled; those of other tables as they are.

        Raises nothing: where grouping fails, the rows have no fingerprint.
        """
        if table not in TABLES or not rows.num_rows:
            return rows
        try:
            return self._annotated(table, rows)
        except Exception as error:  # noqa: BLE001 - whatever it is, it costs no row
            _log.error("%d rows of %s could not be grouped (%s)", rows.num_rows, table, fault(error))
            return written(rows, {})

    def _annotated(self, table: str, rows: pa.Table) -> pa.Table:
        found, codes = distinct(rows, (*TABLES[table].names, "service_name"))
        groupings = [self.explain(report) for report in reports(table, found)]
        columns = {
            "fingerprint": pa.array([grouping.fingerprint for grouping in groupings], pa.string()),
            "grouping_version": pa.array([VERSION] * len(groupings), pa.int32()),
            "grouping": pa.array([grouping.document for grouping in groupings], pa.string()),
            "culprit": pa.array([grouping.culprit for grouping in groupings], pa.string()),
        }
        where = pa.array(codes)
        return written(rows, {name: values.take(where) for name, values in columns.items()})

    def explain(self, report: Report) -> Grouping:
        """What one error is grouped by."""
        default = self._messages.get(report, lambda: v1.group(report, None))
        return regrouped(self._settings.rules, report, (), default)
