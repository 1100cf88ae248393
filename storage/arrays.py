"""Columns of Arrow tables: as one array, as NULLs that all share, and as text that Arrow computes with, a piece at a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

_PIECE_ROWS: Final = 8192
_MOST_SHARED: Final = 1 << 17
_NULLS: Final[dict[pa.DataType, pa.Array]] = {}
"""The longest array of NULLs that was asked for, by type."""


def one(column: pa.ChunkedArray) -> pa.Array:
    """The column as one array."""
    if column.num_chunks == 1:
        return column.chunk(0)
    return column.combine_chunks() if column.num_chunks else pa.array([], column.type)


def in_one_chunk(rows: pa.Table) -> pa.Table:
    """The same rows, each column in one chunk."""
    columns = [nulls(len(column), column.type) if all_null(column) else one(column) for column in rows.columns]
    return pa.Table.from_arrays(columns, schema=rows.schema)


def nulls(length: int, kind: pa.DataType) -> pa.Array:
    """So many NULLs, in memory that all columns and batches share: of 78 columns of spans 24 often hold nothing else."""
    if length > _MOST_SHARED:
        return pa.nulls(length, kind)
    known = _NULLS.get(kind)
    if known is None or len(known) < length:
        known = _NULLS[kind] = pa.nulls(length, kind)
    return known.slice(0, length)


def as_string(column: pa.Array) -> pa.Array:
    """As `string`, which Arrow computes with; it cannot with string views."""
    return column if column.type == pa.string() else column.cast(pa.string())


def told(column: pa.ChunkedArray, look: Callable[[pa.StringArray], pa.BooleanArray]) -> NDArray[np.bool_]:
    """What is told by looking at the texts of a column, some thousand at a time; NULL is False.

    The copy of 8,192 texts lies where the one before it lay. That of 60,000 is fresh memory: 30 times as dear to touch as to look at.
    """
    array = one(column)
    if all_null(array):
        return np.zeros(len(array), np.bool_)
    looked = [look(as_string(array.slice(start, _PIECE_ROWS))) for start in range(0, len(array), _PIECE_ROWS)]
    result: NDArray[np.bool_] = pa.chunked_array(looked, pa.bool_()).fill_null(False).to_numpy()
    return result


def octets(texts: pa.StringArray) -> NDArray[np.uint8]:
    """The bytes of texts one behind the other, where Arrow has them."""
    _, bounds, data = texts.buffers()
    if data is None or not len(texts):
        return np.zeros(0, np.uint8)
    ends = np.frombuffer(bounds, np.int32, count=len(texts) + 1, offset=4 * texts.offset)
    return np.frombuffer(data, np.uint8)[ends[0] : ends[-1]]


def all_null(column: pa.Array | pa.ChunkedArray) -> bool:
    """Whether there is nothing in it."""
    return bool(column.null_count == len(column))
