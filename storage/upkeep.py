"""Starts the maintenance child from the pipeline: a minute after something was published, else once an hour."""

from __future__ import annotations

import contextlib
import logging
import subprocess
import time
from collections.abc import Sequence

logger = logging.getLogger(__name__)

AFTER_PUBLISH_S = 60.0
WHEN_IDLE_S = 3600.0


class Upkeep:
    """One maintenance child at a time.

    Args:
        command: the child's whole command line.
    """

    def __init__(self, command: Sequence[str]) -> None:
        self._command = list(command)
        self._child: subprocess.Popen[bytes] | None = None
        self._last = time.monotonic()
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
        since = time.monotonic() - self._last
        if self._child is None and since >= (AFTER_PUBLISH_S if self._published else WHEN_IDLE_S):
            self._last, self._published = time.monotonic(), False
            self._child = subprocess.Popen(self._command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)

    def stop(self) -> None:
        """End a child that runs: every step of it is whole or not done."""
        if self._child is not None:
            with contextlib.suppress(ProcessLookupError):
                self._child.terminate()
            self._child.wait()
            self._child = None
