"""A column of an Arrow table as one array, and as text that Arrow computes with."""

from __future__ import annotations

import pyarrow as pa


def one(column: pa.ChunkedArray) -> pa.Array:
    """The column as one array."""
    if column.num_chunks == 1:
        return column.chunk(0)
    return column.combine_chunks() if column.num_chunks else pa.array([], column.type)


def as_string(column: pa.Array) -> pa.Array:
    """As `string`, which Arrow computes with; it cannot with string views."""
    return column if column.type == pa.string() else column.cast(pa.string())


def all_null(column: pa.Array) -> bool:
    """Whether there is nothing in it."""
    return bool(column.null_count == len(column))
