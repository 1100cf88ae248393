"""Metrics by kernels: slices of metrics to the table `metric_points`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ..data_rules import NO_RECORDED_VALUE
from . import metrics as m
from .arrow import (
    Buffers,
    booleans,
    dates,
    enum_views,
    lists,
    masked_booleans,
    masked_numbers,
    masked_strings,
    numbers,
    strings,
    table_of,
    text_views,
    timestamps,
    views,
)
from .attributes import Sheet, cells_of, new_sheet, shorten
from .batches import Batch, cell_columns, size_of, slices
from .envelopes import SCOPE
from .origins import room
from .texts import texts_of
from .tokens import Scan

_KINDS: Final = ("gauge", "sum", "histogram", "exponential_histogram", "summary")
_KIND_VIEWS, _KIND_TEXT = text_views(_KINDS, 0, 0)
_TEMPORALITIES: Final = ("", "delta", "cumulative")
_INT64, _DOUBLE = pa.int64(), pa.float64()


def decode(batch: Batch) -> Iterator[tuple[str, pa.Table]]:
    """Decode the metrics, slice by slice. Once a payload was found to be unusual the rest is only scanned: the batch is begun again."""
    for items in slices(batch.items):
        rows = _scan(batch, items)
        if not batch.unusual.any():
            yield "metric_points", _table(batch, items, rows)


def _table(batch: Batch, items: NDArray[np.int64], rows: m.MetricRows) -> pa.Table:
    scan = batch.scanner.scan
    texts = texts_of(scan, batch.payloads, batch.rules)
    points = int(rows.counts[m.POINTS])
    structures = len(items) + int(rows.counts[[m.POINTS, m.EXEMPLARS, m.QUANTILES]].sum())
    out = batch.scratch(room(size_of(items), scan, texts, structures))
    of_metrics, of_points = new_sheet(len(m.METRIC_COLUMNS), len(items), out), new_sheet(len(m.POINT_COLUMNS), points, out)
    buffers = batch.buffers(batch.text(m.write_metrics(batch.payloads.wire, batch.keys, scan, rows, texts, of_metrics, of_points)))
    shorten(of_points)
    columns = _columns(batch, items, rows, of_metrics, buffers) | cell_columns(m.POINT_COLUMNS, frozenset(), of_points, buffers)
    return table_of("metric_points", points, {"row_id": batch.numbered("metric_points", points), **columns})


def _scan(batch: Batch, items: NDArray[np.int64]) -> m.MetricRows:
    rows, progress = m.new_metric_rows(0, 0), batch.points

    def scanning(scan: Scan) -> int:
        nonlocal rows, progress
        rows, progress = m.new_metric_rows(len(items), len(scan.tokens) // 2), batch.points.copy()
        status: int = m.scan_metrics(
            batch.payloads.wire, items, batch.origins.payload, batch.days, batch.unusual, batch.refused, progress, batch.keys, scan, rows
        )
        return status

    batch.scanner.run(scanning)
    batch.points = progress
    return rows


def _columns(batch: Batch, items: NDArray[np.int64], rows: m.MetricRows, of_metrics: Sheet, buffers: Buffers) -> dict[str, pa.Array]:
    number = rows.numbers[:, : rows.counts[m.POINTS]]
    metric = number[m.METRIC]
    scope = items[metric, SCOPE]
    time, accepted = number[m.TIME], batch.accepted(scope)
    days, suspect = dates(time, accepted, time > 0, keep_dates=batch.rules.keep_dates)
    return (
        batch.origins.columns(scope, buffers)
        | _metric_columns(rows, metric, of_metrics, buffers)
        | _value_columns(rows, number, rows.metrics[metric, m.KIND])
        | {
            "item_index": numbers(number[m.INDEX].astype(np.int32), pa.int32()),
            "dt": numbers(days, pa.date32()),
            "time_suspect": booleans(suspect),
            "organization_id": strings(batch.origins.texts["organization_id"][0].take(scope), None, buffers),
            "start_time_unix_nano": masked_numbers(number[m.START], _INT64, number[m.START] > 0),
            "timestamp": timestamps(time),
            "time_unix_nano": numbers(time, _INT64),
            "flags": numbers(number[m.FLAGS], _INT64),
        }
    )


def _metric_columns(rows: m.MetricRows, metric: NDArray[np.int64], sheet: Sheet, buffers: Buffers) -> dict[str, pa.Array]:
    """What stands once a metric, repeated for its points."""
    valid = np.unpackbits(sheet.bits, axis=1, count=len(rows.metrics), bitorder="little").view(np.bool_)
    kind = rows.metrics[metric, m.KIND]
    temporality = rows.metrics[metric, m.TEMPORALITY]
    repeated = {
        name: masked_strings(views(cells_of(sheet, i)).take(metric), valid[i][metric], buffers)
        for i, name in enumerate(m.METRIC_COLUMNS)
        if sheet.places[i] >= 0
    }
    return repeated | {
        "metric_type": strings(_KIND_VIEWS[kind], None, (pa.py_buffer(_KIND_TEXT),)),
        "temporality": masked_strings(enum_views(temporality, _TEMPORALITIES), (kind != m.GAUGE) & (kind != m.SUMMARY), buffers),
        "is_monotonic": masked_booleans(rows.metrics[metric, m.MONOTONIC] != 0, kind == m.SUM),
    }


def _value_columns(rows: m.MetricRows, number: NDArray[np.int64], kind: NDArray[np.int64]) -> dict[str, pa.Array]:
    """The columns that are NULL with the flag NO_RECORDED_VALUE."""
    recorded = number[m.FLAGS] & NO_RECORDED_VALUE == 0
    exponential = recorded & (kind == m.EXPONENTIAL_HISTOGRAM)

    def seen(of: int) -> NDArray[np.bool_]:
        found: NDArray[np.bool_] = recorded & (number[m.SEEN] >> of & 1 == 1)
        return found

    def elements(of: int, ends: int, value: pa.DataType) -> pa.Array:
        return lists(rows.lists[of - m.BUCKETS, : rows.counts[of]], number[ends], pa.list_(value))

    return {
        "value_double": masked_numbers(number[m.VALUE_DOUBLE], _DOUBLE, seen(m.VALUE_DOUBLE)),
        "value_int": masked_numbers(number[m.VALUE_INT], _INT64, seen(m.VALUE_INT)),
        "count": masked_numbers(number[m.COUNT], _INT64, recorded & (kind >= m.HISTOGRAM)),
        "sum": masked_numbers(number[m.POINT_SUM], _DOUBLE, seen(m.POINT_SUM) | (recorded & (kind == m.SUMMARY))),
        "min": masked_numbers(number[m.MIN], _DOUBLE, seen(m.MIN)),
        "max": masked_numbers(number[m.MAX], _DOUBLE, seen(m.MAX)),
        "bucket_counts": elements(m.BUCKETS, m.BUCKETS_END, _INT64),
        "explicit_bounds": elements(m.BOUNDS, m.BOUNDS_END, _DOUBLE),
        "scale": masked_numbers(number[m.SCALE].astype(np.int32), pa.int32(), exponential),
        "zero_count": masked_numbers(number[m.ZERO_COUNT], _INT64, exponential),
        "zero_threshold": masked_numbers(number[m.ZERO_THRESHOLD], _DOUBLE, exponential),
        "positive_offset": masked_numbers(number[m.POSITIVE_OFFSET].astype(np.int32), pa.int32(), seen(m.POSITIVE_OFFSET)),
        "positive_bucket_counts": elements(m.POSITIVE, m.POSITIVE_END, _INT64),
        "negative_offset": masked_numbers(number[m.NEGATIVE_OFFSET].astype(np.int32), pa.int32(), seen(m.NEGATIVE_OFFSET)),
        "negative_bucket_counts": elements(m.NEGATIVE, m.NEGATIVE_END, _INT64),
    }
