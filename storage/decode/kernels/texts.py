"""Text that kernels cannot make themselves: Arrow writes the doubles, `Rules.hash_address` the addresses that a scan gathered."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute
from numpy.typing import NDArray

from ...addresses import hashes_of
from ..compilation import Bytes, Int, inlined, part
from ..payloads import Payloads, Rules
from .keys import MAYBE_ADDRESS
from .tokens import ADDRESSES, DOUBLES, DUPLICATES, SUBSTITUTES, Scan

pc: Any = pyarrow.compute  # its functions are made at import, unseen by type checkers
AS_IT_IS: Final = -1
_NOT_FINITE: Final = {"nan": '{"$double":"NaN"}', "inf": '{"$double":"Infinity"}', "-inf": '{"$double":"-Infinity"}'}


class Texts(NamedTuple):
    """The substitutes of a slice, for kernels.

    Attributes:
        substitutes: int64[n, 2], where a value lies in the wire and which text stands for it (AS_IT_IS: none), in the wire's order.
        bytes, starts: the texts; text i is bytes[starts[i]:starts[i + 1]].
        duplicates: int64[:], sorted, the entries of kvlists that a later one replaces.
        cursor: int64[1], where the next substitute probably is.
        stack: int64[DEEPEST, LIST_WIDTH], scratch: the lists that are being written.
    """

    substitutes: NDArray[np.int64]
    bytes: Bytes
    starts: NDArray[np.int64]
    duplicates: NDArray[np.int64]
    cursor: NDArray[np.int64]
    stack: NDArray[np.int64]


@inlined
def text_for(texts: Texts, at: Int) -> Int:
    """The number of the text that stands for the value at that place of the wire, or AS_IT_IS."""
    count = len(texts.substitutes)
    low = texts.cursor[0]
    if low >= count or texts.substitutes[low, 0] != at:
        low, high = np.int64(0), np.int64(count)
        while low < high:
            middle = (low + high) >> 1
            if texts.substitutes[middle, 0] < at:
                low = middle + 1
            else:
                high = middle
        if low >= count or texts.substitutes[low, 0] != at:
            return np.int64(AS_IT_IS)
    texts.cursor[0] = low + 1
    return texts.substitutes[low, 1]


@part
def replaced(texts: Texts, at: Int) -> bool:
    """Whether the kvlist entry at that place gives way to a later one with the same key."""
    count = len(texts.duplicates)
    if count == 0:
        return False
    low, high = np.int64(0), np.int64(count)
    while low < high:
        middle = (low + high) >> 1
        if texts.duplicates[middle] < at:
            low = middle + 1
        else:
            high = middle
    return bool(low < count and texts.duplicates[low] == at)


def texts_of(scan: Scan, payloads: Payloads, rules: Rules) -> Texts:
    """Make the texts that a scan asks for."""
    doubles = _double_texts(scan.doubles[: scan.counts[DOUBLES]].view(np.float64))
    hashes = _hash_texts(scan.addresses[: scan.counts[ADDRESSES]], payloads.wire.data, rules)
    texts = pa.concat_arrays([doubles, hashes])
    _, bounds, data = texts.buffers()
    starts = np.frombuffer(bounds, np.int32)[: len(texts) + 1].astype(np.int64) if bounds else np.zeros(1, np.int64)
    substitutes = scan.substitutes[: scan.counts[SUBSTITUTES]].copy()
    if (np.diff(substitutes[:, 0]) < 0).any():  # payloads need not lie in their order
        substitutes = substitutes[np.argsort(substitutes[:, 0], kind="stable")]
    of_address = substitutes[:, 1] < 0
    if of_address.any():
        numbers = np.where(np.diff(starts) > 0, np.arange(len(texts)), AS_IT_IS)
        substitutes[of_address, 1] = numbers[len(doubles) + ~substitutes[of_address, 1]]
    written = np.frombuffer(data or b"\0", np.uint8).view()
    written.flags.writeable = False  # whether Arrow's is depends; kernels are compiled for one type of array
    return Texts(
        substitutes=substitutes,
        bytes=written,
        starts=starts,
        duplicates=np.sort(scan.duplicates[: scan.counts[DUPLICATES]]),
        cursor=np.zeros(1, np.int64),
        stack=scan.stack,
    )


def _double_texts(values: NDArray[np.float64]) -> pa.StringArray:
    """JSON text of each double, as columns.py has it."""
    if not len(values):
        return pa.array([], pa.string())
    texts = pa.array(values).cast(pa.string())
    texts = pc.replace_substring_regex(texts, "^(-?[0-9]+)$", r"\1.0")
    if not np.isfinite(values).all():
        texts = pa.array([_NOT_FINITE.get(text.replace("-nan", "nan"), text) for text in texts.to_pylist()], pa.string())
    return texts


def _hash_texts(addresses: NDArray[np.int64], wire: memoryview, rules: Rules) -> pa.StringArray:
    """The hash of each of a scan's addresses, empty where it is none."""
    known = hashes_of(rules.hash_address)
    kinds = addresses[:, 2] << 2 | addresses[:, 3] & 3
    found = np.empty(len(addresses), object)
    for kind in np.unique(kinds).tolist():
        of_day, chosen = known[kind >> 2, kind & 3 == MAYBE_ADDRESS], kinds == kind
        columns = addresses[chosen, :2].T.tolist()  # two lists; one for each address would call the garbage collector
        found[chosen] = [of_day[wire[at : at + length].tobytes()] for at, length in zip(*columns, strict=True)]
    return pa.array(found, pa.string())
