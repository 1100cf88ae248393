"""Kernels for spans: a first pass that reads a slice of spans into numbers, places and tokens, a second that writes their columns."""

# ruff: noqa: C901, PLR0911, PLR0912, PLR0917, PLR1714 - a kernel is a loop over a message's fields, by plain arguments and comparisons

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..compilation import Bytes, Int, inlined, kernel, part
from ..semconv import SPAN, SPAN_EVENT
from . import json_text
from .arrow import IN_WIRE
from .attributes import Sheet, put_text, put_written, write_attributes, write_object
from .envelopes import ITEM_AT, ITEM_END, ITEM_INDEX, SCOPE
from .ids import valid_id, write_id
from .keys import OF_EVENT, OF_SPAN, Keys
from .texts import Texts
from .tokens import TOKENS, Scan, begin_message, scan_attribute
from .wire import FULL, UNUSUAL, delimited, fixed32, fixed64, signed32, skipped, varint

REFUSED: Final = 1

START, END, FLAGS, KIND, STATUS, DROPPED, DROPPED_EVENTS, DROPPED_LINKS, EVENTS, OF_SCOPE, INDEX, GENERATION = range(12)
"""Numbers of a span."""
SPAN_NUMBERS: Final = 12
TIME, EVENT_DROPPED, EVENT_SPAN, EVENT_INDEX = range(4)
"""Numbers of a span event."""
EVENT_NUMBERS: Final = 4

FIRST, LAST, NAME_AT, NAME_LENGTH = range(4)
"""Places of a span and of a span event: its tokens, its name."""
TRACE_AT, TRACE_LENGTH, SPAN_AT, SPAN_LENGTH, STATE_AT, STATE_LENGTH = range(4, 10)
"""Of a span and of a link: stretches of the wire."""
PARENT_AT, PARENT_LENGTH, MESSAGE_AT, MESSAGE_LENGTH, FIRST_LINK, LAST_LINK = range(10, 16)
LINK_DROPPED, LINK_FLAGS = range(10, 12)
PLACES: Final = 16

SPAN_COLUMNS: Final = (
    *(p.column for p in SPAN),
    "attributes",
    "trace_id",
    "span_id",
    "parent_span_id",
    "trace_state",
    "name",
    "status_message",
    "links",
)
_JSON, _TRACE_ID, _SPAN_ID, _PARENT, _STATE, _NAME, _MESSAGE, _LINKS = range(len(SPAN), len(SPAN) + 8)
EVENT_COLUMNS: Final = (*(p.column for p in SPAN_EVENT), "attributes", "event_name")
_EVENT_JSON, _EVENT_NAME = range(len(SPAN_EVENT), len(SPAN_EVENT) + 2)

SPANS, SPAN_EVENTS, LINKS = range(3)

_LINK_TRACE_ID: Final = np.frombuffer(b'{"trace_id":"', np.uint8)
_LINK_SPAN_ID: Final = np.frombuffer(b'","span_id":"', np.uint8)
_LINK_STATE: Final = np.frombuffer(b',"trace_state":', np.uint8)
_LINK_ATTRIBUTES: Final = np.frombuffer(b',"attributes":', np.uint8)
_LINK_DROPPED: Final = np.frombuffer(b',"dropped_attributes_count":', np.uint8)
_LINK_FLAGS: Final = np.frombuffer(b',"flags":', np.uint8)


class SpanRows(NamedTuple):
    """What the first pass makes of a slice of spans; `counts` says how many rows of each are filled.

    Attributes:
        counts: int64[3], by SPANS, SPAN_EVENTS, LINKS.
        first: the row of the run that the slice begins with.
        numbers: int64[SPAN_NUMBERS, rows of the run].
        places: int64[rows, PLACES].
        event_numbers: int64[EVENT_NUMBERS, rows].
        event_places: int64[rows, 4].
        links: int64[rows, PLACES].
    """

    counts: NDArray[np.int64]
    first: int
    numbers: NDArray[np.int64]
    places: NDArray[np.int64]
    event_numbers: NDArray[np.int64]
    event_places: NDArray[np.int64]
    links: NDArray[np.int64]


