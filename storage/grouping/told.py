"""The reports that distinct rows of an error table are: columns.py tells the rows apart, the grouper asks for what counts of them."""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from ..stacks.lines import bounded
from .columns import TABLES
from .report import Report

_LONGEST_REMEMBERED: Final = 2_048
"""Characters of a document whose hints are kept."""
_LONGEST_MESSAGE: Final = 8_192
_LONGEST_ASKED: Final = 200
_MOST_ASKED: Final = 16


@dataclass(frozen=True, slots=True)
class Hints:
    """What a table's SELECT says in `grouping` for the grouper.

    Attributes:
        language, asked: as in `Report`.
        operation: as in `Report`, where the table has no columns for it.
    """

    language: str = ""
    asked: tuple[str, ...] = ()
    operation: tuple[str, ...] = ()


class Reports:
    """The reports of a table's distinct rows, all texts cut to what is read of them.

    Of nearly all errors the stack decides: only the others are put together as a `Report`, which takes as long as looking up a stack.

    Attributes:
        types, messages, stacks: of each report, '' where it has none.
        hints: of each report.
    """

    def __init__(self, table: str, found: Mapping[str, Sequence[str | None]]) -> None:
        self._read, self._found = TABLES[table], found
        hints = {document: _hints(document or "{}") for document in set(found["grouping"])}
        self.hints = [hints[document] for document in found["grouping"]]
        self.types = [(name or "")[-_LONGEST_MESSAGE:] for name in found["exception_type"]]
        self.messages = [(message or "")[:_LONGEST_MESSAGE] for message in found[self._read.message]]
        self.stacks = [bounded(stack or "") for stack in found[self._read.stack]]

    def __len__(self) -> int:
        return len(self.hints)

    def report(self, number: int) -> Report:
        """All that is told of one."""
        read, hints = self._read, self.hints[number]
        query = _query(self._values(number, read.query)) if read.query else ()
        return Report(
            self.types[number],
            self.messages[number],
            self.stacks[number],
            hints.language,
            self._value(number, "service_name"),
            hints.asked,
            self._values(number, read.operation) or hints.operation,
            query[:3],
            self._value(number, read.kind)[:_LONGEST_ASKED] if read.kind else "",
            " ".join(part for part in query[3:] if part) or None,
        )

    def _value(self, number: int, name: str) -> str:
        return self._found[name][number] or ""

    def _values(self, number: int, names: Sequence[str]) -> tuple[str, ...]:
        return tuple(self._value(number, name) for name in names)


def _query(columns: tuple[str, ...]) -> tuple[str, ...]:
    """Kind, system and statement of a database operation, then what it does and to which table."""
    kind, system, statement, operation, table = columns
    return (kind, system, statement or " ".join(part for part in (operation, table) if part), operation, table)


def _hints(document: str) -> Hints:
    return _remembered(document) if len(document) <= _LONGEST_REMEMBERED else _read_hints(document)


def _read_hints(document: str) -> Hints:
    try:
        given = json.loads(document)
    except (ValueError, RecursionError):
        return Hints()
    if not isinstance(given, dict):
        return Hints()
    operation = given.get("operation")
    return Hints(
        language=str(given.get("language") or "")[:_LONGEST_ASKED],
        asked=_asked(given.get("fingerprint")),
        operation=tuple(str(part or "")[:_LONGEST_ASKED] for part in operation) if isinstance(operation, list) else (),
    )


_remembered: Final = functools.lru_cache(maxsize=1024)(_read_hints)


def _asked(value: object) -> tuple[str, ...]:
    """Values of exception.fingerprint, which is a text or an array of texts; of others, nothing."""
    values = value if isinstance(value, list) else [value]
    return tuple(each[:_LONGEST_ASKED] for each in values[:_MOST_ASKED] if isinstance(each, str) and each.strip())
