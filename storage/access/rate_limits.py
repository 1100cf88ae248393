"""How much one token may send: the generic cell rate algorithm (GCRA) over items and bytes, one count for all receiver processes.

What is kept of a meter is one instant: when everything stored so far is paid for at the agreed rate. It may lie `BURST_S` ahead of now. A
request is let in whole, however large, as long as it does not lie further; what it overdraws, the next ones wait for. (Asking for room
for the whole request would refuse one above the burst for ever, and could not be decided before the body is read.)
"""

from __future__ import annotations

import fcntl
import logging
import os
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

logger = logging.getLogger(__name__)

BURST_S: Final = 5.0
"""A token at rest may send at once what its rate allows in so many seconds."""

_LONGEST_DEBT_S: Final = 3600.0
_METER: Final = struct.Struct("<dd")
_SAME_BOOT_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class Rate:
    """What is agreed with a token; None is no limit."""

    items_per_s: float | None = None
    bytes_per_s: float | None = None

    @property
    def limited(self) -> bool:
        """Whether there is anything to measure."""
        return self.items_per_s is not None or self.bytes_per_s is not None

    def __str__(self) -> str:
        """For people: `100 items/s and 50000 bytes/s`."""
        agreed = [f"{rate:g} {unit}/s" for rate, unit in ((self.items_per_s, "items"), (self.bytes_per_s, "bytes")) if rate is not None]
        return " and ".join(agreed) or "without limit"


UNLIMITED: Final = Rate()


def paid_at(before: float, now: float, amount: float, per_s: float | None) -> float:
    """The instant at which everything is paid for, after one more amount."""
    return before if per_s is None else min(max(before, now) + amount / per_s, now + _LONGEST_DEBT_S)


def wait_s(paid: float, now: float) -> float:
    """How long a sender has to wait; 0 where its next request is let in."""
    return max(0.0, paid - now - BURST_S)


class Meters:
    """The instants of all tokens in a file that the receiver processes share: 16 bytes a token, by its number, behind a header.

    The clock is the machine's own, which begins anew when it boots: the header says of which boot the instants are.
    """

    def __init__(self, path: Path, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        with self._held():
            booted = time.time() - clock()
            noted, _ = self._read(0)
            if abs(noted - booted) > _SAME_BOOT_S:
                os.ftruncate(self._file, 0)
                self._write(0, booted, 0.0)

    def wait_s(self, number: int) -> float:
        """How long that token has to wait before it sends anything more; 0 where it has not."""
        now = self._clock()
        return max(wait_s(paid, now) for paid in self._read(number + 1))

    def charge(self, number: int, rate: Rate, items: int, size: int) -> None:
        """Count a request of so many items and bytes."""
        now = self._clock()
        try:
            with self._held():
                before = self._read(number + 1)
                self._write(number + 1, paid_at(before[0], now, items, rate.items_per_s), paid_at(before[1], now, size, rate.bytes_per_s))
        except OSError as failure:  # the request is stored already, and its sender must hear that
            logger.warning("a rate could not be counted: %s", failure)

    def close(self) -> None:
        """Give the file back."""
        os.close(self._file)

    @contextmanager
    def _held(self) -> Iterator[None]:
        """Alone among this process's threads, and among the processes."""
        with self._lock:
            fcntl.flock(self._file, fcntl.LOCK_EX)
            try:
                yield
            finally:
                fcntl.flock(self._file, fcntl.LOCK_UN)

    def _read(self, place: int) -> tuple[float, float]:
        content = os.pread(self._file, _METER.size, place * _METER.size)
        first, second = _METER.unpack(content.ljust(_METER.size, b"\0"))
        return first, second

    def _write(self, place: int, first: float, second: float) -> None:
        os.pwrite(self._file, _METER.pack(first, second), place * _METER.size)