def new_span_rows(numbers: NDArray[np.int64], first: int, spans: int, others: int) -> SpanRows:
    """Room for that many spans, events and links of a slice; `numbers` and `first` as `SpanRows` has them."""
    return SpanRows(
        counts=np.zeros(3, np.int64),
        first=first,
        numbers=numbers,
        places=np.empty((spans, PLACES), np.int64),
        event_numbers=np.empty((EVENT_NUMBERS, others), np.int64),
        event_places=np.empty((others, 4), np.int64),
        links=np.empty((others, PLACES), np.int64),
    )


@kernel
def scan_spans(
    wire: Bytes,
    items: NDArray[np.int64],
    payload_of_scope: NDArray[np.int64],
    days: NDArray[np.int64],
    unusual: NDArray[np.uint8],
    refused: NDArray[np.uint8],
    keys: Keys,
    scan: Scan,
    rows: SpanRows,
) -> Int:
    """Read the spans at `items`; flags payloads with unusual or refused ones; 0 or FULL."""
    for i in range(len(items)):
        payload = payload_of_scope[items[i, SCOPE]]
        spans, events, links = rows.counts[SPANS], rows.counts[SPAN_EVENTS], rows.counts[LINKS]
        row = rows.first + spans
        rows.numbers[:, row] = 0
        rows.places[spans, :] = 0
        rows.numbers[OF_SCOPE, row] = items[i, SCOPE]
        rows.numbers[INDEX, row] = items[i, ITEM_INDEX]
        status = _scan_span(wire, items[i, ITEM_AT], items[i, ITEM_END], row, payload, days[payload], keys, scan, rows)
        if status == FULL:
            return FULL
        if status == 0:
            rows.counts[SPANS] = spans + 1
            continue
        rows.counts[SPAN_EVENTS], rows.counts[LINKS] = events, links
        if status == REFUSED:
            refused[payload] = 1
        else:
            unusual[payload] = 1
    return 0


@inlined
def _scan_span(wire: Bytes, at: Int, end: Int, row: Int, payload: Int, day: Int, keys: Keys, scan: Scan, rows: SpanRows) -> Int:
    numbers, place = rows.numbers, rows.places[row - rows.first]
    events, links = rows.counts[SPAN_EVENTS], rows.counts[LINKS]
    place[FIRST] = begin_message(scan)
    place[LAST] = place[FIRST]
    place[FIRST_LINK] = links
    while at < end:
        tag, at = varint(wire, at, end)
        if at < 0:
            return UNUSUAL
        if tag == 0x4A or tag == 0x5A or tag == 0x6A:
            start, at = delimited(wire, at, end)
            if at < 0:
                return UNUSUAL
            if tag == 0x4A:
                if rows.counts[SPAN_EVENTS] > events or rows.counts[LINKS] > links:
                    return UNUSUAL
                status = scan_attribute(wire, start, at, keys, scan, payload, day)
                place[LAST] = scan.counts[TOKENS]
            elif tag == 0x5A:
                status = _scan_event(wire, start, at, row, rows.counts[SPAN_EVENTS] - events, payload, day, keys, scan, rows)
            else:
                status = _scan_link(wire, start, at, payload, day, keys, scan, rows)
            if status < 0:
                return status
        elif tag & 7 == 2:
            start, at = delimited(wire, at, end)
            if at < 0:
                return UNUSUAL
            if tag == 0x7A:
                if not _scan_status(wire, start, at, row, place, numbers):
                    return UNUSUAL
            else:
                column = _stretch_of_span(tag)
                if column >= 0:
                    place[column] = start
                    place[column + 1] = at - start
        else:
            at = _scan_span_number(wire, tag, at, end, row, numbers)
            if at < 0:
                return UNUSUAL
    place[LAST_LINK] = rows.counts[LINKS]
    numbers[EVENTS, row] = rows.counts[SPAN_EVENTS] - events
    valid = valid_id(wire, place[TRACE_AT], place[TRACE_LENGTH], 16) and valid_id(wire, place[SPAN_AT], place[SPAN_LENGTH], 8)
    return 0 if valid and numbers[START, row] >= 0 and numbers[END, row] >= 0 else REFUSED


@part
def _stretch_of_span(tag: Int) -> Int:
    if tag == 0x0A:
        return TRACE_AT
    if tag == 0x12:
        return SPAN_AT
    if tag == 0x1A:
        return STATE_AT
    if tag == 0x22:
        return PARENT_AT
    return NAME_AT if tag == 0x2A else -1


