"""Logs by kernels: slices of log records to the table `logs`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from . import logs as r
from .arrow import (
    Buffers,
    booleans,
    dates,
    enum_views,
    generations,
    masked_numbers,
    masked_strings,
    numbers,
    strings,
    table_of,
    timestamps,
)
from .attributes import Sheet, new_sheet, shorten
from .batches import Batch, cell_columns, size_of, slices
from .envelopes import ITEM_INDEX, SCOPE
from .origins import room
from .texts import texts_of
from .tokens import Scan

_BODY_TYPES: Final = ("", "string", "bool", "int", "double", "array", "kvlist", "bytes")
"""By kind of value, see tokens.py."""
_ORGANIZATION: Final = r.LOG_COLUMNS.index("organization_id")


def decode(batch: Batch) -> Iterator[tuple[str, pa.Table]]:
    """Decode the log records, slice by slice. Once a payload was found to be unusual the rest is only scanned: the batch is begun again."""
    for items in slices(batch.items):
        rows = _scan(batch, items)
        if not batch.unusual.any():
            yield "logs", _table(batch, items, rows)


def _table(batch: Batch, items: NDArray[np.int64], rows: r.LogRows) -> pa.Table:
    scan = batch.scanner.scan
    texts = texts_of(scan, batch.payloads, batch.rules)
    sheet = new_sheet(len(r.LOG_COLUMNS), len(items), batch.scratch(room(size_of(items), scan, texts, len(items))))
    buffers = batch.buffers(batch.text(r.write_logs(batch.payloads.wire, batch.keys, scan, rows, texts, sheet)))
    shorten(sheet)
    columns = _columns(batch, items, rows, sheet, buffers)
    return table_of("logs", len(items), {"row_id": batch.numbered("logs", len(items)), **columns})


def _scan(batch: Batch, items: NDArray[np.int64]) -> r.LogRows:
    rows = r.new_log_rows(0)

    def scanning(scan: Scan) -> int:
        nonlocal rows
        rows = r.new_log_rows(len(items))
        status: int = r.scan_logs(batch.payloads.wire, items, batch.origins.payload, batch.days, batch.unusual, batch.keys, scan, rows)
        return status

    batch.scanner.run(scanning)
    return rows


def _columns(batch: Batch, items: NDArray[np.int64], rows: r.LogRows, sheet: Sheet, buffers: Buffers) -> dict[str, pa.Array]:
    number, scope = rows.numbers, items[:, SCOPE]
    accepted = batch.accepted(scope)
    observed = number[r.OBSERVED]
    own = np.where(number[r.TIME] > 0, number[r.TIME], np.maximum(observed, 0))
    time = np.where(own > 0, own, accepted)
    days, suspect = dates(time, accepted, own > 0, keep_dates=batch.rules.keep_dates)
    body = number[r.BODY_KIND]
    integers = pa.int64()
    return (
        batch.origins.columns(scope, buffers)
        | cell_columns(r.LOG_COLUMNS, frozenset(), sheet, buffers)
        | {
            "item_index": numbers(items[:, ITEM_INDEX].astype(np.int32), pa.int32()),
            "dt": numbers(days, pa.date32()),
            "time_suspect": booleans(suspect),
            "organization_id": strings(batch.organizations(sheet, _ORGANIZATION, scope), None, buffers),
            "flags": numbers(number[r.FLAGS], integers),
            "timestamp": timestamps(time),
            "time_unix_nano": numbers(time, integers),
            "observed_time_unix_nano": masked_numbers(observed, integers, observed > 0),
            "severity_number": numbers(number[r.SEVERITY].astype(np.int32), pa.int32()),
            "body_type": masked_strings(enum_views(body, _BODY_TYPES), body > 0, buffers),
            "dropped_attributes_count": numbers(number[r.DROPPED], integers),
            "semconv": generations(number[r.GENERATION], buffers),
        }
    )
