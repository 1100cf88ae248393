"""Who may do what at the same time: locks on files of the data directory, for the lake's log and snapshot files and whoever removes any.

A forked child holds none of its parent's: with its copies of the descriptors it would hold them beyond the parent's end.
"""

from __future__ import annotations

import fcntl
import os
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class _LockFile:
    """An open file to be locked; closed in a forked child at once."""

    def __init__(self, path: Path, flags: int = 0) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | flags, 0o600)
        _open_files.add(self)

    def close(self) -> None:
        """Let go of the lock; a second time does nothing."""
        if self in _open_files:
            _open_files.discard(self)
            os.close(self.descriptor)


_open_files: set[_LockFile] = set()


def _close_inherited() -> None:
    """In a forked child; the parent's own descriptors hold its locks."""
    for file in list(_open_files):
        file.close()


os.register_at_fork(after_in_child=_close_inherited)


@contextmanager
def locked(path: Path, *, wait: bool = True) -> Iterator[bool]:
    """Hold the lock that the file stands for; the kernel frees it when its process ends, however that ends.

    Yields:
        whether it is held: False only where somebody else has it and `wait` is off.
    """
    file = _LockFile(path, os.O_NOFOLLOW)
    try:
        try:
            fcntl.flock(file.descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            yield False
            return
        yield True
    finally:
        file.close()


class Presence:
    """That somebody works on what the file stands for: many may at once, and one who is alone may do what would disturb others.

    It ends with `close`, with the last reference to it, or with its process, however that ends.
    """

    def __init__(self, path: Path) -> None:
        self._file = _LockFile(path)
        self.close = weakref.finalize(self, self._file.close)

    def alone(self) -> bool:
        """Whether nobody else is present; if so, nobody comes until `share`."""
        try:
            fcntl.flock(self._file.descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def share(self) -> None:
        """Be present among others; waits for one who is alone."""
        fcntl.flock(self._file.descriptor, fcntl.LOCK_SH)
