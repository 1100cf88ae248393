"""From what kernels wrote to Arrow: string views over the payloads' own bytes, validity bitmaps, times and enums."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ...arrays import nulls
from ..columns import RELATIONS
from .wire import INLINE_BYTES

HOUR_NS: Final = 3_600 * 1_000_000_000
DAY_NS: Final = 24 * HOUR_NS
_YEAR_2000_NS: Final = 946_684_800 * 1_000_000_000
_EARLIEST_DAYS: Final = 90

_GENERATIONS: Final = ("", "new", "old", "mixed")  # by NO_GENERATION .. MIXED in attributes.py

Views = NDArray[np.complex128]
"""String views, 16 bytes each; complex128 is NumPy's type of that size that `take` and `where` are quick for."""

Buffers = Sequence[pa.Buffer]
"""What views point into: the payloads' bytes, what the origins' kernels wrote, names (see origins.py), then what slices' kernels wrote."""
IN_WIRE, IN_HEAD, IN_NAMES, IN_OUT = range(4)


def relation_schema(relation: str) -> pa.Schema:
    """The relation's schema with views for strings."""
    return pa.schema([field.with_type(_view_type(field.type)) for field in RELATIONS[relation]])


def _view_type(of: pa.DataType) -> pa.DataType:
    return pa.string_view() if of == pa.string() else of


SCHEMAS: Final = {name: relation_schema(name) for name in RELATIONS if name != "refused"}


def table_of(relation: str, rows: int, columns: Mapping[str, pa.Array]) -> pa.Table:
    """The table of these columns; what is not among them is NULL."""
    schema = SCHEMAS[relation]
    return pa.Table.from_arrays([columns[f.name] if f.name in columns else nulls(rows, f.type) for f in schema], schema=schema)


def views(cells: NDArray[np.uint64]) -> Views:
    """Cells uint64[rows, 2] as views."""
    return cells.reshape(-1).view(np.complex128)


def validity(valid: NDArray[np.bool_]) -> pa.Buffer | None:
    """A bitmap; None where all are valid."""
    return None if valid.all() else pa.py_buffer(np.packbits(valid, bitorder="little"))


def strings(of: Views, bitmap: pa.Buffer | None, buffers: Buffers) -> pa.Array:
    """A column of strings."""
    return pa.Array.from_buffers(pa.string_view(), len(of), [bitmap, pa.py_buffer(of), *buffers])


def masked_strings(of: Views, valid: NDArray[np.bool_], buffers: Buffers) -> pa.Array:
    """A column of strings that is NULL where not `valid`."""
    return strings(of, validity(valid), buffers) if valid.any() else nulls(len(of), pa.string_view())


def numbers(values: NDArray[np.generic], of: pa.DataType, bitmap: pa.Buffer | None = None) -> pa.Array:
    """A column of numbers of the same width."""
    return pa.Array.from_buffers(of, len(values), [bitmap, pa.py_buffer(np.ascontiguousarray(values))])


def masked_numbers(values: NDArray[np.generic], of: pa.DataType, valid: NDArray[np.bool_]) -> pa.Array:
    """A column of numbers that is NULL where not `valid`."""
    return numbers(values, of, validity(valid)) if valid.any() else nulls(len(values), of)


def booleans(values: NDArray[np.bool_]) -> pa.Array:
    """A column of booleans."""
    return pa.Array.from_buffers(pa.bool_(), len(values), [None, pa.py_buffer(np.packbits(values, bitorder="little"))])


def lists(elements: NDArray[np.int64], ends: NDArray[np.int64], of: pa.DataType) -> pa.Array:
    """A column of lists that is NULL where empty; `ends` says where each row's list ends among the elements."""
    offsets = np.concatenate([[0], ends]).astype(np.int32)
    filled = np.diff(offsets) > 0
    if not filled.any():
        return nulls(len(ends), of)
    bits = validity(filled)
    return pa.Array.from_buffers(of, len(ends), [bits, pa.py_buffer(offsets)], children=[numbers(elements, of.value_type)])


def masked_booleans(values: NDArray[np.bool_], valid: NDArray[np.bool_]) -> pa.Array:
    """A column of booleans that is NULL where not `valid`."""
    return pa.Array.from_buffers(pa.bool_(), len(values), [validity(valid), pa.py_buffer(np.packbits(values, bitorder="little"))])


def timestamps(unix_nano: NDArray[np.int64]) -> pa.Array:
    """Nanoseconds as `timestamp[us, UTC]`."""
    return numbers(unix_nano // 1000, pa.timestamp("us", "UTC"))


def enum_views(values: NDArray[np.int64], names: Sequence[str]) -> Views:
    """The name of each enum value, or its number as text where it has none; all are short enough to stand in the view."""
    known = (values >= 0) & (values < len(names))
    found = text_views(names, 0, 0)[0][np.where(known, values, 0)]
    if not known.all():
        found[~known] = text_views([str(value) for value in values[~known]], 0, 0)[0]
    return found


def generations(of: NDArray[np.int64], buffers: Buffers) -> pa.Array:
    """The column `semconv`."""
    return masked_strings(enum_views(of, _GENERATIONS), of > 0, buffers)


def text_views(texts: Sequence[str], buffer: int, offset: int) -> tuple[Views, bytes]:
    """Views of these texts, and the bytes that they point into: in that buffer, from that offset on."""
    data = [text.encode() for text in texts]
    records = np.zeros((len(data), 4), np.int32)
    for record, text in zip(records, data, strict=True):
        record[0] = len(text)
        if len(text) <= INLINE_BYTES:
            record[1:] = np.frombuffer(text.ljust(INLINE_BYTES, b"\0"), np.int32)
        else:
            record[1:] = int.from_bytes(text[:4], "little", signed=True), buffer, offset
        offset += len(text)
    return records.reshape(-1).view(np.complex128), b"".join(data)


def dates(
    time: NDArray[np.int64], accepted: NDArray[np.int64], given: NDArray[np.bool_], *, keep_dates: bool
) -> tuple[NDArray[np.int32], NDArray[np.bool_]]:
    """`dt` in days and `time_suspect`, by the rule in columns.py; `given`: the time is the record's own."""
    earliest = _YEAR_2000_NS if keep_dates else accepted - _EARLIEST_DAYS * DAY_NS
    plausible = (earliest <= time) & (time <= accepted + HOUR_NS)
    return (np.where(plausible, time, accepted) // DAY_NS).astype(np.int32), ~plausible | ~given
