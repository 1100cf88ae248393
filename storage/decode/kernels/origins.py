"""Where items come from: resources and scopes decoded once each, then repeated for their items; also what is known of the payload."""

# ruff: noqa: C901, PLR0917, PLR1714 - a kernel is a loop over a message's fields, by plain arguments and comparisons

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ..compilation import Bytes, Int, inlined, kernel, part
from ..payloads import Payloads, Rules
from ..semconv import RESOURCE
from . import json_text
from .arrow import (
    DAY_NS,
    IN_HEAD,
    IN_NAMES,
    IN_WIRE,
    Buffers,
    Views,
    masked_strings,
    numbers,
    strings,
    text_views,
    timestamps,
    views,
)
from .attributes import Sheet, cells_of, new_sheet, put_text, put_written, shorten, write_attributes
from .envelopes import MESSAGE_AT, MESSAGE_END, PARENT, SCHEMA_AT, SCHEMA_LENGTH, Envelopes
from .keys import OF_NOTHING, OF_RESOURCE, Keys
from .texts import Texts, texts_of
from .tokens import TOKENS, Scan, begin_message, begin_slice, new_scan, scan_attribute
from .wire import FULL, INLINE_BYTES, UNUSUAL, delimited, skipped, varint

FIRST, LAST, DROPPED, NAME_AT, NAME_LENGTH, VERSION_AT, VERSION_LENGTH, REFS = range(8)
_PROMOTED: Final = tuple(p.column for p in RESOURCE)
_RESOURCE_COLUMNS: Final = (*_PROMOTED, "resource_attributes", "resource_entity_refs", "resource_schema_url")
_SCOPE_COLUMNS: Final = ("scope_attributes", "scope_name", "scope_version", "scope_schema_url")
_UNKNOWN: Final = text_views(["unknown"], 0, 0)[0]
JSON, SECOND, THIRD, FOURTH = range(4)
_AFTER_PROMOTED: Final = len(_PROMOTED)
_REFS: Final = (
    np.frombuffer(b'"schema_url":', np.uint8),
    np.frombuffer(b'"type":', np.uint8),
    np.frombuffer(b'"id_keys":', np.uint8),
    np.frombuffer(b'"description_keys":', np.uint8),
)


@dataclass(slots=True)
class Scanner:
    """Holds the arrays of a scan, and makes them longer when a kernel says that they are FULL."""

    capacity: int
    keys_a_list: int = 64
    scan: Scan = field(init=False)

    def __post_init__(self) -> None:
        self.scan = new_scan(self.capacity, self.keys_a_list)

    def run(self, scanning: Callable[[Scan], int]) -> None:
        """Run a first pass, again with longer arrays where it asks for them."""
        begin_slice(self.scan)
        while scanning(self.scan) == FULL:
            self.capacity *= 2
            self.keys_a_list *= 4
            self.scan = new_scan(self.capacity, self.keys_a_list)


def room(scanned_bytes: int, scan: Scan, texts: Texts, structures: int) -> int:
    """How many bytes the second pass writes at most.

    A byte of the wire becomes at most 8 bytes of text (an empty attribute whose key is redacted; an escaped control character makes
    6), a token has quotes and separators, a structure (span, link, exemplar ..) ids and names of members; a substitute is its text.
    """
    return 8 * scanned_bytes + 32 * int(scan.counts[TOKENS]) + 160 * structures + 8 * len(texts.substitutes) + _written(texts) + 64


def _written(texts: Texts) -> int:
    used = texts.substitutes[:, 1]
    used = used[used >= 0]
    return 2 * int((texts.starts[used + 1] - texts.starts[used]).sum())


