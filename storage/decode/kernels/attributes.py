"""The second pass over attributes: promoted values to their columns, the rest to JSON; see semconv.py for the rules."""

# ruff: noqa: PLR0911, PLR0917, PLR1714, SIM109 - a kernel is a loop over a message's fields, by plain arguments and comparisons

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..compilation import Bytes, Int, inlined, part
from . import json_text
from .arrow import IN_OUT, IN_WIRE
from .keys import (
    ALWAYS_STAYS,
    DROP,
    NEW_NAME,
    OF_NOTHING,
    OF_RESOURCE,
    OLD_NAME,
    REDACT,
    RENAMED,
    STAYS_IF_UNKNOWN,
    TYPE_INT,
    TYPE_JSON,
    TYPE_STRING,
    Keys,
    key_id,
)
from .texts import AS_IT_IS, Texts, replaced, text_for
from .tokens import (
    ARRAY,
    BOOL,
    BYTES,
    DOUBLE,
    EMPTY,
    GONE,
    INT,
    KEY,
    KEY_AT,
    KEY_LENGTH,
    KIND,
    KVLIST,
    LIST_AT,
    LIST_END,
    LIST_KIND,
    NO_MEMBER,
    REDACTED,
    SECRECY,
    STRING,
    VALUE_AT,
    VALUE_LENGTH,
    Scan,
    any_value,
    entry,
    next_member,
)
from .wire import equal, hash_of, varint, view_of

NO_GENERATION, NEW, OLD, MIXED = range(4)
"""What `semconv` says of a row."""

_NULL: Final = np.frombuffer(b"null", np.uint8)
_TRUE: Final = np.frombuffer(b"true", np.uint8)
_FALSE: Final = np.frombuffer(b"false", np.uint8)
_BYTES: Final = np.frombuffer(b'{"$bytes":"', np.uint8)
_REDACTED: Final = np.frombuffer(b"[redacted]", np.uint8)
_UNKNOWN: Final = np.frombuffer(b"unknown", np.uint8)


class Sheet(NamedTuple):
    """The columns that a kernel writes for one relation.

    Attributes:
        cells: uint64[columns, rows, 2], a string view each, or an integer in the first; the columns in the order of their first values.
        places: int64[columns], where in `cells` each lies; -1: it has no value, as most have in most slices.
        begun: int64[1], how many have one.
        bits: uint8[columns, rows / 8], validity.
        out: where the kernel writes text.
        text: which of the buffers that views point into it becomes.
        best: int64[promoted columns, 3], scratch: of each column the best token, its rank, and how many tokens it has.
        touched: int64[promoted columns], scratch: the columns with a token.
    """

    cells: NDArray[np.uint64]
    places: NDArray[np.int64]
    begun: NDArray[np.int64]
    bits: NDArray[np.uint8]
    out: Bytes
    text: int
    best: NDArray[np.int64]
    touched: NDArray[np.int64]


