"""Kernels for log records: a first pass that reads a slice into numbers, places and tokens, a second that writes the columns."""

# ruff: noqa: PLR0917, PLR1714 - a kernel is a loop over a message's fields, by plain arguments and comparisons

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..compilation import Bytes, Int, inlined, kernel, part
from ..semconv import LOG
from . import json_text
from .arrow import IN_WIRE
from .attributes import Sheet, put_string, put_text, put_written, write_attributes, write_value
from .envelopes import ITEM_AT, ITEM_END, SCOPE
from .ids import valid_id, write_id
from .keys import OF_LOG, Keys
from .texts import Texts
from .tokens import BYTES, EMPTY, KEY, REDACTED, STRING, TOKENS, VALUE_LENGTH, Scan, any_value, begin_message, scan_attribute, scan_value
from .tokens import KIND as TOKEN_KIND
from .wire import FULL, UNUSUAL, delimited, fixed32, fixed64, signed32, skipped, varint

TIME, OBSERVED, SEVERITY, FLAGS, DROPPED, ITEM, GENERATION, BODY_KIND = range(8)
LOG_NUMBERS: Final = 8

FIRST, LAST, TRACE_AT, TRACE_LENGTH, SPAN_AT, SPAN_LENGTH, SEVERITY_AT, SEVERITY_LENGTH = range(8)
EVENT_AT, EVENT_LENGTH, BODY_AT, BODY_LENGTH = range(8, 12)
PLACES: Final = 12

LOG_COLUMNS: Final = (*(p.column for p in LOG), "attributes", "trace_id", "span_id", "severity_text", "event_name", "body")
_JSON, _TRACE_ID, _SPAN_ID, _SEVERITY_TEXT, _EVENT_NAME, _BODY = range(len(LOG), len(LOG) + 6)


class LogRows(NamedTuple):
    """What the first pass makes of a slice of records: a row each.

    Attributes:
        numbers: int64[LOG_NUMBERS, rows].
        places: int64[rows, PLACES].
    """

    numbers: NDArray[np.int64]
    places: NDArray[np.int64]


def new_log_rows(records: int) -> LogRows:
    """Room for that many records."""
    return LogRows(np.zeros((LOG_NUMBERS, records), np.int64), np.zeros((records, PLACES), np.int64))


@kernel
def scan_logs(
    wire: Bytes,
    items: NDArray[np.int64],
    payload_of_scope: NDArray[np.int64],
    days: NDArray[np.int64],
    unusual: NDArray[np.uint8],
    keys: Keys,
    scan: Scan,
    rows: LogRows,
) -> Int:
    """Read the records at `items`; flags payloads with unusual ones; 0 or FULL."""
    for row in range(len(items)):
        payload = payload_of_scope[items[row, SCOPE]]
        rows.numbers[ITEM, row] = row
        status = _scan_record(wire, items[row, ITEM_AT], items[row, ITEM_END], row, payload, days[payload], keys, scan, rows)
        if status == FULL:
            return FULL
        if status < 0:
            unusual[payload] = 1
    return 0


@inlined
def _scan_record(wire: Bytes, at: Int, end: Int, row: Int, payload: Int, day: Int, keys: Keys, scan: Scan, rows: LogRows) -> Int:
    place, numbers = rows.places[row], rows.numbers
    place[FIRST] = begin_message(scan)
    place[LAST] = place[FIRST]
    while at < end:
        tag, at = varint(wire, at, end)
        if at < 0:
            return UNUSUAL
        if tag == 0x32 or tag == 0x2A:
            start, at = delimited(wire, at, end)
            if at < 0:
                return UNUSUAL
            if tag == 0x32:
                status = scan_attribute(wire, start, at, keys, scan, payload, day)
                place[LAST] = scan.counts[TOKENS]
            else:
                status = _scan_body(wire, start, at, row, payload, day, keys, scan, rows)
            if status < 0:
                return status
        elif tag & 7 == 2:
            start, at = delimited(wire, at, end)
            column = _stretch(tag)
            if column >= 0:
                place[column] = start
                place[column + 1] = at - start
        else:
            at = _scan_number(wire, tag, at, end, row, numbers)
        if at < 0:
            return UNUSUAL
    return 0


@part
def _scan_body(wire: Bytes, at: Int, end: Int, row: Int, payload: Int, day: Int, keys: Keys, scan: Scan, rows: LogRows) -> Int:
    if rows.places[row, BODY_AT] > 0:
        return UNUSUAL
    kind, start, length = any_value(wire, at, end)
    if kind < 0:
        return UNUSUAL
    rows.places[row, BODY_AT] = start
    rows.places[row, BODY_LENGTH] = length
    rows.numbers[BODY_KIND, row] = kind
    return scan_value(wire, kind, start, length, 0, keys, scan, payload, day)


