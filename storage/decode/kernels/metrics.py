"""Kernels for metrics: a first pass that reads a slice of metrics into numbers, lists, places and tokens, a second that writes text.

Points of the five kinds differ in their field numbers only, so that one loop reads them all by a table of what each tag means. The
module is long because five kinds of points, exemplars and quantiles share its numbering of columns.
"""

# ruff: noqa: C901, PLR0912, PLR0917, PLR1714, SIM108, SIM109 - a kernel is a loop over a message's fields, by plain arguments and comparisons

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..compilation import Bytes, Int, inlined, kernel, part
from ..data_rules import NO_RECORDED_VALUE
from . import json_text
from .arrow import IN_WIRE
from .attributes import Sheet, put_text, put_written, write_attributes, write_object
from .envelopes import ITEM_AT, ITEM_END, SCOPE
from .ids import valid_id
from .keys import OF_NOTHING, Keys
from .texts import Texts, text_for
from .tokens import Scan, note_double, scan_own_attribute
from .wire import FULL, UNUSUAL, delimited, fixed64, signed32, skipped, varint

GAUGE, SUM, HISTOGRAM, EXPONENTIAL_HISTOGRAM, SUMMARY = range(5)
NO_DATA: Final = -1

METRIC_COLUMNS: Final = ("metadata", "metric_name", "description", "unit")
_METADATA, _NAME, _DESCRIPTION, _UNIT = range(4)
POINT_COLUMNS: Final = ("attributes", "exemplars", "quantiles")
_JSON, _EXEMPLARS, _QUANTILES = range(3)

FIRST, LAST, NAME_AT, NAME_LENGTH, DESCRIPTION_AT, DESCRIPTION_LENGTH, UNIT_AT, UNIT_LENGTH = range(8)
KIND, TEMPORALITY, MONOTONIC, METRIC_ITEM, DATA_AT, DATA_END = range(8, 14)
METRIC_PLACES: Final = 14

(METRIC, INDEX, TIME, START, FLAGS, VALUE_DOUBLE, VALUE_INT, COUNT, POINT_SUM, MIN, MAX, ZERO_COUNT, ZERO_THRESHOLD, SCALE) = range(14)
POSITIVE_OFFSET, NEGATIVE_OFFSET, SEEN, BUCKETS_END, BOUNDS_END, POSITIVE_END, NEGATIVE_END = range(14, 21)
"""Numbers of a point, doubles as their bits; SEEN has a bit for each that was on the wire, the lists' ends count from the slice's start."""
POINT_NUMBERS: Final = 21

FIRST_EXEMPLAR, LAST_EXEMPLAR, FIRST_QUANTILE, LAST_QUANTILE = range(2, 6)
POINT_PLACES: Final = 6
"""Places of a point, after FIRST and LAST."""

EXEMPLAR_TIME, VALUE_KIND, VALUE, TRACE_AT, TRACE_LENGTH, SPAN_AT, SPAN_LENGTH = range(2, 9)
EXEMPLAR_PLACES: Final = 9
"""Places of an exemplar, after FIRST and LAST; VALUE is an integer, or where a double lies."""
_IS_DOUBLE, _IS_INT = 1, 2

METRICS, POINTS, EXEMPLARS, QUANTILES, BUCKETS, BOUNDS, POSITIVE, NEGATIVE = range(8)
"""What `MetricRows.counts` counts."""

