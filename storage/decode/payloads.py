"""What a decoder is handed: payloads of one signal in one buffer, with what is known of each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

HashAddress = Callable[[str, int], str]
"""(address, accepted_unix_nano) to the keyed hash that stands for it on that UTC day; a text that is no address is hashed as it is."""


@dataclass(frozen=True, slots=True)
class Payloads:
    """Payloads of one signal, each a whole protobuf Export request that the runtime has parsed before.

    Attributes:
        wire: the bytes of all of them, uint8; what lies between payloads is never read.
        starts, ends: int64, where each payload lies in `wire`.
        accepted_unix_nano: int64, when each was accepted.
        tenants: the tenant of each.
        digests: xxh3-128 of each, 16 bytes.
    """

    wire: NDArray[np.uint8]
    starts: NDArray[np.int64]
    ends: NDArray[np.int64]
    accepted_unix_nano: NDArray[np.int64]
    tenants: Sequence[str]
    digests: Sequence[bytes]

    def __len__(self) -> int:
        """How many payloads."""
        return len(self.starts)

    def payload(self, index: int) -> bytes:
        """The bytes of one payload."""
        return self.wire[self.starts[index] : self.ends[index]].tobytes()


@dataclass(frozen=True, slots=True)
class Rules:
    """What a decoder does beyond the protocol.

    Attributes:
        hash_address: see `HashAddress`.
        keep_dates: take every row's own date (import), instead of the date of arrival for hostile times.
        drop_attributes: keys whose attribute is left out, wherever it stands; see semconv.py.
        redact_attributes: keys whose value is replaced by the string "[redacted]".
    """

    hash_address: HashAddress
    keep_dates: bool = False
    drop_attributes: frozenset[str] = frozenset()
    redact_attributes: frozenset[str] = frozenset()