@part
def _scan_span_number(wire: Bytes, tag: Int, at: Int, end: Int, row: Int, numbers: NDArray[np.int64]) -> Int:
    if tag == 0x39 or tag == 0x41:
        value, at = fixed64(wire, at, end)
        numbers[START if tag == 0x39 else END, row] = value
    elif tag == 0x85:
        value, at = fixed32(wire, at, end)
        numbers[FLAGS, row] = value
    elif tag & 7 == 0:
        value, at = varint(wire, at, end)
        if tag == 0x30:
            numbers[KIND, row] = signed32(value)
        elif tag == 0x50:
            numbers[DROPPED, row] = value & 0xFFFFFFFF
        elif tag == 0x60:
            numbers[DROPPED_EVENTS, row] = value & 0xFFFFFFFF
        elif tag == 0x70:
            numbers[DROPPED_LINKS, row] = value & 0xFFFFFFFF
    else:
        at = skipped(wire, at, end, tag & 7)
    return at


@part
def _scan_status(wire: Bytes, at: Int, end: Int, row: Int, place: NDArray[np.int64], numbers: NDArray[np.int64]) -> bool:
    while at < end:
        tag, at = varint(wire, at, end)
        if at < 0:
            return False
        if tag == 0x12:
            start, at = delimited(wire, at, end)
            place[MESSAGE_AT] = start
            place[MESSAGE_LENGTH] = at - start
        elif tag == 0x18:
            value, at = varint(wire, at, end)
            numbers[STATUS, row] = signed32(value)
        else:
            at = skipped(wire, at, end, tag & 7)
        if at < 0:
            return False
    return True


@part
def _scan_event(
    wire: Bytes, at: Int, end: Int, span: Int, index: Int, payload: Int, day: Int, keys: Keys, scan: Scan, rows: SpanRows
) -> Int:
    row = rows.counts[SPAN_EVENTS]
    if row >= len(rows.event_places):
        return FULL
    numbers, place = rows.event_numbers, rows.event_places[row]
    numbers[:, row] = 0
    numbers[EVENT_SPAN, row] = span
    numbers[EVENT_INDEX, row] = index
    place[:] = 0
    place[FIRST] = begin_message(scan)
    while at < end:
        tag, at = varint(wire, at, end)
        if at < 0:
            return UNUSUAL
        if tag == 0x09:
            numbers[TIME, row], at = fixed64(wire, at, end)
        elif tag == 0x12:
            start, at = delimited(wire, at, end)
            place[NAME_AT] = start
            place[NAME_LENGTH] = at - start
        elif tag == 0x1A:
            start, at = delimited(wire, at, end)
            if at < 0:
                return UNUSUAL
            status = scan_attribute(wire, start, at, keys, scan, payload, day)
            if status < 0:
                return status
        elif tag == 0x20:
            value, at = varint(wire, at, end)
            numbers[EVENT_DROPPED, row] = value & 0xFFFFFFFF
        else:
            at = skipped(wire, at, end, tag & 7)
        if at < 0:
            return UNUSUAL
    place[LAST] = scan.counts[TOKENS]
    rows.counts[SPAN_EVENTS] = row + 1
    return 0


@part
def _scan_link(wire: Bytes, at: Int, end: Int, payload: Int, day: Int, keys: Keys, scan: Scan, rows: SpanRows) -> Int:
    row = rows.counts[LINKS]
    if row >= len(rows.links):
        return FULL
    place = rows.links[row]
    place[:] = 0
    place[FIRST] = begin_message(scan)
    while at < end:
        tag, at = varint(wire, at, end)
        if at < 0:
            return UNUSUAL
        if tag == 0x0A or tag == 0x12 or tag == 0x1A:
            column = TRACE_AT if tag == 0x0A else SPAN_AT if tag == 0x12 else STATE_AT
            start, at = delimited(wire, at, end)
            place[column] = start
            place[column + 1] = at - start
        elif tag == 0x22:
            start, at = delimited(wire, at, end)
            if at < 0:
                return UNUSUAL
            status = scan_attribute(wire, start, at, keys, scan, payload, day)
            if status < 0:
                return status
        elif tag == 0x28:
            value, at = varint(wire, at, end)
            place[LINK_DROPPED] = value & 0xFFFFFFFF
        elif tag == 0x35:
            place[LINK_FLAGS], at = fixed32(wire, at, end)
        else:
            at = skipped(wire, at, end, tag & 7)
        if at < 0:
            return UNUSUAL
    place[LAST] = scan.counts[TOKENS]
    rows.counts[LINKS] = row + 1
    return 0


