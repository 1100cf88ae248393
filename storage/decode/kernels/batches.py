"""What the decoders of the three signals share: a batch of payloads with its origins, cut into slices of items."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ..payloads import Payloads, Rules
from .arrow import DAY_NS, Buffers, Views, numbers, strings, views
from .attributes import Sheet
from .envelopes import ITEM_AT, ITEM_END, Envelopes, envelopes_of
from .keys import Keys, keys_of
from .origins import Origins, Scanner, origins_of

SLICE_ITEMS: Final = 8192
SLICE_BYTES: Final = 8 << 20
"""A slice ends with whichever comes first: what it reads and writes then stays in the processor's cache."""
_BYTES_A_TOKEN: Final = 16


@dataclass(slots=True)
class Batch:
    """Payloads of one signal on their way through the kernels.

    Attributes:
        days: int64[payloads], the UTC day of acceptance.
        unusual: uint8[payloads], in a form that kernels do not take; found by any first pass.
        refused: uint8[payloads], with items that the data rules refuse.
        rows: how many rows of each relation were made so far.
        points: int64[2], the payload whose metrics were read last, and how many points it had so far.
    """

    payloads: Payloads
    rules: Rules
    keys: Keys
    envelopes: Envelopes
    origins: Origins
    days: NDArray[np.int64]
    unusual: NDArray[np.uint8]
    refused: NDArray[np.uint8]
    scanner: Scanner
    rows: dict[str, int] = field(default_factory=dict)
    points: NDArray[np.int64] = field(default_factory=lambda: np.array([-1, 0], np.int64))

    @classmethod
    def of(cls, payloads: Payloads, rules: Rules) -> Batch:
        """Find the items, and decode where they come from."""
        unusual = np.zeros(len(payloads), np.uint8)
        keys = keys_of(rules)
        envelopes = envelopes_of(payloads, unusual)
        origins = origins_of(payloads, rules, keys, envelopes, unusual)
        days = payloads.accepted_unix_nano // DAY_NS
        size = int((envelopes.items[:, ITEM_END] - envelopes.items[:, ITEM_AT])[:SLICE_ITEMS].sum())
        scanner = Scanner(min(size, SLICE_BYTES) // _BYTES_A_TOKEN + 256)
        return cls(payloads, rules, keys, envelopes, origins, days, unusual, np.zeros_like(unusual), scanner)

    def slices(self) -> Iterator[NDArray[np.int64]]:
        """The items, slice by slice."""
        items = self.envelopes.items
        sizes = np.cumsum(items[:, ITEM_END] - items[:, ITEM_AT])
        first = 0
        while first < len(items):
            before = int(sizes[first - 1]) if first else 0
            last = min(first + SLICE_ITEMS, max(first + 1, int(np.searchsorted(sizes, before + SLICE_BYTES))))
            yield items[first:last]
            first = last

    def buffers(self, out: NDArray[np.uint8]) -> Buffers:
        """What the views of a slice point into."""
        return (pa.py_buffer(self.payloads.wire), pa.py_buffer(out), self.origins.head, self.origins.names)

    def numbered(self, relation: str, count: int) -> pa.Array:
        """The `row_id` of the next rows of a relation."""
        first = self.rows.get(relation, 0)
        self.rows[relation] = first + count
        return numbers(np.arange(first, first + count, dtype=np.int64), pa.int64())

    def own_organization(self, own: Views, scope: NDArray[np.int64]) -> Views:
        """Of each row the record's organization where it gives one that is not empty, else the origin's."""
        given = own.view(np.int32)[::4] > 0
        of_origin = self.origins.texts["organization_id"][0].take(scope)
        return np.where(given, own, of_origin)

    def accepted(self, scope: NDArray[np.int64]) -> NDArray[np.int64]:
        """When the payload of each row was accepted."""
        return self.payloads.accepted_unix_nano[self.origins.payload[scope]]


def cell_columns(names: tuple[str, ...], integers: frozenset[str], sheet: Sheet, rows: int, buffers: Buffers) -> dict[str, pa.Array]:
    """The columns of a sheet that hold anything."""
    found: dict[str, pa.Array] = {}
    used = sheet.bits.any(axis=1)
    for i in np.flatnonzero(used).tolist():
        bitmap = pa.py_buffer(sheet.bits[i])
        if names[i] in integers:
            found[names[i]] = numbers(sheet.cells[i, :rows, 0].view(np.int64), pa.int64(), bitmap)
        else:
            found[names[i]] = strings(views(sheet.cells[i, :rows]), bitmap, buffers)
    return found


def size_of(items: NDArray[np.int64]) -> int:
    """Bytes of these items in the wire."""
    return int((items[:, ITEM_END] - items[:, ITEM_AT]).sum())
