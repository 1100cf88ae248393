"""Starts the maintenance child from the pipeline: when the lake says that it is worth a process, else once an hour."""

from __future__ import annotations

import contextlib
import logging
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

logger = logging.getLogger(__name__)

AFTER_PUBLISH_S = 60.0
"""At most so often is the lake asked: a round costs a CPU-second before it does anything."""
WHEN_IDLE_S = 3600.0
LONGEST_S = 900.0
"""A child that takes longer hangs, on a broken disk for example, and would keep the other ponds' from their turn."""


@dataclass(slots=True)
class Slot:
    """The right to run a child; whoever has it keeps it until the child has ended."""

    holder: object | None = None

    def take(self, holder: object) -> bool:
        """Whether it was free, and is the holder's now."""
        if self.holder is not None:
            return False
        self.holder = holder
        return True


class Upkeep:
    """One maintenance child at a time.

    Args:
        command: the child's whole command line.
        due: whether there is work for it.
        slot: what ponds share that take turns at it.
    """

    def __init__(self, command: Sequence[str], due: Callable[[], bool], slot: Slot | None = None) -> None:
        self._command = list(command)
        self._due = due
        self._slot = slot or Slot()
        self._child: subprocess.Popen[bytes] | None = None
        self._started = self._asked = time.monotonic()
        self._published = False

    def published(self) -> None:
        """There is something new to keep up."""
        self._published = True

    def tick(self) -> None:
        """Start a child where one is due; to be called often."""
        self.reap()
        if self._child is None and (self._hour_is_over() or self._is_worth_it()) and self._slot.take(self):
            self._started = self._asked = time.monotonic()
            self._published = False
            try:
                self._child = subprocess.Popen(self._command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
            except OSError as failure:
                self._slot.holder = None
                self._published = True
                logger.warning("maintenance cannot be started, it is tried again: %s", failure)

    def reap(self) -> None:
        """See whether the child has ended, so that another pond's may run."""
        if self._child is not None and time.monotonic() - self._started > LONGEST_S:
            self._child.kill()
        if self._child is not None and self._child.poll() is not None:
            if self._child.returncode:
                logger.warning("maintenance ended with code %s; it is tried again", self._child.returncode)
            self._child = self._slot.holder = None

    def _hour_is_over(self) -> bool:
        return time.monotonic() - self._started >= WHEN_IDLE_S

    def _is_worth_it(self) -> bool:
        if not self._published or time.monotonic() - self._asked < AFTER_PUBLISH_S:
            return False
        self._asked = time.monotonic()
        self._published = self._due()  # stays true until a child has started
        return self._published

    def stop(self) -> None:
        """End a child that runs: every step of it is whole or not done."""
        if self._child is not None:
            with contextlib.suppress(ProcessLookupError):
                self._child.terminate()
            self._child.wait()
            self._child = self._slot.holder = None
