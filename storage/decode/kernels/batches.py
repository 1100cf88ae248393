"""What the decoders of the three signals share: a batch of payloads with its origins, cut into slices of items."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ...blocks import Blocks
from ..compilation import Bytes
from ..payloads import Payloads, Rules
from .arrow import DAY_NS, Buffers, Views, numbers, strings, views
from .attributes import Sheet, cells_of
from .envelopes import ITEM_AT, ITEM_END, Envelopes, envelopes_of
from .keys import Keys, keys_of
from .origins import Origins, Scanner, origins_of

RUN_ITEMS: Final = 1 << 17
"""So many spans share a sheet; a batch of the pipeline has more only where one payload has."""
SLICE_ITEMS: Final = 8192
SLICE_BYTES: Final = 8 << 20
"""A slice ends with whichever comes first: what it reads and writes then stays in the processor's cache."""
_BYTES_A_TOKEN: Final = 16
_BLOCK_BYTES: Final = 112 << 20
"""The cells of a run of spans, or room for the text of a slice; what no kernel writes to takes no memory."""
_CELLS: Final = Blocks(_BLOCK_BYTES)
_SCRATCH: Final = Blocks(_BLOCK_BYTES)


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
    _scratch: Bytes = field(default_factory=lambda: np.empty(0, np.uint8))

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

    @property
    def items(self) -> NDArray[np.int64]:
        """Where the items lie, see `Envelopes`."""
        return self.envelopes.items

    def runs(self) -> Iterator[NDArray[np.int64]]:
        """The items, run by run."""
        for first in range(0, len(self.items), RUN_ITEMS):
            yield self.items[first : first + RUN_ITEMS]

    def scratch(self, size: int) -> Bytes:
        """Room for that many bytes of a slice's text: all that it may need, a twentieth of which it takes. Slices use it in turns."""
        if len(self._scratch) < size:
            self._scratch = _SCRATCH.array(size * 5 // 4)  # the next slice may need a little more
        return self._scratch

    def text(self, written: int) -> pa.Buffer:
        """So many bytes of the scratch; a copy, for the next slice writes over them."""
        return pa.py_buffer(self._scratch[:written].copy())

    def buffers(self, *texts: pa.Buffer) -> Buffers:
        """What the views of slices point into that wrote these texts."""
        return (pa.py_buffer(self.payloads.wire), self.origins.head, self.origins.names, *texts)

    def numbered(self, relation: str, count: int) -> pa.Array:
        """The `row_id` of the next rows of a relation."""
        first = self.rows.get(relation, 0)
        self.rows[relation] = first + count
        return numbers(np.arange(first, first + count, dtype=np.int64), pa.int64())

    def organizations(self, sheet: Sheet, column: int, scope: NDArray[np.int64]) -> Views:
        """Of each row the record's organization where it gives one that is not empty, else the origin's."""
        of_origin = self.origins.texts["organization_id"][0].take(scope)
        if sheet.places[column] < 0:
            return of_origin
        own = views(cells_of(sheet, column))
        return np.where(own.view(np.int32)[::4] > 0, own, of_origin)

    def accepted(self, scope: NDArray[np.int64]) -> NDArray[np.int64]:
        """When the payload of each row was accepted."""
        return self.payloads.accepted_unix_nano[self.origins.payload[scope]]


def slices(items: NDArray[np.int64]) -> Iterator[NDArray[np.int64]]:
    """Items, slice by slice."""
    sizes = np.cumsum(items[:, ITEM_END] - items[:, ITEM_AT])
    first = 0
    while first < len(items):
        before = int(sizes[first - 1]) if first else 0
        last = min(first + SLICE_ITEMS, max(first + 1, int(np.searchsorted(sizes, before + SLICE_BYTES))))
        yield items[first:last]
        first = last


def lasting_cells(columns: int, rows: int) -> NDArray[np.uint64]:
    """uint64[columns, rows, 2] for a sheet, in memory that is used again."""
    return _CELLS.array(columns * rows * 16).view(np.uint64).reshape(columns, rows, 2)


def cell_columns(names: tuple[str, ...], integers: frozenset[str], sheet: Sheet, buffers: Buffers) -> dict[str, pa.Array]:
    """The columns of a sheet that hold anything."""
    found: dict[str, pa.Array] = {}
    for i in np.flatnonzero(sheet.places >= 0).tolist():
        cells, bitmap = cells_of(sheet, i), pa.py_buffer(sheet.bits[i])
        if names[i] in integers:
            found[names[i]] = numbers(cells[:, 0].view(np.int64), pa.int64(), bitmap)
        else:
            found[names[i]] = strings(views(cells), bitmap, buffers)
    return found


def size_of(items: NDArray[np.int64]) -> int:
    """Bytes of these items in the wire."""
    return int((items[:, ITEM_END] - items[:, ITEM_AT]).sum())
