"""Who may do what at the same time: locks on files of the data directory, for the lake's log and snapshot files and whoever removes any."""

from __future__ import annotations

import fcntl
import os
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def locked(path: Path, *, wait: bool = True) -> Iterator[bool]:
    """Hold the lock that the file stands for; the kernel frees it when its process ends, however that ends.

    Yields:
        whether it is held: False only where somebody else has it and `wait` is off.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            yield False
            return
        yield True
    finally:
        os.close(descriptor)


class Presence:
    """That somebody works on what the file stands for: many may at once, and one who is alone may do what would disturb others.

    It ends with `close`, with the last reference to it, or with its process, however that ends.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self.close = weakref.finalize(self, os.close, self._descriptor)

    def alone(self) -> bool:
        """Whether nobody else is present; if so, nobody comes until `share`."""
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def share(self) -> None:
        """Be present among others; waits for one who is alone."""
        fcntl.flock(self._descriptor, fcntl.LOCK_SH)
