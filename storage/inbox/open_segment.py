"""The file that an inbox's writer appends to: a group of frames at a time, fsynced, then noted for readers."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Iterable
from pathlib import Path

from ..durable import fsync_folder, sync
from . import spares
from .durable_end import DurableEnd
from .segments import segment_path

logger = logging.getLogger(__name__)

_MAX_IOVECS = 512


class OpenSegment:
    """A segment from its first frame until it is sealed; in a file of its own, or over an older one's.

    Args:
        mark: what its frames begin with.
        end: where its durable end is noted.

    Attributes:
        size: the bytes that are durable.
        opened: when it was, by `time.monotonic`.

    Raises:
        OSError: there is no room for it.
    """

    def __init__(self, folder: Path, number: int, mark: bytes, end: DurableEnd) -> None:
        self._folder, self._number, self._mark, self._end = folder, number, mark, end
        self._path = segment_path(folder, number, sealed=False)
        self._descriptor = _opened(folder, self._path)
        self._inode = os.fstat(self._descriptor).st_ino
        self.opened = time.monotonic()
        self.size = 0

    def make_durable(self) -> None:
        """Make the file's name durable, before anything in it is promised."""
        fsync_folder(self._folder)

    def write(self, frames: Iterable[tuple[bytes, bytes]]) -> None:
        """Append frames, each without its mark in two parts, and fsync once.

        Raises:
            OSError: they are not durable, and will not be in the segment.
        """
        parts = [part for head, payload in frames for part in (self._mark, head, payload)]
        at = self.size
        for first in range(0, len(parts), _MAX_IOVECS):
            at = self._write_all(parts[first : first + _MAX_IOVECS], at)
        sync(self._descriptor)
        self._end.note(self._number, self._inode, at)
        self.size = at

    def _write_all(self, parts: list[bytes], at: int) -> int:
        """Write them to a place; that behind them."""
        end = at + sum(map(len, parts))
        at += os.pwritev(self._descriptor, parts, at)
        if at < end:  # a signal, or a disk that is nearly full: the rest by itself, so that ENOSPC shows
            rest = memoryview(b"".join(parts))[at - end :]
            while rest:
                written = os.pwrite(self._descriptor, rest, at)
                rest, at = rest[written:], at + written
        return end

    def cut(self) -> None:
        """Take away what its file holds behind it: of an older segment, or of frames that nobody was promised.

        Raises:
            OSError: they are still there; as long as no other segment is opened, readers do not see them.
        """
        if os.fstat(self._descriptor).st_size > self.size:
            os.ftruncate(self._descriptor, self.size)
            sync(self._descriptor)

    def seal(self) -> None:
        """Close it for good, once it is cut."""
        try:
            os.close(self._descriptor)
            self._path.rename(segment_path(self._folder, self._number, sealed=True))
        except OSError as failure:  # a close that fails has closed it
            logger.warning("cannot seal %s, it will be sealed at the next start: %s", self._path, failure)


def _opened(folder: Path, path: Path) -> int:
    descriptor = spares.take(folder, path)
    if descriptor is None:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    return descriptor
