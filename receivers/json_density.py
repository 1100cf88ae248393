"""JSON texts that hold far more values than anybody sends are refused before they are parsed: parsed they take many times their bytes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ..storage.signals import TooDenseError


@dataclass(frozen=True, slots=True)
class Density:
    """What a text may hold of one sort of value.

    Attributes:
        mark: the byte that each of them has outside strings.
        name: what they are called.
        many: so many are always allowed.
        least_bytes: the bytes of the text for each of them, on average, where there are more.
    """

    mark: bytes
    name: str
    many: int
    least_bytes: int


OBJECTS: Final = Density(b"{", "objects", 65_536, 14)
"""`{"intValue":1}` is 14 bytes long; parsed it takes some 300. Requests of SDKs have 40 to 50 bytes an object."""

OF_EVENTS: Final = (
    Density(b"{", "objects", 131_072, 64),
    Density(b"[", "arrays", 131_072, 24),
    Density(b",", "values", 1_000_000, 24),
)
"""What plain events may hold: parsed, and written as one message, an object takes some 480 bytes, an array 160, a member 210."""


def refuse_dense(text: bytes, *densities: Density) -> None:
    """See that a text is not denser than that.

    Raises:
        TooDenseError: it is.
    """
    for density in densities:
        most = max(density.many, len(text) // density.least_bytes)
        if text.count(density.mark) > most and (found := _outside_strings(text, density.mark)) > most:
            raise TooDenseError(f"the JSON text has {found} {density.name} in {len(text)} bytes; send fewer at a time")


def _outside_strings(text: bytes, mark: bytes) -> int:
    text = text.replace(b"\\\\", b"").replace(b'\\"', b"")
    found, start = 0, 0
    while (quote := text.find(b'"', start)) >= 0:
        found += text.count(mark, start, quote)
        start = text.find(b'"', quote + 1) + 1
        if not start:
            return found
    return found + text.count(mark, start)
