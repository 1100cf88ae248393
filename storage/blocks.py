"""Large memory that is used again: an inbox's segments are read into it, and decoded columns written to it; tables hold views of both."""

from __future__ import annotations

import contextlib
import mmap
import weakref
from collections import deque
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

_LEAST_BYTES: Final = 8 << 20
"""What is smaller is malloc's: in the pipeline's process it keeps memory of that size (config/collector/pipeline_child.py)."""


class Blocks:
    """Large blocks of memory of one size; the last that nobody holds any more is kept for the next array, all others are given back.

    NumPy has an array over a block as `base` of whatever is made of it (slices, views), as its own base is no
    array, and Python and Arrow hold it while they hold its buffer. So when it goes, nobody can see the block any more.

    Args:
        size: bytes of a block; what is larger, and what is smaller than `least`, has memory of its own.
    """

    def __init__(self, size: int, *, least: int = _LEAST_BYTES) -> None:
        self._size, self._least = size, least
        self._free: deque[mmap.mmap] = deque(maxlen=1)  # arrays end in any thread, also within `pop`: no lock
        _ALL.add(self)

    def read(self, path: Path, start: int, count: int) -> NDArray[np.uint8]:
        """So many bytes of a file from a place on, fewer where it ends before.

        Raises:
            OSError: it is gone, or cannot be read.
        """
        into = self.array(count)
        found = 0
        with path.open("rb", buffering=0) as file:
            file.seek(start)
            while found < count and (more := file.readinto(into.data[found:])):
                found += more
        return into[:found]

    def give_back(self) -> None:
        """Give the free block back to the system."""
        self._free.clear()

    def array(self, count: int) -> NDArray[np.uint8]:
        """So many bytes of what stood there before."""
        if not self._least <= count <= self._size:
            return np.empty(count, np.uint8)
        try:
            block = self._free.pop()
        except IndexError:
            block = _new_block(self._size)
        array = np.frombuffer(block, np.uint8, count)
        weakref.finalize(array, self._free.append, block).atexit = False  # at exit it may still be in use
        return array


_ALL: Final[weakref.WeakSet[Blocks]] = weakref.WeakSet()


def give_back() -> None:
    """Give all free blocks of this process back to the system."""
    for blocks in list(_ALL):
        blocks.give_back()


def _new_block(size: int) -> mmap.mmap:
    """Private, as processes that are forked have their own; of huge pages where the system has such."""
    block = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    if hasattr(mmap, "MADV_HUGEPAGE"):
        with contextlib.suppress(OSError):
            block.madvise(mmap.MADV_HUGEPAGE)
    return block