@kernel
def write_spans(wire: Bytes, keys: Keys, scan: Scan, rows: SpanRows, texts: Texts, spans: Sheet, events: Sheet) -> Int:
    """Write the columns of the spans and events that were read; gives how much of `spans.out` is written (events have the same `out`)."""
    at = np.int64(0)
    for i in range(rows.counts[SPANS]):
        at = _write_span(wire, rows.places[i], rows.first + i, keys, scan, rows, texts, spans, at)
    for row in range(rows.counts[SPAN_EVENTS]):
        place = rows.event_places[row]
        at, _ = write_attributes(wire, scan, place[FIRST], place[LAST], OF_EVENT, row, _EVENT_JSON, keys, texts, events, at)
        put_text(events, _EVENT_NAME, row, wire, place[NAME_AT], place[NAME_LENGTH], IN_WIRE)
    return at


@inlined
def _write_span(
    wire: Bytes, place: NDArray[np.int64], row: Int, keys: Keys, scan: Scan, rows: SpanRows, texts: Texts, sheet: Sheet, at: Int
) -> Int:
    at = write_id(wire, place[TRACE_AT], place[TRACE_LENGTH], _TRACE_ID, row, sheet, at)
    at = write_id(wire, place[SPAN_AT], place[SPAN_LENGTH], _SPAN_ID, row, sheet, at)
    if valid_id(wire, place[PARENT_AT], place[PARENT_LENGTH], 8):
        at = write_id(wire, place[PARENT_AT], place[PARENT_LENGTH], _PARENT, row, sheet, at)
    put_text(sheet, _NAME, row, wire, place[NAME_AT], place[NAME_LENGTH], IN_WIRE)
    if place[STATE_LENGTH] > 0:
        put_text(sheet, _STATE, row, wire, place[STATE_AT], place[STATE_LENGTH], IN_WIRE)
    if place[MESSAGE_LENGTH] > 0:
        put_text(sheet, _MESSAGE, row, wire, place[MESSAGE_AT], place[MESSAGE_LENGTH], IN_WIRE)
    at, generation = write_attributes(wire, scan, place[FIRST], place[LAST], OF_SPAN, row, _JSON, keys, texts, sheet, at)
    rows.numbers[GENERATION, row] = generation
    if place[LAST_LINK] > place[FIRST_LINK]:
        start = at
        at = _write_links(wire, rows.links, place[FIRST_LINK], place[LAST_LINK], keys, scan, texts, sheet.out, at)
        put_written(sheet, _LINKS, row, start, at)
    return at


@part
def _write_links(
    wire: Bytes, links: NDArray[np.int64], first: Int, last: Int, keys: Keys, scan: Scan, texts: Texts, out: Bytes, at: Int
) -> Int:
    out[at] = 91
    at += 1
    for row in range(first, last):
        place = links[row]
        if row > first:
            out[at] = 44
            at += 1
        at = json_text.raw(_LINK_TRACE_ID, 0, len(_LINK_TRACE_ID), out, at)
        at = json_text.hexadecimal(wire, place[TRACE_AT], place[TRACE_LENGTH], out, at)
        at = json_text.raw(_LINK_SPAN_ID, 0, len(_LINK_SPAN_ID), out, at)
        at = json_text.hexadecimal(wire, place[SPAN_AT], place[SPAN_LENGTH], out, at)
        out[at] = 34
        at += 1
        if place[STATE_LENGTH] > 0:
            at = json_text.raw(_LINK_STATE, 0, len(_LINK_STATE), out, at)
            at = json_text.string(wire, place[STATE_AT], place[STATE_LENGTH], out, at)
        before = json_text.raw(_LINK_ATTRIBUTES, 0, len(_LINK_ATTRIBUTES), out, at)
        after = write_object(wire, scan, place[FIRST], place[LAST], keys, texts, out, before)
        at = after if after > before else at
        at = _write_link_number(_LINK_DROPPED, place[LINK_DROPPED], out, at)
        at = _write_link_number(_LINK_FLAGS, place[LINK_FLAGS], out, at)
        out[at] = 125
        at += 1
    out[at] = 93
    return at + 1


@part
def _write_link_number(name: Bytes, value: Int, out: Bytes, at: Int) -> Int:
    return at if value == 0 else json_text.integer(value, out, json_text.raw(name, 0, len(name), out, at))