_ATTRIBUTE, _EXEMPLAR, _QUANTILE, _FLAGS, _SCALE = range(32, 37)
_BUCKETS, _BUCKET, _BOUNDS, _BOUND, _POSITIVE, _NEGATIVE = range(37, 43)
_SKIPPED: Final = 0
_COMMON: Final = {0x11: START, 0x19: TIME}
_NUMBER: Final = _COMMON | {0x3A: _ATTRIBUTE, 0x21: VALUE_DOUBLE, 0x31: VALUE_INT, 0x2A: _EXEMPLAR, 0x40: _FLAGS}
_MEANINGS: Final = (
    _NUMBER,
    _NUMBER,
    _COMMON
    | {0x4A: _ATTRIBUTE, 0x21: COUNT, 0x29: POINT_SUM, 0x32: _BUCKETS, 0x31: _BUCKET, 0x3A: _BOUNDS, 0x39: _BOUND}
    | {0x42: _EXEMPLAR, 0x50: _FLAGS, 0x59: MIN, 0x61: MAX},
    _COMMON
    | {0x0A: _ATTRIBUTE, 0x21: COUNT, 0x29: POINT_SUM, 0x30: _SCALE, 0x39: ZERO_COUNT, 0x42: _POSITIVE, 0x4A: _NEGATIVE}
    | {0x50: _FLAGS, 0x5A: _EXEMPLAR, 0x61: MIN, 0x69: MAX, 0x71: ZERO_THRESHOLD},
    _COMMON | {0x3A: _ATTRIBUTE, 0x21: COUNT, 0x29: POINT_SUM, 0x32: _QUANTILE, 0x40: _FLAGS},
)
_MEANING: Final = np.array([[meaning.get(tag, _SKIPPED) for tag in range(128)] for meaning in _MEANINGS], np.uint8)
"""By kind and tag (metrics.proto): a fixed64 or double for that number, or one of the others."""

_TIME_NAME: Final = np.frombuffer(b'{"time_unix_nano":', np.uint8)
_VALUE_NAME: Final = np.frombuffer(b',"value":', np.uint8)
_TRACE_NAME: Final = np.frombuffer(b',"trace_id":"', np.uint8)
_SPAN_NAME: Final = np.frombuffer(b',"span_id":"', np.uint8)
_ATTRIBUTES_NAME: Final = np.frombuffer(b',"attributes":', np.uint8)
_QUANTILE_NAME: Final = np.frombuffer(b'{"quantile":', np.uint8)
_ZERO: Final = np.frombuffer(b"0.0", np.uint8)


class MetricRows(NamedTuple):
    """What the first pass makes of a slice of metrics; arrays are longer than filled.

    Attributes:
        counts: int64[8], by METRICS .. NEGATIVE.
        metrics: int64[metrics, METRIC_PLACES].
        numbers: int64[POINT_NUMBERS, points].
        places: int64[points, POINT_PLACES].
        exemplars: int64[exemplars, EXEMPLAR_PLACES].
        quantiles: int64[quantiles, 2], where quantile and value lie, 0 where absent.
        lists: int64[4, elements], the elements of all bucket_counts, explicit_bounds, positive and negative bucket_counts.
    """

    counts: NDArray[np.int64]
    metrics: NDArray[np.int64]
    numbers: NDArray[np.int64]
    places: NDArray[np.int64]
    exemplars: NDArray[np.int64]
    quantiles: NDArray[np.int64]
    lists: NDArray[np.int64]


def new_metric_rows(metrics: int, others: int) -> MetricRows:
    """Room for that many metrics, and for so many points, exemplars and quantiles; four times as many elements of lists."""
    return MetricRows(
        counts=np.zeros(8, np.int64),
        metrics=np.zeros((metrics, METRIC_PLACES), np.int64),
        numbers=np.empty((POINT_NUMBERS, others), np.int64),
        places=np.empty((others, POINT_PLACES), np.int64),
        exemplars=np.empty((others, EXEMPLAR_PLACES), np.int64),
        quantiles=np.empty((others, 2), np.int64),
        lists=np.empty((4, 4 * others), np.int64),
    )