def new_sheet(columns: int, rows: int, out: Bytes, text: int = IN_OUT, cells: NDArray[np.uint64] | None = None) -> Sheet:
    """An empty one: every cell NULL, whatever stands in `cells`."""
    return Sheet(
        cells=np.empty((columns, rows, 2), np.uint64) if cells is None else cells,
        places=np.full(columns, -1, np.int64),
        begun=np.zeros(1, np.int64),
        bits=np.zeros((columns, (rows + 7) // 8), np.uint8),
        out=out,
        text=text,
        best=np.zeros((columns, 3), np.int64),
        touched=np.zeros(columns, np.int64),
    )


def shorten(sheet: Sheet) -> None:
    """Give back the memory of cells that no column took."""
    _, rows, width = sheet.cells.shape
    sheet.cells.resize((int(sheet.begun[0]), rows, width), refcheck=False)


def cells_of(sheet: Sheet, column: int) -> NDArray[np.uint64]:
    """uint64[rows, 2], those of a column that has a value."""
    found: NDArray[np.uint64] = sheet.cells[sheet.places[column]]
    return found


@inlined
def put_text(sheet: Sheet, column: Int, row: Int, source: Bytes, at: Int, length: Int, buffer: Int) -> None:
    """Make a cell valid: a view of these bytes."""
    first, second = view_of(source, at, length, buffer)
    put(sheet, column, row, first, second)


@inlined
def put_written(sheet: Sheet, column: Int, row: Int, start: Int, end: Int) -> None:
    """Make a cell valid: a view of what was written to `sheet.out` between two places."""
    put_text(sheet, column, row, sheet.out, start, end - start, sheet.text)


@inlined
def put(sheet: Sheet, column: Int, row: Int, first: Int, second: Int) -> None:
    """Make a cell valid."""
    place = sheet.places[column]
    if place < 0:
        place = _begin(sheet, column)
    sheet.cells[place, row, 0] = first
    sheet.cells[place, row, 1] = second
    sheet.bits[column, row >> 3] |= np.uint8(1 << (row & 7))


@part
def _begin(sheet: Sheet, column: Int) -> Int:
    """Give a column its place, where every cell is NULL."""
    place = sheet.begun[0]
    sheet.begun[0] = place + 1
    sheet.places[column] = place
    for row in range(sheet.cells.shape[1]):
        sheet.cells[place, row, 0] = 0
        sheet.cells[place, row, 1] = 0
    return place


@inlined
def write_attributes(
    wire: Bytes,
    scan: Scan,
    first: Int,
    last: Int,
    context: Int,
    row: Int,
    json_column: Int,
    keys: Keys,
    texts: Texts,
    sheet: Sheet,
    at: Int,
) -> tuple[Int, Int]:
    """Write the tokens of a message; gives where `sheet.out` is written to, and the generation of the names."""
    generation = np.int64(NO_GENERATION)
    if context != OF_NOTHING:
        count, generation = _choose(scan, first, last, context, keys, sheet)
        for i in range(count):
            at = _promote(wire, scan, sheet.touched[i], context, row, generation, keys, texts, sheet, at)
    start = at
    at = write_object(wire, scan, first, last, keys, texts, sheet.out, at)
    if at > start:
        put_written(sheet, json_column, row, start, at)
    return at, generation


@inlined
def _choose(scan: Scan, first: Int, last: Int, context: Int, keys: Keys, sheet: Sheet) -> tuple[Int, Int]:
    """Of each promoted column the best of its tokens; gives how many columns there are, and the generation."""
    count = np.int64(0)
    generation = np.int64(NO_GENERATION)
    for token in range(first, last):
        fields = scan.tokens[token]
        key = np.int64(fields[KEY])
        if key < 0:
            continue
        column = np.int64(keys.column[context, key])
        if column < 0 or not _has_type(fields, keys.types[context, column], context):
            continue
        rank = np.int64(keys.rank[context, key])
        if keys.traits[context, column] & RENAMED:
            generation |= NEW if rank == NEW_NAME else OLD if rank == OLD_NAME else NO_GENERATION
        best = sheet.best[column]
        if best[2] == 0:
            sheet.touched[count] = column
            count += 1
        if best[2] == 0 or rank < best[1]:
            best[0] = token
            best[1] = rank
        best[2] += 1
    return count, generation


@inlined
def _has_type(fields: NDArray[np.int32], column_type: Int, context: Int) -> bool:
    kind = fields[KIND]
    if column_type == TYPE_STRING:
        given: bool = context != OF_RESOURCE or fields[VALUE_LENGTH] > 0
        return (kind == STRING and given) or bool(kind == REDACTED)
    if column_type == TYPE_INT:
        return bool(kind == INT)
    return bool(kind != EMPTY and kind != GONE)


@inlined
def _promote(
    wire: Bytes, scan: Scan, column: Int, context: Int, row: Int, generation: Int, keys: Keys, texts: Texts, sheet: Sheet, at: Int
) -> Int:
    """Write a promoted value, and take it out of the JSON unless it stays there."""
    best = sheet.best[column]
    token, rank, names = best[0], best[1], best[2]
    best[2] = 0
    fields = scan.tokens[token]
    traits = keys.traits[context, column]
    stays = names > 1 or rank > OLD_NAME or traits & ALWAYS_STAYS != 0
    if rank == OLD_NAME:
        stays = stays or generation == MIXED or context == OF_RESOURCE
    if traits & STAYS_IF_UNKNOWN and fields[KIND] == STRING and fields[VALUE_LENGTH] == len(_UNKNOWN):
        stays = stays or equal(wire, np.int64(fields[VALUE_AT]), _UNKNOWN, 0, len(_UNKNOWN))
    column_type = keys.types[context, column]
    if column_type == TYPE_INT:
        value, _ = varint(wire, np.int64(fields[VALUE_AT]), len(wire))
        put(sheet, column, row, np.uint64(value), np.uint64(0))
    elif column_type == TYPE_JSON:
        start = at
        at = write_value(
            wire, np.int64(fields[KIND]), np.int64(fields[VALUE_AT]), np.int64(fields[VALUE_LENGTH]), keys, texts, sheet.out, at
        )
        put_written(sheet, column, row, start, at)
    else:
        at = put_string(wire, fields, column, row, texts, sheet, at)
    if not stays:
        fields[KIND] = GONE
    return at


@inlined
def put_string(wire: Bytes, fields: NDArray[np.int32], column: Int, row: Int, texts: Texts, sheet: Sheet, at: Int) -> Int:
    """Write a token's string to a column: a view of the wire, or of the text that stands for it."""
    if fields[KIND] == REDACTED:
        put_text(sheet, column, row, _REDACTED, 0, len(_REDACTED), IN_WIRE)
        return at
    text = text_for(texts, np.int64(fields[VALUE_AT])) if fields[SECRECY] > 0 else np.int64(AS_IT_IS)
    if text == AS_IT_IS:
        put_text(sheet, column, row, wire, np.int64(fields[VALUE_AT]), np.int64(fields[VALUE_LENGTH]), IN_WIRE)
        return at
    start = at
    at = json_text.raw(texts.bytes, texts.starts[text], texts.starts[text + 1] - texts.starts[text], sheet.out, at)
    put_written(sheet, column, row, start, at)
    return at


@inlined
def write_object(wire: Bytes, scan: Scan, first: Int, last: Int, keys: Keys, texts: Texts, out: Bytes, at: Int) -> Int:
    """The tokens that are not GONE as a JSON object; nothing where there is none."""
    start = at
    for token in range(first, last):
        fields = scan.tokens[token]
        if fields[KIND] == GONE:
            continue
        out[at] = 123 if at == start else 44
        at = json_text.string(wire, np.int64(fields[KEY_AT]), np.int64(fields[KEY_LENGTH]), out, at + 1)
        out[at] = 58
        kind, place, length = np.int64(fields[KIND]), np.int64(fields[VALUE_AT]), np.int64(fields[VALUE_LENGTH])
        if kind == STRING and fields[SECRECY] == 0:
            at = json_text.string(wire, place, length, out, at + 1)
        elif kind == INT:
            value, _ = varint(wire, place, len(wire))
            at = json_text.integer(value, out, at + 1)
        else:
            at = write_value(wire, kind, place, length, keys, texts, out, at + 1)
    if at > start:
        out[at] = 125
        at += 1
    return at


@part
def write_value(wire: Bytes, kind: Int, start: Int, length: Int, keys: Keys, texts: Texts, out: Bytes, at: Int) -> Int:
    """JSON text of a value that the first pass has checked."""
    if kind != ARRAY and kind != KVLIST:
        return _write_plain(wire, kind, start, length, texts, out, at)
    depth = np.int64(0)
    at = _open_list(kind, start, length, texts.stack[depth], out, at)
    while depth >= 0:
        place = texts.stack[depth]
        value_at, value_end = next_member(wire, place)
        if value_end == NO_MEMBER:
            at = _close_list(place, out, at)
            depth -= 1
            continue
        hidden = np.int64(0)
        if place[LIST_KIND] == KVLIST:
            if replaced(texts, value_at):
                continue
            key_at, key_length, value_at, value_end = entry(wire, value_at, value_end)
            if keys.facts[0]:
                known = key_id(keys, hash_of(wire, key_at, key_length), wire, key_at, key_length)
                hidden = np.int64(keys.hidden[known]) if known >= 0 else np.int64(0)
            if hidden & DROP:
                continue
            at = json_text.string(wire, key_at, key_length, out, at)
            out[at] = 58
            at += 1
        kind, start, length = any_value(wire, value_at, value_end)
        if hidden & REDACT:
            kind = np.int64(REDACTED)
        if kind == ARRAY or kind == KVLIST:
            depth += 1
            at = _open_list(kind, start, length, texts.stack[depth], out, at)
        else:
            at = _write_plain(wire, kind, start, length, texts, out, at)
            out[at] = 44
            at += 1
    return at - 1


@part
def _open_list(kind: Int, start: Int, length: Int, place: NDArray[np.int64], out: Bytes, at: Int) -> Int:
    place[LIST_KIND] = kind
    place[LIST_AT] = start
    place[LIST_END] = start + length
    out[at] = 123 if kind == KVLIST else 91
    return at + 1


@part
def _close_list(place: NDArray[np.int64], out: Bytes, at: Int) -> Int:
    """Close a list, over the comma behind its last member, and put a comma behind."""
    if out[at - 1] == 44:
        at -= 1
    out[at] = 125 if place[LIST_KIND] == KVLIST else 93
    out[at + 1] = 44
    return at + 2


@part
def _write_plain(wire: Bytes, kind: Int, start: Int, length: Int, texts: Texts, out: Bytes, at: Int) -> Int:
    if kind == STRING:
        text = text_for(texts, start) if len(texts.substitutes) > 0 else np.int64(AS_IT_IS)
        if text == AS_IT_IS:
            return json_text.string(wire, start, length, out, at)
        return json_text.string(texts.bytes, texts.starts[text], texts.starts[text + 1] - texts.starts[text], out, at)
    if kind == INT:
        value, _ = varint(wire, start, len(wire))
        return json_text.integer(value, out, at)
    if kind == DOUBLE:
        text = text_for(texts, start)
        return json_text.raw(texts.bytes, texts.starts[text], texts.starts[text + 1] - texts.starts[text], out, at)
    if kind == BOOL:
        value, _ = varint(wire, start, len(wire))
        return json_text.raw(_TRUE, 0, 4, out, at) if value != 0 else json_text.raw(_FALSE, 0, 5, out, at)
    if kind == BYTES:
        at = json_text.base64(wire, start, length, out, json_text.raw(_BYTES, 0, len(_BYTES), out, at))
        out[at] = 34
        out[at + 1] = 125
        return at + 2
    if kind == REDACTED:
        return json_text.string(_REDACTED, 0, len(_REDACTED), out, at)
    return json_text.raw(_NULL, 0, 4, out, at)
