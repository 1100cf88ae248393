"""Starts the maintenance child from the pipeline: when the lake says that it is worth a process, else once an hour."""

from __future__ import annotations

import contextlib
import logging
import subprocess
import time
from collections.abc import Callable, Sequence

logger = logging.getLogger(__name__)

AFTER_PUBLISH_S = 60.0
"""At most so often is the lake asked: a round costs a CPU-second before it does anything."""
WHEN_IDLE_S = 3600.0


class Upkeep:
    """One maintenance child at a time.

    Args:
        command: the child's whole command line.
        due: whether there is work for it.
    """

    def __init__(self, command: Sequence[str], due: Callable[[], bool]) -> None:
        self._command = list(command)
        self._due = due
        self._child: subprocess.Popen[bytes] | None = None
        self._started = self._asked = time.monotonic()
        self._published = False

    def published(self) -> None:
        """There is something new to keep up."""
        self._published = True

    def tick(self) -> None:
        """Start a child where one is due; to be called often."""
        if self._child is not None and self._child.poll() is not None:
            if self._child.returncode:
                logger.warning("maintenance ended with code %s; it is tried again", self._child.returncode)
            self._child = None
        if self._child is None and (self._hour_is_over() or self._is_worth_it()):
            self._started = self._asked = time.monotonic()
            self._child = subprocess.Popen(self._command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)

    def _hour_is_over(self) -> bool:
        return time.monotonic() - self._started >= WHEN_IDLE_S

    def _is_worth_it(self) -> bool:
        if not self._published or time.monotonic() - self._asked < AFTER_PUBLISH_S:
            return False
        self._asked, self._published = time.monotonic(), False
        return self._due()

    def stop(self) -> None:
        """End a child that runs: every step of it is whole or not done."""
        if self._child is not None:
            with contextlib.suppress(ProcessLookupError):
                self._child.terminate()
            self._child.wait()
            self._child = None