@kernel
def scan_metrics(
    wire: Bytes,
    items: NDArray[np.int64],
    payload_of_scope: NDArray[np.int64],
    days: NDArray[np.int64],
    unusual: NDArray[np.uint8],
    refused: NDArray[np.uint8],
    progress: NDArray[np.int64],
    keys: Keys,
    scan: Scan,
    rows: MetricRows,
) -> Int:
    """Read the metrics at `items`; flags payloads with unusual or refused ones; counts on in `progress` (see Batch.points); 0 or FULL."""
    for i in range(len(items)):
        payload = payload_of_scope[items[i, SCOPE]]
        if progress[0] != payload:
            progress[0] = payload
            progress[1] = 0
        rows.metrics[i, METRIC_ITEM] = i
        rows.counts[METRICS] = i + 1
        status = _scan_metric(wire, items[i, ITEM_AT], items[i, ITEM_END], i, payload, days[payload], keys, scan, rows)
        if status == 0 and rows.metrics[i, KIND] != NO_DATA:
            status = _scan_points(wire, i, payload, days[payload], refused, progress, keys, scan, rows)
        if status == FULL:
            return FULL
        if status < 0:
            unusual[payload] = 1
    return 0


@part
def _scan_metric(wire: Bytes, at: Int, end: Int, row: Int, payload: Int, day: Int, keys: Keys, scan: Scan, rows: MetricRows) -> Int:
    place = rows.metrics[row]
    place[KIND] = NO_DATA
    while at < end:
        tag, at = varint(wire, at, end)
        if at < 0:
            return UNUSUAL
        if tag & 7 != 2:
            at = skipped(wire, at, end, tag & 7)
            if at < 0:
                return UNUSUAL
            continue
        start, at = delimited(wire, at, end)
        if at < 0:
            return UNUSUAL
        status = np.int64(0)
        if tag == 0x62:
            status = scan_own_attribute(wire, start, at, place, FIRST, keys, scan, payload, day)
        elif tag == 0x0A or tag == 0x12 or tag == 0x1A:
            column = NAME_AT if tag == 0x0A else DESCRIPTION_AT if tag == 0x12 else UNIT_AT
            place[column] = start
            place[column + 1] = at - start
        elif tag == 0x2A or tag == 0x3A or tag == 0x4A or tag == 0x52 or tag == 0x5A:
            kind = GAUGE if tag == 0x2A else SUM if tag == 0x3A else HISTOGRAM if tag == 0x4A else SUMMARY
            status = _scan_data(wire, start, at, EXPONENTIAL_HISTOGRAM if tag == 0x52 else kind, place)
        if status < 0:
            return status
    return 0


@part
def _scan_data(wire: Bytes, at: Int, end: Int, kind: Int, place: NDArray[np.int64]) -> Int:
    """What holds for all points of a metric, which may stand behind them."""
    if place[KIND] != NO_DATA:
        return UNUSUAL
    place[KIND] = kind
    place[DATA_AT] = at
    place[DATA_END] = end
    while at < end:
        tag, at = varint(wire, at, end)
        if at >= 0 and (tag == 0x10 or tag == 0x18):
            value, at = varint(wire, at, end)
            if tag == 0x10:
                place[TEMPORALITY] = signed32(value)
            else:
                place[MONOTONIC] = value != 0
        elif at >= 0:
            at = skipped(wire, at, end, tag & 7)
        if at < 0:
            return UNUSUAL
    return 0


@inlined
def _scan_points(
    wire: Bytes,
    metric: Int,
    payload: Int,
    day: Int,
    refused: NDArray[np.uint8],
    progress: NDArray[np.int64],
    keys: Keys,
    scan: Scan,
    rows: MetricRows,
) -> Int:
    at, end = rows.metrics[metric, DATA_AT], rows.metrics[metric, DATA_END]
    while at < end:
        tag, at = varint(wire, at, end)
        if tag != 0x0A:
            at = skipped(wire, at, end, tag & 7)
            continue
        start, at = delimited(wire, at, end)
        row = rows.counts[POINTS]
        if row >= len(rows.places):
            return FULL
        rows.numbers[:, row] = 0
        rows.places[row, :] = 0
        status = _scan_point(wire, start, at, metric, payload, day, keys, scan, rows)
        if status < 0:
            return status
        valid = _is_valid(rows, metric, row)
        if not valid or rows.numbers[FLAGS, row] & NO_RECORDED_VALUE:
            _forget_lists(rows, row)
        _end_lists(rows, row)
        rows.numbers[METRIC, row] = metric
        rows.numbers[INDEX, row] = progress[1]
        progress[1] += 1
        if valid:
            rows.counts[POINTS] = row + 1
        else:
            refused[payload] = 1
    return 0


