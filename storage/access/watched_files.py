"""Files that somebody else replaces while the collector runs: asked at each use, they are looked at once a second at most."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, TypeAlias

_INTERVAL_S: Final = 1.0

Look: TypeAlias = tuple[tuple[int, int, int] | None, ...]
"""Of each file inode, size and time of change; None where it is not there."""


class WatchedFiles:
    """Says when one of its files was replaced, changed, created or removed."""

    def __init__(self, paths: Sequence[Path], *, clock: Callable[[], float] = time.monotonic) -> None:
        self._paths = tuple(paths)
        self._clock = clock
        self._lock = threading.Lock()
        self._seen = self._look()
        self._next = clock() + _INTERVAL_S

    def changed(self) -> bool:
        """Whether they differ from the last time that this was asked; one caller hears it, once."""
        if self._clock() < self._next:
            return False
        with self._lock:
            if self._clock() < self._next:
                return False
            self._next = self._clock() + _INTERVAL_S
            before, self._seen = self._seen, self._look()
            return before != self._seen

    def _look(self) -> Look:
        return tuple(map(_look, self._paths))


def _look(path: Path) -> tuple[int, int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_ino, status.st_size, status.st_mtime_ns