@dataclass(frozen=True, slots=True)
class Origins:
    """The columns of the origin by scope, ready to be repeated for items.

    Attributes:
        payload: int64[scopes], which payload each scope is of.
        accepted: int64[payloads], when each was accepted.
        texts: views and validity of each string column, by scope.
        counts: int64 columns by scope.
        head, names: the buffers that views IN_HEAD and IN_NAMES point into.
    """

    payload: NDArray[np.int64]
    accepted: NDArray[np.int64]
    texts: dict[str, tuple[Views, NDArray[np.bool_]]]
    counts: dict[str, NDArray[np.int64]]
    head: pa.Buffer
    names: pa.Buffer

    def columns(self, scope: NDArray[np.int64], buffers: Buffers) -> dict[str, pa.Array]:
        """The columns for rows of these scopes."""
        found = {name: self._strings(of, valid, scope, buffers) for name, (of, valid) in self.texts.items()}
        found.update({name: numbers(values[scope], pa.int64()) for name, values in self.counts.items()})
        return found | {"ingested_at": timestamps(self.accepted[self.payload[scope]])}

    @staticmethod
    def _strings(of: Views, valid: NDArray[np.bool_], scope: NDArray[np.int64], buffers: Buffers) -> pa.Array:
        taken = of.take(scope)
        return strings(taken, None, buffers) if valid.all() else masked_strings(taken, valid[scope], buffers)


def origins_of(payloads: Payloads, rules: Rules, keys: Keys, envelopes: Envelopes, unusual: NDArray[np.uint8]) -> Origins:
    """Decode all resources and scopes; payloads with unusual ones are flagged."""
    payload_of_resource = envelopes.resources[:, PARENT].copy()
    payload = payload_of_resource[envelopes.scopes[:, PARENT]]
    resources = _decoded(payloads, rules, keys, envelopes.resources, payload_of_resource, unusual, of_resource=True)
    scopes = _decoded(payloads, rules, keys, envelopes.scopes, payload, unusual, of_resource=False)
    names, digests, tenants = _names(payloads)
    texts = {
        name: (of.take(envelopes.scopes[:, PARENT]), valid[envelopes.scopes[:, PARENT]]) for name, (of, valid) in resources.texts.items()
    }
    texts |= {name: (_moved(of, resources.written), valid) for name, (of, valid) in scopes.texts.items()}
    everywhere = np.ones(len(payload), np.bool_)
    organization, given = texts.pop("resource_organization_id")
    texts["organization_id"] = (np.where(given, organization, tenants[payload]), everywhere)
    for name in ("service_name", "environment"):
        of, given = texts[name]
        texts[name] = (np.where(given, of, _UNKNOWN), everywhere)
    texts["tenant_id"] = (tenants[payload], everywhere)
    texts["payload_digest"] = (digests[payload], everywhere)
    counts = {
        "resource_dropped_attributes_count": resources.dropped[envelopes.scopes[:, PARENT]],
        "scope_dropped_attributes_count": scopes.dropped,
    }
    head = pa.py_buffer(np.concatenate([resources.out, scopes.out]))
    return Origins(payload, payloads.accepted_unix_nano, texts, counts, head, pa.py_buffer(names))


@dataclass(frozen=True, slots=True)
class _Decoded:
    texts: dict[str, tuple[Views, NDArray[np.bool_]]]
    dropped: NDArray[np.int64]
    out: Bytes

    @property
    def written(self) -> int:
        return len(self.out)