@inlined
def _list_begin(rows: MetricRows, of: Int, row: Int) -> Int:
    """Where a point's list begins: where the one of the point before ends."""
    return rows.numbers[BUCKETS_END + of, row - 1] if row > 0 else np.int64(0)


@inlined
def _forget_lists(rows: MetricRows, row: Int) -> None:
    for of in range(4):
        rows.counts[BUCKETS + of] = _list_begin(rows, of, row)


@inlined
def _end_lists(rows: MetricRows, row: Int) -> None:
    for of in range(4):
        rows.numbers[BUCKETS_END + of, row] = rows.counts[BUCKETS + of]


@inlined
def _is_valid(rows: MetricRows, metric: Int, row: Int) -> bool:
    """The data rules, see data_rules.py."""
    numbers, kind = rows.numbers, rows.metrics[metric, KIND]
    if numbers[TIME, row] <= 0 or numbers[COUNT, row] < 0 or numbers[ZERO_COUNT, row] < 0:
        return False
    if kind != GAUGE and kind != SUMMARY and rows.metrics[metric, TEMPORALITY] != 1 and rows.metrics[metric, TEMPORALITY] != 2:
        return False
    if kind == GAUGE or kind == SUM:
        return bool(numbers[SEEN, row] & (1 << VALUE_DOUBLE | 1 << VALUE_INT) or numbers[FLAGS, row] & NO_RECORDED_VALUE)
    for of in range(4):
        if of != BOUNDS - BUCKETS:
            for i in range(_list_begin(rows, of, row), rows.counts[BUCKETS + of]):
                if rows.lists[of, i] < 0:
                    return False
    buckets = rows.counts[BUCKETS] - _list_begin(rows, 0, row)
    bounds = rows.counts[BOUNDS] - _list_begin(rows, 1, row)
    return bool(buckets == 0 or buckets == bounds + 1)


@inlined
def _scan_point(wire: Bytes, at: Int, end: Int, metric: Int, payload: Int, day: Int, keys: Keys, scan: Scan, rows: MetricRows) -> Int:
    row, kind = rows.counts[POINTS], rows.metrics[metric, KIND]
    numbers, place = rows.numbers, rows.places[row]
    place[FIRST_EXEMPLAR] = rows.counts[EXEMPLARS]
    place[FIRST_QUANTILE] = rows.counts[QUANTILES]
    while at < end:
        tag, at = varint(wire, at, end)
        if at < 0:
            return UNUSUAL
        meaning = np.int64(_MEANING[kind, tag]) if 0 <= tag < 128 else np.int64(_SKIPPED)
        status = np.int64(0)
        if meaning == _SKIPPED:
            at = skipped(wire, at, end, tag & 7)
        elif meaning == _ATTRIBUTE or meaning == _EXEMPLAR or meaning == _QUANTILE:
            start, at = delimited(wire, at, end)
            if at < 0:
                return UNUSUAL
            if meaning == _ATTRIBUTE:
                status = scan_own_attribute(wire, start, at, place, FIRST, keys, scan, payload, day)
            elif meaning == _EXEMPLAR:
                status = _scan_exemplar(wire, start, at, payload, day, keys, scan, rows)
            else:
                status = _scan_quantile(wire, start, at, scan, rows)
        elif meaning < _ATTRIBUTE:
            value, at = fixed64(wire, at, end)
            numbers[meaning, row] = value
            numbers[SEEN, row] |= 1 << meaning
            if meaning == VALUE_DOUBLE or meaning == VALUE_INT:
                numbers[SEEN, row] &= ~(1 << (VALUE_DOUBLE + VALUE_INT - meaning))
        elif meaning == _FLAGS or meaning == _SCALE:
            value, at = varint(wire, at, end)
            numbers[FLAGS if meaning == _FLAGS else SCALE, row] = value & 0xFFFFFFFF if meaning == _FLAGS else zigzag32(value)
        else:
            status, at = _scan_list(wire, meaning, at, end, row, rows)
        if status < 0:
            return status
        if at < 0:
            return UNUSUAL
    place[LAST_EXEMPLAR] = rows.counts[EXEMPLARS]
    place[LAST_QUANTILE] = rows.counts[QUANTILES]
    return 0


