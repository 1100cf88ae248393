"""The lookup table of attribute keys that mean something: promoted names, addresses, and the user's drop and redact rules.

Built from semconv.py and Rules once a set of rules; kernels ask it for the id of a key, and what that id means where they are.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..compilation import Bytes, Int, inlined, kernel
from ..payloads import Rules
from ..semconv import ADDRESS_KEYS, LOG, MAYBE_ADDRESS_KEYS, RESOURCE, SPAN, SPAN_EVENT, Promoted
from .wire import equal, hash_of

OF_RESOURCE, OF_SPAN, OF_EVENT, OF_LOG, OF_NOTHING = range(5)
"""Whose attributes they are; of scopes, links, metric points and exemplars nothing is promoted."""
PROMOTED: Final[tuple[tuple[Promoted, ...], ...]] = (RESOURCE, SPAN, SPAN_EVENT, LOG, ())

DROP, REDACT = 1, 2
MAYBE_ADDRESS, ADDRESS = 1, 2
TYPE_STRING, TYPE_INT, TYPE_JSON = range(3)
ALWAYS_STAYS, STAYS_IF_UNKNOWN, RENAMED = 1, 2, 4
NEW_NAME, OLD_NAME = 0, 1
UNKNOWN_KEY: Final = -1
EVENT_NAME_KEY: Final = "event.name"

_TYPES: Final = {"string": TYPE_STRING, "int": TYPE_INT, "json": TYPE_JSON}
_MOST_COLUMNS: Final = max(map(len, PROMOTED))


class Keys(NamedTuple):
    """The table, for kernels. K keys, C contexts (OF_RESOURCE ..), P promoted columns at most.

    Attributes:
        slots: int32[a power of two], key ids by hash, open addressing, UNKNOWN_KEY where free.
        hashes: uint64[K].
        text, starts, lengths: the keys' bytes.
        hidden: uint8[K], DROP | REDACT.
        secrecy: uint8[K], MAYBE_ADDRESS or ADDRESS.
        column: int16[C, K], the promoted column that a key belongs to, -1 for none.
        rank: int16[C, K], NEW_NAME, OLD_NAME, then the aliases.
        types: uint8[C, P], the column's type.
        traits: uint8[C, P], ALWAYS_STAYS | STAYS_IF_UNKNOWN | RENAMED.
        facts: int64[2]: whether any key is dropped or redacted; the id of `event.name`.
    """

    slots: NDArray[np.int32]
    hashes: NDArray[np.uint64]
    text: Bytes
    starts: NDArray[np.int64]
    lengths: NDArray[np.int64]
    hidden: NDArray[np.uint8]
    secrecy: NDArray[np.uint8]
    column: NDArray[np.int16]
    rank: NDArray[np.int16]
    types: NDArray[np.uint8]
    traits: NDArray[np.uint8]
    facts: NDArray[np.int64]


@inlined
def key_id(keys: Keys, word: Int, wire: Bytes, at: Int, length: Int) -> Int:
    """The id of a key whose hash is `word`, or UNKNOWN_KEY."""
    mask = len(keys.slots) - 1
    slot = np.int64(word & np.uint64(0x7FFFFFFF)) & mask
    while True:
        found = np.int64(keys.slots[slot])
        if found < 0:
            return found
        if keys.hashes[found] == word and keys.lengths[found] == length and equal(wire, at, keys.text, keys.starts[found], length):
            return found
        slot = (slot + 1) & mask


@kernel
def _hash_all(text: Bytes, starts: NDArray[np.int64], lengths: NDArray[np.int64], hashes: NDArray[np.uint64]) -> None:
    for i in range(len(starts)):
        hashes[i] = hash_of(text, starts[i], lengths[i])


def keys_of(rules: Rules) -> Keys:
    """The table for these rules."""
    return _keys(rules.drop_attributes, rules.redact_attributes)


@lru_cache(16)
def _keys(drop: frozenset[str], redact: frozenset[str]) -> Keys:
    names = sorted(_promoted_names() | ADDRESS_KEYS | MAYBE_ADDRESS_KEYS | drop | redact | {EVENT_NAME_KEY})
    encoded = [name.encode() for name in names]
    lengths = np.array([len(name) for name in encoded], np.int64)
    starts = np.concatenate([[0], np.cumsum(lengths)[:-1]]).astype(np.int64)
    text = np.frombuffer(b"".join(encoded), np.uint8)
    hashes = np.zeros(len(names), np.uint64)
    _hash_all(text, starts, lengths, hashes)
    column, rank, types, traits = _promotions({name: i for i, name in enumerate(names)})
    return Keys(
        slots=_slots(hashes),
        hashes=hashes,
        text=text,
        starts=starts,
        lengths=lengths,
        hidden=np.array([DROP * (name in drop) | REDACT * (name in redact) for name in names], np.uint8),
        secrecy=np.array([ADDRESS if name in ADDRESS_KEYS else MAYBE_ADDRESS * (name in MAYBE_ADDRESS_KEYS) for name in names], np.uint8),
        column=column,
        rank=rank,
        types=types,
        traits=traits,
        facts=np.array([bool(drop | redact), names.index(EVENT_NAME_KEY)], np.int64),
    )


def _names(promoted: Promoted) -> tuple[str, ...]:
    """The names by rank; without an old name nothing has its rank."""
    return (promoted.new, promoted.old or "", *promoted.aliases)


def _promoted_names() -> set[str]:
    return {name for context in PROMOTED for promoted in context for name in _names(promoted) if name}


def _slots(hashes: NDArray[np.uint64]) -> NDArray[np.int32]:
    size = 1 << (len(hashes) * 4).bit_length()
    slots = np.full(size, UNKNOWN_KEY, np.int32)
    for i, word in enumerate(hashes):
        slot = int(word) & 0x7FFFFFFF & (size - 1)
        while slots[slot] >= 0:
            slot = (slot + 1) & (size - 1)
        slots[slot] = i
    return slots


def _promotions(ids: dict[str, int]) -> tuple[NDArray[np.int16], NDArray[np.int16], NDArray[np.uint8], NDArray[np.uint8]]:
    column = np.full((len(PROMOTED), len(ids)), -1, np.int16)
    rank = np.zeros_like(column)
    types = np.zeros((len(PROMOTED), _MOST_COLUMNS), np.uint8)
    traits = np.zeros_like(types)
    for context, columns in enumerate(PROMOTED):
        for i, promoted in enumerate(columns):
            types[context, i] = _TYPES[promoted.type]
            traits[context, i] = _traits(promoted)
            for of_rank, name in enumerate(_names(promoted)):
                if name:
                    column[context, ids[name]], rank[context, ids[name]] = i, of_rank
    return column, rank, types, traits


def _traits(promoted: Promoted) -> int:
    stays = ALWAYS_STAYS * (promoted.new == "organization.id")
    default = STAYS_IF_UNKNOWN * (promoted.column in {"service_name", "environment"})
    return stays | default | RENAMED * (promoted.old is not None)
