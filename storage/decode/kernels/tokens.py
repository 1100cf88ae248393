"""The first pass over attributes: each becomes a token, so that the second pass need not walk the wire again.

Also gathered on the way, in the order of the wire: doubles (Arrow makes their text), addresses (Python hashes each distinct one) and
keys that occur twice in a nested list. Every byte that the second pass reads was checked here.
"""

# ruff: noqa: C901, PLR0911, PLR0917, PLR1714, SIM109 - a kernel is a loop over a message's fields, by plain arguments and comparisons

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..compilation import Bytes, Int, inlined, part
from .keys import ADDRESS, DROP, REDACT, UNKNOWN_KEY, Keys, key_id
from .wire import FULL, UNUSUAL, delimited, equal, fixed64, hash_of, skipped, varint

EMPTY, STRING, BOOL, INT, DOUBLE, ARRAY, KVLIST, BYTES, REDACTED, GONE = range(10)
"""What a token's value is. GONE: a later attribute has the same key, or the value went to a column."""

KEY_AT, KEY_LENGTH, KIND, VALUE_AT, VALUE_LENGTH, KEY, SECRECY = range(7)
TOKEN_WIDTH: Final = 8

TOKENS, SUBSTITUTES, DOUBLES, ADDRESSES, DUPLICATES, STAMP, MESSAGE_START, LIST_STAMP = range(8)
COUNTS: Final = 8

LIST_KIND, LIST_AT, LIST_END, LIST_SECRECY = range(4)
LIST_WIDTH: Final = 4
DEEPEST: Final = 104
"""Lists in lists; the protobuf runtime reads 100 messages deep. A stack of our own: Numba cannot cache recursion (its issue 6061)."""
NO_MEMBER: Final = -3


class Scan(NamedTuple):
    """What the first pass gathers of a slice; arrays are longer than filled.

    Attributes:
        counts: int64[COUNTS], by TOKENS .. LIST_STAMP.
        tokens: int32[:, TOKEN_WIDTH], by KEY_AT .. SECRECY.
        substitutes: int64[:, 2], values whose text comes from elsewhere: where the value lies, and its double (>= 0) or address (~index).
        doubles: int64[:], their bits.
        addresses: int64[:, 4], distinct ones: where, length, day of acceptance, payload << 2 | secrecy.
        address_slots: int32[a power of two], hash table of `addresses`, -1 where free.
        key_slots: int64[a power of two, 2], (stamp, token): the keys of the message being read.
        nested_slots: int64[a power of two, 4], (stamp, entry, key, length): the keys of the kvlist being read.
        duplicates: int64[:], entries of kvlists that a later one replaces.
        stack: int64[DEEPEST, LIST_WIDTH], scratch: the lists that are being read, by LIST_KIND .. LIST_SECRECY.
        list_of_keys: int64[LIST_WIDTH], scratch: the list whose keys are being read.
    """

    counts: NDArray[np.int64]
    tokens: NDArray[np.int32]
    substitutes: NDArray[np.int64]
    doubles: NDArray[np.int64]
    addresses: NDArray[np.int64]
    address_slots: NDArray[np.int32]
    key_slots: NDArray[np.int64]
    nested_slots: NDArray[np.int64]
    duplicates: NDArray[np.int64]
    stack: NDArray[np.int64]
    list_of_keys: NDArray[np.int64]