@part
def zigzag32(value: Int) -> Int:
    """A sint32 of its varint."""
    low = value & 0xFFFFFFFF
    return (low >> 1) ^ -(low & 1)


@part
def _scan_list(wire: Bytes, meaning: Int, at: Int, end: Int, row: Int, rows: MetricRows) -> tuple[Int, Int]:
    """Take elements of a list; gives 0, UNUSUAL or FULL, and where the field ends."""
    if meaning == _BUCKET or meaning == _BOUND:
        if end - at < 8:
            return np.int64(UNUSUAL), at
        return _append_fixed64s(wire, at, at + 8, BUCKETS if meaning == _BUCKET else BOUNDS, rows), at + 8
    start, at = delimited(wire, at, end)
    if at < 0:
        return np.int64(UNUSUAL), at
    if meaning == _BUCKETS or meaning == _BOUNDS:
        return _append_fixed64s(wire, start, at, BUCKETS if meaning == _BUCKETS else BOUNDS, rows), at
    side = POSITIVE if meaning == _POSITIVE else NEGATIVE
    offset = POSITIVE_OFFSET if meaning == _POSITIVE else NEGATIVE_OFFSET
    if rows.numbers[SEEN, row] & (1 << offset):
        return np.int64(UNUSUAL), at
    rows.numbers[SEEN, row] |= 1 << offset
    return _scan_buckets(wire, start, at, side, offset, row, rows), at


@part
def _append_fixed64s(wire: Bytes, at: Int, end: Int, of: Int, rows: MetricRows) -> Int:
    count = rows.counts[of]
    if (end - at) & 7:
        return np.int64(UNUSUAL)
    if count + (end - at) // 8 > rows.lists.shape[1]:
        return np.int64(FULL)
    while at < end:
        rows.lists[of - BUCKETS, count], at = fixed64(wire, at, end)
        count += 1
    rows.counts[of] = count
    return np.int64(0)


@part
def _scan_buckets(wire: Bytes, at: Int, end: Int, side: Int, offset: Int, row: Int, rows: MetricRows) -> Int:
    """Buckets of an exponential histogram: offset (1, sint32), bucket_counts (2, uint64, packed or not)."""
    while at < end:
        tag, at = varint(wire, at, end)
        if at < 0:
            return np.int64(UNUSUAL)
        if tag == 0x08:
            value, at = varint(wire, at, end)
            rows.numbers[offset, row] = zigzag32(value)
        elif tag == 0x10 or tag == 0x12:
            start, stop = (at, at + 1) if tag == 0x10 else delimited(wire, at, end)
            if stop < 0:
                return np.int64(UNUSUAL)
            inner_end = end if tag == 0x10 else stop
            at = start
            while at < stop:
                if rows.counts[side] >= rows.lists.shape[1]:
                    return np.int64(FULL)
                value, at = varint(wire, at, inner_end)
                if at < 0:
                    return np.int64(UNUSUAL)
                rows.lists[side - BUCKETS, rows.counts[side]] = value
                rows.counts[side] += 1
        else:
            at = skipped(wire, at, end, tag & 7)
        if at < 0:
            return np.int64(UNUSUAL)
    return np.int64(0)


