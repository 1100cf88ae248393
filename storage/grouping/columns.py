"""The columns of the four error tables that grouping reads and writes: rows to distinct reports, groupings back to columns."""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ..events.prepared import one, text
from .report import Report

LONGEST_STACK: Final = 65_536
"""Characters of a stack that are read: the first and the last half of them."""
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


def distinct(rows: pa.Table, names: Sequence[str]) -> tuple[pa.Table, NDArray[np.int64]]:
    """The distinct rows of these columns, as text, and for each row the number of its own among them."""
    codes = np.zeros(rows.num_rows, np.int64)
    for name in names:
        encoded = text(one(rows[name])).dictionary_encode()
        values = encoded.indices.fill_null(len(encoded.dictionary)).to_numpy().astype(np.int64)
        _, codes = np.unique(codes * (len(encoded.dictionary) + 1) + values, return_inverse=True)
    _, first = np.unique(codes, return_index=True)
    return pa.table({name: text(one(rows[name])).take(pa.array(first)) for name in names}), codes


def reports(table: str, rows: pa.Table) -> list[Report]:
    """The reports that rows are, all texts cut to what is read of them."""
    read = TABLES[table]
    return [_report(read, row) for row in rows.to_pylist()]


def _report(read: Read, row: Mapping[str, Any]) -> Report:
    hints = _hints(row["grouping"] or "{}")
    query = _query(*(row[name] or "" for name in read.query)) if read.query else ()
    operation = tuple(str(row[name] or "") for name in read.operation)
    return Report(
        type=(row["exception_type"] or "")[-_LONGEST_MESSAGE:],
        message=(row[read.message] or "")[:_LONGEST_MESSAGE],
        stack=_cut(row[read.stack] or ""),
        language=hints.language,
        service=row["service_name"] or "",
        asked=hints.asked,
        operation=operation or hints.operation,
        query=query,
        kind=(row[read.kind] or "" if read.kind else "")[:_LONGEST_ASKED],
        culprit=" ".join(part for part in (row["query_type"], row["table_name"]) if part) or None if read.query else None,
    )


def _cut(stack: str) -> str:
    half = LONGEST_STACK // 2
    return stack if len(stack) <= LONGEST_STACK else f"{stack[:half]}\n{stack[-half:]}"


def _query(kind: str, system: str, statement: str, operation: str, table: str) -> tuple[str, ...]:
    return (kind, system, statement or " ".join(part for part in (operation, table) if part))


@dataclass(frozen=True, slots=True)
class _Hints:
    """What a table's SELECT says in `grouping` for the grouper."""

    language: str = ""
    asked: tuple[str, ...] = ()
    operation: tuple[str, ...] = ()


@functools.lru_cache(maxsize=1024)
def _hints(document: str) -> _Hints:
    try:
        given = json.loads(document)
    except (ValueError, RecursionError):
        return _Hints()
    operation = given.get("operation")
    return _Hints(
        language=given.get("language") or "",
        asked=_asked(given.get("fingerprint")),
        operation=tuple(str(part or "")[:_LONGEST_ASKED] for part in operation) if isinstance(operation, list) else (),
    )


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