def new_scan(capacity: int, keys_a_list: int) -> Scan:
    """Room for that many tokens, a fair share of the rest, and so many keys in one list (few: the table then stays in the cache)."""
    address_slots = 1 << (capacity // 4).bit_length()
    key_slots = 1 << (2 * keys_a_list).bit_length()
    return Scan(
        counts=np.zeros(COUNTS, np.int64),
        tokens=np.empty((capacity, TOKEN_WIDTH), np.int32),
        substitutes=np.empty((capacity, 2), np.int64),
        doubles=np.empty(capacity, np.int64),
        addresses=np.empty((address_slots // 2, 4), np.int64),
        address_slots=np.full(address_slots, -1, np.int32),
        key_slots=np.zeros((key_slots, 2), np.int64),
        nested_slots=np.zeros((key_slots, 4), np.int64),
        duplicates=np.empty(capacity, np.int64),
        stack=np.empty((DEEPEST, LIST_WIDTH), np.int64),
        list_of_keys=np.empty(LIST_WIDTH, np.int64),
    )


def begin_slice(scan: Scan) -> None:
    """Empty it for the next slice; stamps go on, so that the tables of keys need no clearing."""
    if scan.counts[ADDRESSES]:
        scan.address_slots.fill(-1)
    stamps = scan.counts[STAMP], scan.counts[LIST_STAMP]
    scan.counts.fill(0)
    scan.counts[STAMP], scan.counts[LIST_STAMP] = stamps


@inlined
def begin_message(scan: Scan) -> Int:
    """Begin the attributes of another message; gives the number of its first token."""
    scan.counts[STAMP] += 1
    scan.counts[MESSAGE_START] = scan.counts[TOKENS]
    return scan.counts[TOKENS]


@inlined
def scan_own_attribute(
    wire: Bytes, at: Int, end: Int, place: NDArray[np.int64], first: Int, keys: Keys, scan: Scan, payload: Int, day: Int
) -> Int:
    """Append the token of a KeyValue to a message whose tokens are place[first] to place[first + 1]; others between them are UNUSUAL."""
    if place[first] == place[first + 1]:
        place[first] = begin_message(scan)
    elif place[first + 1] != scan.counts[TOKENS]:
        return UNUSUAL
    status = scan_attribute(wire, at, end, keys, scan, payload, day)
    place[first + 1] = scan.counts[TOKENS]
    return status


@part
def entry(wire: Bytes, at: Int, end: Int) -> tuple[Int, Int, Int, Int]:
    """Of a KeyValue: where its key begins, its length, where its value begins and ends (UNUSUAL: in parts)."""
    key_at, key_end, value_at, value_end = at, at, at, at
    seen = False
    while at < end:
        tag, at = varint(wire, at, end)
        if at < 0:
            return at, at, at, np.int64(UNUSUAL)
        if tag == 0x0A:
            key_at, key_end = delimited(wire, at, end)
            at = key_end
        elif tag == 0x12:
            value_at, value_end = delimited(wire, at, end)
            at = value_end
            if seen:
                at = np.int64(UNUSUAL)
            seen = True
        else:
            at = skipped(wire, at, end, tag & 7)
        if at < 0:
            return at, at, at, np.int64(UNUSUAL)
    return key_at, key_end - key_at, value_at, value_end


@part
def any_value(wire: Bytes, at: Int, end: Int) -> tuple[Int, Int, Int]:
    """Of an AnyValue: its kind (UNUSUAL: more than one field), where the content begins, its length (of a varint or double: none)."""
    if at >= end:
        return np.int64(EMPTY), at, np.int64(0)
    tag = wire[at]
    at += 1
    kind = np.int64(UNUSUAL)
    start, stop = at, np.int64(UNUSUAL)
    if tag == 0x0A or tag == 0x2A or tag == 0x32 or tag == 0x3A:
        kind = np.int64(STRING if tag == 0x0A else ARRAY if tag == 0x2A else KVLIST if tag == 0x32 else BYTES)
        start, stop = delimited(wire, at, end)
    elif tag == 0x10 or tag == 0x18 or tag == 0x40:
        kind = np.int64(BOOL if tag == 0x10 else INT if tag == 0x18 else EMPTY)
        _, stop = varint(wire, at, end)
    elif tag == 0x21:
        kind = np.int64(DOUBLE)
        _, stop = fixed64(wire, at, end)
    if stop != end:
        return np.int64(UNUSUAL), at, np.int64(0)
    return kind, start, stop - start


@inlined
def scan_attribute(wire: Bytes, at: Int, end: Int, keys: Keys, scan: Scan, payload: Int, day: Int) -> Int:
    """Append the token of a KeyValue; 0, UNUSUAL or FULL."""
    token = scan.counts[TOKENS]
    if token >= len(scan.tokens):
        return FULL
    key_at, key_length, value_at, value_end = entry(wire, at, end)
    if value_end < 0:
        return UNUSUAL
    kind, at, length = any_value(wire, value_at, value_end)
    if kind < 0:
        return UNUSUAL
    word = hash_of(wire, key_at, key_length)
    known = key_id(keys, word, wire, key_at, key_length)
    secrecy = np.int64(0)
    if known >= 0:
        secrecy = np.int64(keys.secrecy[known])
        if keys.hidden[known] & DROP:
            return 0
        if keys.hidden[known] & REDACT:
            kind = np.int64(REDACTED)
    fields = scan.tokens[token]
    fields[KEY_AT] = key_at
    fields[KEY_LENGTH] = key_length
    fields[KIND] = kind
    fields[VALUE_AT] = at
    fields[VALUE_LENGTH] = length
    fields[KEY] = known
    fields[SECRECY] = secrecy
    scan.counts[TOKENS] = token + 1
    if not _replace_equal_key(wire, scan, token, word):
        return FULL
    if kind == STRING:
        return _note_address(wire, at, length, secrecy, scan, payload, day) if secrecy > 0 and length > 0 else 0
    if kind == DOUBLE:
        return note_double(wire, at, scan)
    if kind != ARRAY and kind != KVLIST:
        return 0
    return scan_value(wire, kind, at, length, secrecy, keys, scan, payload, day)


@inlined
def _replace_equal_key(wire: Bytes, scan: Scan, token: Int, word: Int) -> bool:
    """Mark an earlier token of the message with the same key as GONE; False where the table is too small."""
    mask = len(scan.key_slots) - 1
    if 2 * (token - scan.counts[MESSAGE_START]) > mask:
        return False
    slot = np.int64(word & np.uint64(0x7FFFFFFF)) & mask
    while scan.key_slots[slot, 0] == scan.counts[STAMP]:
        earlier = scan.key_slots[slot, 1]
        length = np.int64(scan.tokens[token, KEY_LENGTH])
        if scan.tokens[earlier, KEY_LENGTH] == length and equal(
            wire, np.int64(scan.tokens[earlier, KEY_AT]), wire, np.int64(scan.tokens[token, KEY_AT]), length
        ):
            scan.tokens[earlier, KIND] = GONE
            break
        slot = (slot + 1) & mask
    scan.key_slots[slot, 0] = scan.counts[STAMP]
    scan.key_slots[slot, 1] = token
    return True


@part
def scan_value(wire: Bytes, kind: Int, at: Int, length: Int, secrecy: Int, keys: Keys, scan: Scan, payload: Int, day: Int) -> Int:
    """Check a value to its depth, and note what its text needs; 0, UNUSUAL or FULL."""
    if kind != ARRAY and kind != KVLIST:
        return _scan_plain(wire, kind, at, length, secrecy, scan, payload, day)
    depth = np.int64(0)
    status = _open_list(wire, kind, at, length, secrecy, depth, scan)
    while depth >= 0 and status >= 0:
        place = scan.stack[depth]
        if place[LIST_AT] >= place[LIST_END]:
            depth -= 1
            continue
        start, end = next_member(wire, place)
        if end == NO_MEMBER:
            continue
        below = place[LIST_SECRECY]
        if end >= 0 and place[LIST_KIND] == KVLIST:
            key_at, key_length, start, end = entry(wire, start, end)
            known = key_id(keys, hash_of(wire, key_at, key_length), wire, key_at, key_length) if end >= 0 else np.int64(UNKNOWN_KEY)
            if known >= 0:
                below = max(below, np.int64(keys.secrecy[known]))
        if end < 0:
            return UNUSUAL
        kind, at, length = any_value(wire, start, end)
        if kind < 0:
            return UNUSUAL
        if kind == ARRAY or kind == KVLIST:
            depth += 1
            status = _open_list(wire, kind, at, length, below, depth, scan)
        else:
            status = _scan_plain(wire, kind, at, length, below, scan, payload, day)
    return status


@part
def _scan_plain(wire: Bytes, kind: Int, at: Int, length: Int, secrecy: Int, scan: Scan, payload: Int, day: Int) -> Int:
    if kind == STRING and secrecy > 0 and length > 0:
        return _note_address(wire, at, length, secrecy, scan, payload, day)
    return note_double(wire, at, scan) if kind == DOUBLE else 0


@part
def _open_list(wire: Bytes, kind: Int, at: Int, length: Int, secrecy: Int, depth: Int, scan: Scan) -> Int:
    """Put an ArrayValue or KeyValueList on the stack; 0, UNUSUAL (deeper than the runtime reads) or FULL."""
    if depth >= len(scan.stack):
        return UNUSUAL
    place = scan.stack[depth]
    place[LIST_KIND] = kind
    place[LIST_AT] = at
    place[LIST_END] = at + length
    place[LIST_SECRECY] = secrecy
    return _note_duplicates(wire, at, at + length, scan) if kind == KVLIST else 0


@part
def next_member(wire: Bytes, place: NDArray[np.int64]) -> tuple[Int, Int]:
    """Where the next member of a list begins and ends (at NO_MEMBER or UNUSUAL); the list goes on behind it."""
    at, end = place[LIST_AT], place[LIST_END]
    while at < end:
        tag, at = varint(wire, at, end)
        if at < 0:
            return at, np.int64(UNUSUAL)
        if tag == 0x0A:
            start, stop = delimited(wire, at, end)
            place[LIST_AT] = stop if stop >= 0 else end
            return start, stop
        at = skipped(wire, at, end, tag & 7)
        if at < 0:
            return at, np.int64(UNUSUAL)
    place[LIST_AT] = end
    return end, np.int64(NO_MEMBER)


@part
def _note_duplicates(wire: Bytes, at: Int, end: Int, scan: Scan) -> Int:
    """Note the entries of a kvlist that a later entry with the same key replaces."""
    scan.counts[LIST_STAMP] += 1
    mask = len(scan.nested_slots) - 1
    entries = np.int64(0)
    place = scan.list_of_keys
    place[LIST_AT] = at
    place[LIST_END] = end
    while True:
        start, stop = next_member(wire, place)
        if stop == NO_MEMBER:
            return 0
        if stop < 0:
            return UNUSUAL
        key_at, key_length, _, value_end = entry(wire, start, stop)
        if value_end < 0:
            return UNUSUAL
        entries += 1
        if 2 * entries > mask or scan.counts[DUPLICATES] >= len(scan.duplicates):
            return FULL
        slot = np.int64(hash_of(wire, key_at, key_length) & np.uint64(0x7FFFFFFF)) & mask
        found = scan.nested_slots[slot]
        while found[0] == scan.counts[LIST_STAMP]:
            if found[3] == key_length and equal(wire, found[2], wire, key_at, key_length):
                scan.duplicates[scan.counts[DUPLICATES]] = found[1]
                scan.counts[DUPLICATES] += 1
                break
            slot = (slot + 1) & mask
            found = scan.nested_slots[slot]
        found[0] = scan.counts[LIST_STAMP]
        found[1] = start
        found[2] = key_at
        found[3] = key_length


@inlined
def _note(scan: Scan, at: Int, reference: Int) -> None:
    count = scan.counts[SUBSTITUTES]
    scan.substitutes[count, 0] = at
    scan.substitutes[count, 1] = reference
    scan.counts[SUBSTITUTES] = count + 1


@inlined
def note_double(wire: Bytes, at: Int, scan: Scan) -> Int:
    """Note a double whose text will be asked for; 0 or FULL."""
    count = scan.counts[DOUBLES]
    if scan.counts[SUBSTITUTES] >= len(scan.substitutes) or count >= len(scan.doubles):
        return FULL
    bits, _ = fixed64(wire, at, at + 8)
    scan.doubles[count] = bits
    scan.counts[DOUBLES] = count + 1
    _note(scan, at, count)
    return 0


@inlined
def _note_address(wire: Bytes, at: Int, length: Int, secrecy: Int, scan: Scan, payload: Int, day: Int) -> Int:
    """Note an address, distinct ones once: the same bytes on the same day of acceptance have the same hash."""
    count = scan.counts[ADDRESSES]
    if scan.counts[SUBSTITUTES] >= len(scan.substitutes) or count >= len(scan.addresses):
        return FULL
    mask = len(scan.address_slots) - 1
    word = hash_of(wire, at, length) ^ np.uint64(day * 31 + (secrecy == ADDRESS))
    slot = np.int64(word & np.uint64(0x7FFFFFFF)) & mask
    while scan.address_slots[slot] >= 0:
        found = np.int64(scan.address_slots[slot])
        known = scan.addresses[found]
        if known[1] == length and known[2] == day and known[3] & 3 == secrecy and equal(wire, known[0], wire, at, length):
            _note(scan, at, ~found)
            return 0
        slot = (slot + 1) & mask
    scan.address_slots[slot] = count
    known = scan.addresses[count]
    known[0] = at
    known[1] = length
    known[2] = day
    known[3] = payload << 2 | secrecy
    scan.counts[ADDRESSES] = count + 1
    _note(scan, at, ~count)
    return 0
