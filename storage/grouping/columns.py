"""The columns of the four error tables that grouping reads and writes: rows to distinct reports, groupings back to columns."""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ..events.prepared import one, text
from ..stacks.lines import bounded
from .report import Report

_LONGEST_REMEMBERED: Final = 2_048
"""Characters of a document whose hints are kept."""
_LONGEST_MESSAGE: Final = 8_192
_LONGEST_ASKED: Final = 200
_MOST_ASKED: Final = 16

WRITTEN: Final = pa.schema(
    [
        pa.field("fingerprint", pa.string()),
        pa.field("grouping_version", pa.int32()),
        pa.field("previous_fingerprint", pa.string()),
        pa.field("grouping", pa.string()),
        pa.field("culprit", pa.string()),
        pa.field("mapped_stack", pa.string()),
    ]
)
"""What grouping fills, as files hold it."""


@dataclass(frozen=True, slots=True)
class Read:
    """Which column of a table is what.

    Attributes:
        message, stack, kind: the columns of these parts of a report; '' where the table has none.
        operation: the columns that name a request.
        query: the columns that name a database operation: kind, system, hash, operation, table.
        release: the column of the release, by which source maps are found.
    """

    message: str
    stack: str
    kind: str = ""
    operation: tuple[str, ...] = ()
    query: tuple[str, ...] = ()
    release: str = "service_version"

    @property
    def names(self) -> tuple[str, ...]:
        """All columns that tell reports apart."""
        own = (self.message, self.stack, self.kind, *self.operation, *self.query)
        return ("exception_type", "grouping", "service_name", *(name for name in own if name))


TABLES: Final[Mapping[str, Read]] = {
    "error_logs": Read("error_message", "error_stack", kind="error_code"),
    "crash_reports": Read("crash_message", "crash_stack", kind="crash_type", release="release_version"),
    "api_error_logs": Read("error_message", "error_stack", operation=("http_method", "endpoint_path", "status_code")),
    "database_error_logs": Read(
        "error_message", "error_stack", query=("error_type", "db_system", "query_hash", "query_type", "table_name")
    ),
}
"""The tables whose rows are grouped."""


def distinct(rows: pa.Table, names: Sequence[str]) -> tuple[dict[str, list[str | None]], NDArray[np.int64]]:
    """The distinct rows of these columns, as texts by column, and for each row the number of its own among them."""
    codes = np.zeros(rows.num_rows, np.int64)
    encoded = {name: text(one(rows[name])).dictionary_encode() for name in names}
    for column in encoded.values():
        several = len(column.dictionary) + 1
        if several > 2 or column.null_count:
            values = column.indices.fill_null(several - 1).to_numpy().astype(np.int64)
            _, codes = np.unique(codes * several + values, return_inverse=True)
    _, first = np.unique(codes, return_index=True)
    where = pa.array(first)
    return {name: column.dictionary.take(column.indices.take(where)).to_pylist() for name, column in encoded.items()}, codes


def reports(table: str, found: Mapping[str, Sequence[str | None]]) -> list[Report]:
    """The reports that distinct rows are, all texts cut to what is read of them."""
    read = TABLES[table]
    count = len(found["grouping"])
    operations = _joined(found, read.operation, count)
    queries = [_query(parts) for parts in _joined(found, read.query, count)]
    kinds = found[read.kind] if read.kind else [None] * count
    given = zip(
        found["exception_type"], found[read.message], found[read.stack], found["grouping"], found["service_name"], kinds, strict=True
    )
    return [_report(texts, *columns) for texts, *columns in zip(given, operations, queries, strict=True)]


def _joined(found: Mapping[str, Sequence[str | None]], names: Sequence[str], count: int) -> list[tuple[str, ...]]:
    """The values of several columns, row by row; '' for NULL."""
    if not names:
        return [()] * count
    return [tuple(value or "" for value in values) for values in zip(*(found[name] for name in names), strict=True)]


def _report(texts: tuple[str | None, ...], operation: tuple[str, ...], query: tuple[str, ...]) -> Report:
    """A report of type, message, stack, hint, service and kind, and what it was of."""
    name, message, stack, hint, service, kind = texts
    hints = _hints(hint) if hint and len(hint) <= _LONGEST_REMEMBERED else _read_hints(hint or "{}")
    return Report(
        (name or "")[-_LONGEST_MESSAGE:],
        (message or "")[:_LONGEST_MESSAGE],
        bounded(stack or ""),
        hints.language,
        service or "",
        hints.asked,
        operation or hints.operation,
        query[:3],
        (kind or "")[:_LONGEST_ASKED],
        " ".join(part for part in query[3:] if part) or None,
    )


def _query(columns: tuple[str, ...]) -> tuple[str, ...]:
    """Kind, system and statement of a database operation, then what it does and to which table."""
    if not columns:
        return ()
    kind, system, statement, operation, table = columns
    return (kind, system, statement or " ".join(part for part in (operation, table) if part), operation, table)


@dataclass(frozen=True, slots=True)
class _Hints:
    """What a table's SELECT says in `grouping` for the grouper."""

    language: str = ""
    asked: tuple[str, ...] = ()
    operation: tuple[str, ...] = ()


def _read_hints(document: str) -> _Hints:
    try:
        given = json.loads(document)
    except (ValueError, RecursionError):
        return _Hints()
    if not isinstance(given, dict):
        return _Hints()
    operation = given.get("operation")
    return _Hints(
        language=str(given.get("language") or "")[:_LONGEST_ASKED],
        asked=_asked(given.get("fingerprint")),
        operation=tuple(str(part or "")[:_LONGEST_ASKED] for part in operation) if isinstance(operation, list) else (),
    )


_hints: Final = functools.lru_cache(maxsize=1024)(_read_hints)


def _asked(value: object) -> tuple[str, ...]:
    """Values of exception.fingerprint, which is a text or an array of texts; of others, nothing."""
    values = value if isinstance(value, list) else [value]
    return tuple(each[:_LONGEST_ASKED] for each in values[:_MOST_ASKED] if isinstance(each, str) and each.strip())


def written(rows: pa.Table, columns: Mapping[str, pa.Array]) -> pa.Table:
    """The rows with these columns in place of theirs; NULL in those of WRITTEN that are not given."""
    for field in WRITTEN:
        values = columns.get(field.name, pa.nulls(rows.num_rows, field.type))
        index = rows.schema.get_field_index(field.name)
        rows = rows.set_column(index, rows.schema.field(index), values.cast(rows.schema.field(index).type))
    return rows
