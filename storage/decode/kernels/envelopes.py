"""The way to the items, the same for all signals: which resource and scope each span, log record or metric belongs to, and where it lies.

All three requests have one shape: resources (1) of resource (1), scopes (2), schema_url (3); scopes of scope (1), items (2) and
schema_url (3).
"""

# ruff: noqa: PLR0917 - a kernel is a loop over a message's fields, by plain arguments and comparisons

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..compilation import Bytes, Int, kernel, part
from ..payloads import Payloads
from .wire import FULL, UNUSUAL, delimited, skipped, varint

MESSAGE_AT, MESSAGE_END, SCHEMA_AT, SCHEMA_LENGTH, PARENT = range(5)
"""Columns of resources and scopes: where the message lies (its end is 0 where there is none), its schema_url, the payload or resource."""
ITEM_AT, ITEM_END, SCOPE, ITEM_INDEX = range(4)
_WIDTH: Final = 5
_ITEMS, _SCOPES, _RESOURCES = range(3)
_BYTES_AN_ITEM: Final = 128


class Envelopes(NamedTuple):
    """Where everything lies.

    Attributes:
        items: int64[items, 4], by ITEM_AT .. ITEM_INDEX (position in its payload).
        scopes, resources: int64[.., 5], by MESSAGE_AT .. PARENT.
    """

    items: NDArray[np.int64]
    scopes: NDArray[np.int64]
    resources: NDArray[np.int64]


def envelopes_of(payloads: Payloads, unusual: NDArray[np.uint8]) -> Envelopes:
    """Walk all payloads; those in a form that kernels do not take are flagged in `unusual` and left out."""
    size = int((payloads.ends - payloads.starts).sum())
    capacity = size // _BYTES_AN_ITEM + 4 * len(payloads) + 16
    while True:
        found = Envelopes(
            np.empty((capacity, 4), np.int64),
            np.empty((capacity, _WIDTH), np.int64),
            np.empty((capacity, _WIDTH), np.int64),
        )
        counts = np.zeros(3, np.int64)
        if _walk(payloads.wire, payloads.starts, payloads.ends, unusual, found, counts) != FULL:
            return Envelopes(found.items[: counts[_ITEMS]], found.scopes[: counts[_SCOPES]], found.resources[: counts[_RESOURCES]])
        capacity *= 4


@kernel
def _walk(
    wire: Bytes,
    starts: NDArray[np.int64],
    ends: NDArray[np.int64],
    unusual: NDArray[np.uint8],
    found: Envelopes,
    counts: NDArray[np.int64],
) -> Int:
    for payload in range(len(starts)):
        items, scopes, resources = counts[_ITEMS], counts[_SCOPES], counts[_RESOURCES]
        status = _walk_request(wire, starts[payload], ends[payload], payload, found, counts)
        if status == FULL:
            return FULL
        if status < 0:
            unusual[payload] = 1
            counts[_ITEMS], counts[_SCOPES], counts[_RESOURCES] = items, scopes, resources
    return 0


@part
def _walk_request(wire: Bytes, at: Int, end: Int, payload: Int, found: Envelopes, counts: NDArray[np.int64]) -> Int:
    first = counts[_ITEMS]
    while at < end:
        tag, at = varint(wire, at, end)
        if at < 0:
            return UNUSUAL
        if tag == 0x0A:
            start, at = delimited(wire, at, end)
            if at < 0:
                return UNUSUAL
            status = _walk_resource(wire, start, at, payload, found, counts, first)
            if status < 0:
                return status
        else:
            at = skipped(wire, at, end, tag & 7)
            if at < 0:
                return UNUSUAL
    return 0


@part
def _begin(message: NDArray[np.int64], parent: Int) -> None:
    message[MESSAGE_AT] = 0
    message[MESSAGE_END] = 0
    message[SCHEMA_AT] = 0
    message[SCHEMA_LENGTH] = 0
    message[PARENT] = parent


@part
def _own_field(wire: Bytes, tag: Int, at: Int, end: Int, message: NDArray[np.int64]) -> Int:
    """Take the resource or scope message (1), its schema_url (3), or skip; gives where the field ends."""
    if tag == 0x0A:
        start, at = delimited(wire, at, end)
        if message[MESSAGE_AT] > 0:
            return np.int64(UNUSUAL)
        message[MESSAGE_AT] = start
        message[MESSAGE_END] = at
    elif tag == 0x1A:
        start, at = delimited(wire, at, end)
        message[SCHEMA_AT] = start
        message[SCHEMA_LENGTH] = at - start
    else:
        at = skipped(wire, at, end, tag & 7)
    return at


@part
def _walk_resource(wire: Bytes, at: Int, end: Int, payload: Int, found: Envelopes, counts: NDArray[np.int64], first: Int) -> Int:
    number = counts[_RESOURCES]
    if number >= len(found.resources):
        return FULL
    counts[_RESOURCES] = number + 1
    resource = found.resources[number]
    _begin(resource, payload)
    while at < end:
        tag, at = varint(wire, at, end)
        if at < 0:
            return UNUSUAL
        if tag == 0x12:
            start, at = delimited(wire, at, end)
            if at < 0:
                return UNUSUAL
            status = _walk_scope(wire, start, at, number, found, counts, first)
            if status < 0:
                return status
        else:
            at = _own_field(wire, tag, at, end, resource)
            if at < 0:
                return UNUSUAL
    return 0


@part
def _walk_scope(wire: Bytes, at: Int, end: Int, resource: Int, found: Envelopes, counts: NDArray[np.int64], first: Int) -> Int:
    number = counts[_SCOPES]
    if number >= len(found.scopes):
        return FULL
    counts[_SCOPES] = number + 1
    scope = found.scopes[number]
    _begin(scope, resource)
    while at < end:
        tag, at = varint(wire, at, end)
        if at < 0:
            return UNUSUAL
        if tag == 0x12:
            start, at = delimited(wire, at, end)
            count = counts[_ITEMS]
            if at < 0:
                return UNUSUAL
            if count >= len(found.items):
                return FULL
            item = found.items[count]
            item[ITEM_AT] = start
            item[ITEM_END] = at
            item[SCOPE] = number
            item[ITEM_INDEX] = count - first
            counts[_ITEMS] = count + 1
        else:
            at = _own_field(wire, tag, at, end, scope)
            if at < 0:
                return UNUSUAL
    return 0
