"""Gives back the memory that large batches left with the allocator, as soon as the pipelines of a process have to wait for more."""

from __future__ import annotations

import ctypes
import time
from collections.abc import Callable
from typing import Final

from .. import blocks
from ..inbox.segments import SEGMENT_BYTES

LARGE_BYTES: Final = SEGMENT_BYTES // 2
"""Of payloads in a batch. Smaller ones leave little."""
EVERY_S: Final = 1.0


def give_back() -> None:
    """Give free blocks back to the system, and have glibc give back all of its free memory. Another C library does as it likes."""
    blocks.give_back()
    getattr(ctypes.CDLL(None), "malloc_trim", lambda _: 0)(0)


class SpareMemory:
    """The memory of batches that are done, one for all ponds of a process.

    The next large batch takes it without touching fresh pages, where it follows at once.
    """

    def __init__(self, give_back: Callable[[], None] = give_back) -> None:
        self._give_back = give_back
        self._large = False
        self._given = time.monotonic()

    def used(self, payload_bytes: int) -> None:
        """A batch of so many bytes was worked on."""
        self._large = self._large or payload_bytes >= LARGE_BYTES

    def waits(self) -> None:
        """No pond has a batch to work on now: give back what lies idle, once a second at most."""
        if self._large and time.monotonic() - self._given >= EVERY_S:
            self._large, self._given = False, time.monotonic()
            self._give_back()