@part
def _scan_exemplar(wire: Bytes, at: Int, end: Int, payload: Int, day: Int, keys: Keys, scan: Scan, rows: MetricRows) -> Int:
    """An Exemplar: time 2, as_double 3, span_id 4, trace_id 5, as_int 6, filtered_attributes 7."""
    row = rows.counts[EXEMPLARS]
    if row >= len(rows.exemplars):
        return np.int64(FULL)
    place = rows.exemplars[row]
    place[:] = 0
    while at < end:
        tag, at = varint(wire, at, end)
        if at < 0:
            return np.int64(UNUSUAL)
        status = np.int64(0)
        if tag == 0x11:
            place[EXEMPLAR_TIME], at = fixed64(wire, at, end)
        elif tag == 0x19:
            place[VALUE_KIND] = _IS_DOUBLE
            place[VALUE] = at
            _, at = fixed64(wire, at, end)
            status = note_double(wire, place[VALUE], scan) if at >= 0 else status
        elif tag == 0x31:
            place[VALUE_KIND] = _IS_INT
            place[VALUE], at = fixed64(wire, at, end)
        elif tag == 0x22 or tag == 0x2A or tag == 0x3A:
            start, at = delimited(wire, at, end)
            if at < 0:
                return np.int64(UNUSUAL)
            if tag == 0x3A:
                status = np.int64(scan_own_attribute(wire, start, at, place, FIRST, keys, scan, payload, day))
            else:
                column = SPAN_AT if tag == 0x22 else TRACE_AT
                place[column] = start
                place[column + 1] = at - start
        else:
            at = skipped(wire, at, end, tag & 7)
        if status < 0:
            return status
        if at < 0:
            return np.int64(UNUSUAL)
    rows.counts[EXEMPLARS] = row + 1
    return np.int64(0)


@part
def _scan_quantile(wire: Bytes, at: Int, end: Int, scan: Scan, rows: MetricRows) -> Int:
    """A ValueAtQuantile: quantile 1, value 2."""
    row = rows.counts[QUANTILES]
    if row >= len(rows.quantiles):
        return np.int64(FULL)
    rows.quantiles[row, :] = 0
    while at < end:
        tag, at = varint(wire, at, end)
        if at < 0:
            return np.int64(UNUSUAL)
        if tag == 0x09 or tag == 0x11:
            start = at
            _, at = fixed64(wire, at, end)
            if at < 0:
                return np.int64(UNUSUAL)
            rows.quantiles[row, 0 if tag == 0x09 else 1] = start
            if note_double(wire, start, scan) == FULL:
                return np.int64(FULL)
        else:
            at = skipped(wire, at, end, tag & 7)
        if at < 0:
            return np.int64(UNUSUAL)
    rows.counts[QUANTILES] = row + 1
    return np.int64(0)


@kernel
def write_metrics(wire: Bytes, keys: Keys, scan: Scan, rows: MetricRows, texts: Texts, metrics: Sheet, points: Sheet) -> Int:
    """Write the text columns of metrics and of points; gives how much of `out`, which both share, is written."""
    at = np.int64(0)
    for row in range(rows.counts[METRICS]):
        place = rows.metrics[row]
        at, _ = write_attributes(wire, scan, place[FIRST], place[LAST], OF_NOTHING, row, _METADATA, keys, texts, metrics, at)
        put_text(metrics, _NAME, row, wire, place[NAME_AT], place[NAME_LENGTH], IN_WIRE)
        if place[DESCRIPTION_LENGTH] > 0:
            put_text(metrics, _DESCRIPTION, row, wire, place[DESCRIPTION_AT], place[DESCRIPTION_LENGTH], IN_WIRE)
        if place[UNIT_LENGTH] > 0:
            put_text(metrics, _UNIT, row, wire, place[UNIT_AT], place[UNIT_LENGTH], IN_WIRE)
    for row in range(rows.counts[POINTS]):
        at = _write_point(wire, row, keys, scan, rows, texts, points, at)
    return at