@part
def _stretch(tag: Int) -> Int:
    if tag == 0x1A:
        return SEVERITY_AT
    if tag == 0x4A:
        return TRACE_AT
    if tag == 0x52:
        return SPAN_AT
    return EVENT_AT if tag == 0x62 else -1


@part
def _scan_number(wire: Bytes, tag: Int, at: Int, end: Int, row: Int, numbers: NDArray[np.int64]) -> Int:
    if tag == 0x09 or tag == 0x59:
        value, at = fixed64(wire, at, end)
        numbers[TIME if tag == 0x09 else OBSERVED, row] = value
    elif tag == 0x45:
        value, at = fixed32(wire, at, end)
        numbers[FLAGS, row] = value
    elif tag & 7 == 0:
        value, at = varint(wire, at, end)
        if tag == 0x10:
            numbers[SEVERITY, row] = signed32(value)
        elif tag == 0x38:
            numbers[DROPPED, row] = value & 0xFFFFFFFF
    else:
        at = skipped(wire, at, end, tag & 7)
    return at


@kernel
def write_logs(wire: Bytes, keys: Keys, scan: Scan, rows: LogRows, texts: Texts, sheet: Sheet) -> Int:
    """Write the columns of the records that were read; gives how much of `sheet.out` is written."""
    at = np.int64(0)
    for row in range(len(rows.places)):
        at = _write_record(wire, row, keys, scan, rows, texts, sheet, at)
    return at


@inlined
def _write_record(wire: Bytes, row: Int, keys: Keys, scan: Scan, rows: LogRows, texts: Texts, sheet: Sheet, at: Int) -> Int:
    place = rows.places[row]
    if valid_id(wire, place[TRACE_AT], place[TRACE_LENGTH], 16):
        at = write_id(wire, place[TRACE_AT], place[TRACE_LENGTH], _TRACE_ID, row, sheet, at)
    if valid_id(wire, place[SPAN_AT], place[SPAN_LENGTH], 8):
        at = write_id(wire, place[SPAN_AT], place[SPAN_LENGTH], _SPAN_ID, row, sheet, at)
    if place[SEVERITY_LENGTH] > 0:
        put_text(sheet, _SEVERITY_TEXT, row, wire, place[SEVERITY_AT], place[SEVERITY_LENGTH], IN_WIRE)
    at = _write_event_name(wire, row, keys, scan, place, texts, sheet, at)
    at = _write_body(wire, row, rows.numbers[BODY_KIND, row], keys, place, texts, sheet, at)
    at, generation = write_attributes(wire, scan, place[FIRST], place[LAST], OF_LOG, row, _JSON, keys, texts, sheet, at)
    rows.numbers[GENERATION, row] = generation
    return at


@inlined
def _write_event_name(wire: Bytes, row: Int, keys: Keys, scan: Scan, place: NDArray[np.int64], texts: Texts, sheet: Sheet, at: Int) -> Int:
    """The field, else the attribute that older SDKs send."""
    if place[EVENT_LENGTH] > 0:
        put_text(sheet, _EVENT_NAME, row, wire, place[EVENT_AT], place[EVENT_LENGTH], IN_WIRE)
        return at
    for token in range(place[FIRST], place[LAST]):
        fields = scan.tokens[token]
        kind = fields[TOKEN_KIND]
        if fields[KEY] == keys.facts[1] and (kind == REDACTED or (kind == STRING and fields[VALUE_LENGTH] > 0)):
            at = put_string(wire, fields, _EVENT_NAME, row, texts, sheet, at)
    return at


@part
def _write_body(wire: Bytes, row: Int, kind: Int, keys: Keys, place: NDArray[np.int64], texts: Texts, sheet: Sheet, at: Int) -> Int:
    """A string as it is, bytes as base64, anything else as JSON text."""
    if kind == STRING:
        put_text(sheet, _BODY, row, wire, place[BODY_AT], place[BODY_LENGTH], IN_WIRE)
    elif kind != EMPTY:
        start = at
        if kind == BYTES:
            at = json_text.base64(wire, place[BODY_AT], place[BODY_LENGTH], sheet.out, at)
        else:
            at = write_value(wire, kind, place[BODY_AT], place[BODY_LENGTH], keys, texts, sheet.out, at)
        put_written(sheet, _BODY, row, start, at)
    return at
