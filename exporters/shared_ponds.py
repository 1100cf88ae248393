"""The ponds that the exporters of a process share: three of them, one a signal, write one inbox."""

from __future__ import annotations

import os
import threading
from pathlib import Path

from .in_process import InProcessPond


class _Shared:
    """The ponds that exporters of this process have open, and how many each; another process after a fork opens its own."""

    def __init__(self) -> None:
        self.after_fork()
        self._open: dict[tuple[int, Path, str, tuple[Path, ...]], tuple[InProcessPond, int]] = {}

    def after_fork(self) -> None:
        """Another thread of the parent may have held the lock."""
        self._lock = threading.Lock()

    def take(self, data: Path, tenant: str, tables: tuple[Path, ...]) -> InProcessPond:
        """The pond of that directory, opened where nobody has it open yet."""
        key = (os.getpid(), data, tenant, tables)
        with self._lock:
            pond, users = self._open.get(key) or (InProcessPond(data, tenant=tenant, tables=tables), 0)
            self._open[key] = (pond, users + 1)
            return pond

    def give_back(self, pond: InProcessPond) -> bool:
        """Publish; close it with its last user. Whether everything is in the tables."""
        with self._lock:
            key = next((key for key, (other, _) in self._open.items() if other is pond), None)
            users = self._open[key][1] - 1 if key else 0
            if key and users:
                self._open[key] = (pond, users)
            elif key:
                del self._open[key]
        return pond.publish() if users else pond.close()


shared = _Shared()
os.register_at_fork(after_in_child=shared.after_fork)