@inlined
def _write_point(wire: Bytes, row: Int, keys: Keys, scan: Scan, rows: MetricRows, texts: Texts, sheet: Sheet, at: Int) -> Int:
    place = rows.places[row]
    at, _ = write_attributes(wire, scan, place[FIRST], place[LAST], OF_NOTHING, row, _JSON, keys, texts, sheet, at)
    if place[LAST_EXEMPLAR] > place[FIRST_EXEMPLAR]:
        start = at
        for i in range(place[FIRST_EXEMPLAR], place[LAST_EXEMPLAR]):
            sheet.out[at] = 91 if i == place[FIRST_EXEMPLAR] else 44
            at = _write_exemplar(wire, rows.exemplars[i], keys, scan, texts, sheet.out, at + 1)
        sheet.out[at] = 93
        at += 1
        put_written(sheet, _EXEMPLARS, row, start, at)
    if place[LAST_QUANTILE] > place[FIRST_QUANTILE] and rows.numbers[FLAGS, row] & NO_RECORDED_VALUE == 0:
        start = at
        for i in range(place[FIRST_QUANTILE], place[LAST_QUANTILE]):
            sheet.out[at] = 91 if i == place[FIRST_QUANTILE] else 44
            at = json_text.raw(_QUANTILE_NAME, 0, len(_QUANTILE_NAME), sheet.out, at + 1)
            at = _write_double(rows.quantiles[i, 0], texts, sheet.out, at)
            at = json_text.raw(_VALUE_NAME, 0, len(_VALUE_NAME), sheet.out, at)
            at = _write_double(rows.quantiles[i, 1], texts, sheet.out, at)
            sheet.out[at] = 125
            at += 1
        sheet.out[at] = 93
        at += 1
        put_written(sheet, _QUANTILES, row, start, at)
    return at


@part
def _write_double(place: Int, texts: Texts, out: Bytes, at: Int) -> Int:
    if place == 0:
        return json_text.raw(_ZERO, 0, len(_ZERO), out, at)
    text = text_for(texts, place)
    return json_text.raw(texts.bytes, texts.starts[text], texts.starts[text + 1] - texts.starts[text], out, at)


@part
def _write_exemplar(wire: Bytes, place: NDArray[np.int64], keys: Keys, scan: Scan, texts: Texts, out: Bytes, at: Int) -> Int:
    at = json_text.raw(_TIME_NAME, 0, len(_TIME_NAME), out, at)
    at = json_text.unsigned(np.uint64(place[EXEMPLAR_TIME]), out, at)
    if place[VALUE_KIND] != 0:
        at = json_text.raw(_VALUE_NAME, 0, len(_VALUE_NAME), out, at)
        if place[VALUE_KIND] == _IS_DOUBLE:
            at = _write_double(place[VALUE], texts, out, at)
        else:
            at = json_text.integer(place[VALUE], out, at)
    if valid_id(wire, place[TRACE_AT], place[TRACE_LENGTH], 16):
        at = json_text.raw(_TRACE_NAME, 0, len(_TRACE_NAME), out, at)
        at = json_text.hexadecimal(wire, place[TRACE_AT], place[TRACE_LENGTH], out, at)
        out[at] = 34
        at += 1
    if valid_id(wire, place[SPAN_AT], place[SPAN_LENGTH], 8):
        at = json_text.raw(_SPAN_NAME, 0, len(_SPAN_NAME), out, at)
        at = json_text.hexadecimal(wire, place[SPAN_AT], place[SPAN_LENGTH], out, at)
        out[at] = 34
        at += 1
    before = json_text.raw(_ATTRIBUTES_NAME, 0, len(_ATTRIBUTES_NAME), out, at)
    after = write_object(wire, scan, place[FIRST], place[LAST], keys, texts, out, before)
    at = after if after > before else at
    out[at] = 125
    return at + 1
