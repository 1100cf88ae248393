"""The columns of the four error tables that grouping reads and writes: which they are, their distinct rows, groupings back to columns."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ..arrays import as_string, one

_MOST_NUMBERS: Final = 1 << 62

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
    encoded = {name: as_string(one(rows[name])).dictionary_encode() for name in names}
    _, first, codes = np.unique(_combined(encoded.values(), rows.num_rows), return_index=True, return_inverse=True)
    return {name: _texts(column, first) for name, column in encoded.items()}, codes


def _combined(columns: Iterable[pa.DictionaryArray], count: int) -> NDArray[np.int64]:
    """A number for each row, equal where all columns are."""
    numbers, bound = np.zeros(count, np.int64), 1
    for column in columns:
        several = len(column.dictionary) + 1
        if several == 2 and not column.null_count:
            continue
        if bound * several > _MOST_NUMBERS:
            _, numbers = np.unique(numbers, return_inverse=True)
            bound = count
        numbers, bound = numbers * several + column.indices.fill_null(several - 1).to_numpy(), bound * several
    return numbers


def _texts(column: pa.DictionaryArray, rows: NDArray[np.int64]) -> list[str | None]:
    """The texts of these rows; equal ones are one object."""
    texts: list[str | None] = [*column.dictionary.to_numpy(zero_copy_only=False), None]
    return [texts[index] for index in column.indices.fill_null(-1).to_numpy()[rows].tolist()]


def written(rows: pa.Table, columns: Mapping[str, pa.Array]) -> pa.Table:
    """The rows with these columns in place of theirs; NULL in those of WRITTEN that are not given."""
    for field in WRITTEN:
        values = columns.get(field.name, pa.nulls(rows.num_rows, field.type))
        index = rows.schema.get_field_index(field.name)
        rows = rows.set_column(index, rows.schema.field(index), values.cast(rows.schema.field(index).type))
    return rows