def _decoded(
    payloads: Payloads,
    rules: Rules,
    keys: Keys,
    messages: NDArray[np.int64],
    payload: NDArray[np.int64],
    unusual: NDArray[np.uint8],
    *,
    of_resource: bool,
) -> _Decoded:
    places = np.zeros((len(messages), 8), np.int64)
    size = int((messages[:, MESSAGE_END] - messages[:, MESSAGE_AT]).sum())
    scanner = Scanner(size // 24 + 64)
    days = payloads.accepted_unix_nano // DAY_NS
    scanner.run(lambda scan: _scan_messages(payloads.wire, messages, payload, days, unusual, of_resource, keys, scan, places))
    texts = texts_of(scanner.scan, payloads, rules)
    names = _RESOURCE_COLUMNS if of_resource else _SCOPE_COLUMNS
    structures = int(places[:, REFS].sum()) + len(messages)
    sheet = new_sheet(len(names), len(messages), np.empty(room(size, scanner.scan, texts, structures), np.uint8), IN_HEAD)
    written = _write_messages(payloads.wire, messages, of_resource, keys, scanner.scan, places, texts, sheet)
    shorten(sheet)
    absent = np.zeros((len(messages), 2), np.uint64)
    valid = np.unpackbits(sheet.bits, axis=1, count=len(messages), bitorder="little").view(np.bool_)
    return _Decoded(
        {name: (views(cells_of(sheet, i) if sheet.places[i] >= 0 else absent), valid[i]) for i, name in enumerate(names)},
        places[:, DROPPED].copy(),
        sheet.out[:written].copy(),
    )


def _moved(of: Views, by: int) -> Views:
    """Views whose head moved behind another."""
    records = of.view(np.int32).reshape(-1, 4).copy()
    records[(records[:, 0] > INLINE_BYTES) & (records[:, 2] == IN_HEAD), 3] += by
    return records.reshape(-1).view(np.complex128)


def _names(payloads: Payloads) -> tuple[bytes, Views, Views]:
    """A buffer with all digests and tenants, the view of each payload's digest, and of its tenant."""
    digests, text = text_views([digest.hex() for digest in payloads.digests], IN_NAMES, 0)
    distinct = sorted(set(payloads.tenants))
    tenants, behind = text_views(distinct, IN_NAMES, len(text))
    numbers_of = {tenant: number for number, tenant in enumerate(distinct)}
    return text + behind, digests, tenants[[numbers_of[tenant] for tenant in payloads.tenants]]


@kernel
def _scan_messages(
    wire: Bytes,
    messages: NDArray[np.int64],
    payload: NDArray[np.int64],
    days: NDArray[np.int64],
    unusual: NDArray[np.uint8],
    of_resource: Int,
    keys: Keys,
    scan: Scan,
    places: NDArray[np.int64],
) -> Int:
    for i in range(len(messages)):
        place = places[i]
        place[:] = 0
        place[FIRST] = begin_message(scan)
        status = _scan_message(
            wire, messages[i, MESSAGE_AT], messages[i, MESSAGE_END], of_resource, keys, scan, payload[i], days[payload[i]], place
        )
        place[LAST] = scan.counts[TOKENS]
        if status == FULL:
            return FULL
        if status < 0:
            unusual[payload[i]] = 1
            place[:] = 0  # nothing was checked, so nothing may be written
    return 0


@inlined
def _scan_message(
    wire: Bytes, at: Int, end: Int, of_resource: Int, keys: Keys, scan: Scan, payload: Int, day: Int, place: NDArray[np.int64]
) -> Int:
    """A Resource (attributes 1, dropped 2, entity_refs 3) or scope (name 1, version 2, attributes 3, dropped 4)."""
    while at < end:
        tag, at = varint(wire, at, end)
        if at < 0:
            return UNUSUAL
        if tag == (0x0A if of_resource else 0x1A):
            start, at = delimited(wire, at, end)
            if at < 0:
                return UNUSUAL
            status = scan_attribute(wire, start, at, keys, scan, payload, day)
            if status < 0:
                return status
        elif tag == (0x10 if of_resource else 0x20):
            value, at = varint(wire, at, end)
            place[DROPPED] = value & 0xFFFFFFFF
        elif tag == 0x1A:
            start, at = delimited(wire, at, end)
            if at < 0 or not _plain_ref(wire, start, at):
                return UNUSUAL
            place[REFS] += 1
        elif not of_resource and (tag == 0x0A or tag == 0x12):
            start, at = delimited(wire, at, end)
            place[NAME_AT if tag == 0x0A else VERSION_AT] = start
            place[NAME_LENGTH if tag == 0x0A else VERSION_LENGTH] = at - start
        else:
            at = skipped(wire, at, end, tag & 7)
        if at < 0:
            return UNUSUAL
    return 0


@part
def _plain_ref(wire: Bytes, at: Int, end: Int) -> bool:
    while at < end:
        tag, at = varint(wire, at, end)
        if at < 0:
            return False
        at = skipped(wire, at, end, tag & 7)
        if at < 0:
            return False
    return True


@kernel
def _write_messages(
    wire: Bytes,
    messages: NDArray[np.int64],
    of_resource: Int,
    keys: Keys,
    scan: Scan,
    places: NDArray[np.int64],
    texts: Texts,
    sheet: Sheet,
) -> Int:
    at = np.int64(0)
    first = np.int64(_AFTER_PROMOTED if of_resource else 0)
    for i in range(len(messages)):
        place, message = places[i], messages[i]
        context = OF_RESOURCE if of_resource else OF_NOTHING
        at, _ = write_attributes(wire, scan, place[FIRST], place[LAST], context, i, first + JSON, keys, texts, sheet, at)
        if place[REFS] > 0:
            start = at
            at = _write_refs(wire, message[MESSAGE_AT], message[MESSAGE_END], sheet.out, at)
            put_written(sheet, first + SECOND, i, start, at)
        if place[NAME_LENGTH] > 0:
            put_text(sheet, first + SECOND, i, wire, place[NAME_AT], place[NAME_LENGTH], IN_WIRE)
        if place[VERSION_LENGTH] > 0:
            put_text(sheet, first + THIRD, i, wire, place[VERSION_AT], place[VERSION_LENGTH], IN_WIRE)
        if message[SCHEMA_LENGTH] > 0:
            schema = first + (THIRD if of_resource else FOURTH)
            put_text(sheet, schema, i, wire, message[SCHEMA_AT], message[SCHEMA_LENGTH], IN_WIRE)
    return at


@part
def _write_refs(wire: Bytes, place: Int, end: Int, out: Bytes, at: Int) -> Int:
    """The entity_refs of a Resource as a JSON array."""
    begin = at
    while place < end:
        tag, place = varint(wire, place, end)
        if tag != 0x1A:
            place = skipped(wire, place, end, tag & 7)
            continue
        start, place = delimited(wire, place, end)
        out[at] = 91 if at == begin else 44
        out[at + 1] = 123
        at += 2
        inside = at
        at = _write_ref_text(wire, start, place, 0x0A, inside, out, at)
        at = _write_ref_text(wire, start, place, 0x12, inside, out, at)
        at = _write_ref_keys(wire, start, place, 0x1A, inside, out, at)
        at = _write_ref_keys(wire, start, place, 0x22, inside, out, at)
        out[at] = 125
        at += 1
    out[at] = 93
    return at + 1


@part
def _write_ref_text(wire: Bytes, place: Int, end: Int, field_tag: Int, inside: Int, out: Bytes, at: Int) -> Int:
    """A string member, where it is not empty; the last of several counts."""
    start, stop = place, place
    while place < end:
        tag, place = varint(wire, place, end)
        if tag == field_tag:
            start, place = delimited(wire, place, end)
            stop = place
        else:
            place = skipped(wire, place, end, tag & 7)
    if stop == start:
        return at
    return json_text.string(wire, start, stop - start, out, _write_ref_name(field_tag, inside, out, at))


@part
def _write_ref_keys(wire: Bytes, place: Int, end: Int, field_tag: Int, inside: Int, out: Bytes, at: Int) -> Int:
    """A member that is an array of strings, where it is not empty."""
    found = False
    while place < end:
        tag, place = varint(wire, place, end)
        if tag != field_tag:
            place = skipped(wire, place, end, tag & 7)
            continue
        start, place = delimited(wire, place, end)
        if not found:
            at = _write_ref_name(field_tag, inside, out, at)
        out[at] = 44 if found else 91
        at = json_text.string(wire, start, place - start, out, at + 1)
        found = True
    if found:
        out[at] = 93
        at += 1
    return at


@part
def _write_ref_name(field_tag: Int, inside: Int, out: Bytes, at: Int) -> Int:
    if at > inside:
        out[at] = 44
        at += 1
    if field_tag == 0x0A:
        return json_text.raw(_REFS[0], 0, len(_REFS[0]), out, at)
    if field_tag == 0x12:
        return json_text.raw(_REFS[1], 0, len(_REFS[1]), out, at)
    if field_tag == 0x1A:
        return json_text.raw(_REFS[2], 0, len(_REFS[2]), out, at)
    return json_text.raw(_REFS[3], 0, len(_REFS[3]), out, at)
