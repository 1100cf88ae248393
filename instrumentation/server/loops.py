"""How late event loops run what is due: a timer on each loop that runs, asyncio's and uvloop's, and no thread.

Loops are found as they start: `run_forever` of their class is wrapped, through which every way of running one goes. A timer that
wakes an idle process costs 100 us each time, one in a busy process 10.
"""

from __future__ import annotations

import asyncio
import functools
import time
from collections.abc import Callable
from contextvars import Context
from types import ModuleType
from typing import Any

from ..guard import skipped
from ..imports import when_imported

CLASSES = {"asyncio.base_events": "BaseEventLoop", "uvloop": "Loop", "winloop": "Loop"}
"""Where the classes are whose `run_forever` all loops come down to."""


class _Watch:
    """The timer of one loop; runs in the loop's thread."""

    def __init__(self, loop: asyncio.AbstractEventLoop, interval_s: float) -> None:
        self.loop = loop
        self.longest_s = 0.0
        self._interval_s = interval_s
        self._context = Context()  # else the timer would keep that of whoever runs the loop
        self._schedule()

    def _schedule(self) -> None:
        self.due = time.monotonic() + self._interval_s
        self._handle: asyncio.TimerHandle | None = self.loop.call_later(self._interval_s, self._tick, context=self._context)

    def _tick(self) -> None:
        late_s = time.monotonic() - self.due
        self.longest_s = max(late_s, self.longest_s)
        if self._handle is not None:
            self._schedule()

    def end(self) -> None:
        """From any thread: the timer is not set again."""
        handle, self._handle = self._handle, None
        if handle is not None and not self.loop.is_running():
            handle.cancel()


class Loops:
    """The loops that run in this process."""

    def __init__(self, interval_s: float) -> None:
        self._interval_s = interval_s
        self._watches: dict[asyncio.AbstractEventLoop, _Watch] = {}
        self._ended_s: float | None = None
        self._originals: list[tuple[Any, Any, Any]] = []
        self._stopped = False

    def start(self) -> None:
        """Watch every loop that starts, and the one that runs in this thread already."""
        for module, name in CLASSES.items():
            when_imported(module, functools.partial(self._wrap, name), f"the lag of {module}'s loops")
        running = asyncio._get_running_loop()  # noqa: SLF001 - the other one raises where there is none
        if running is not None:
            self._begin(running)

    def _wrap(self, name: str, module: ModuleType) -> None:
        if self._stopped:
            return
        kind = getattr(module, name)
        run_forever: Callable[..., Any] = kind.run_forever
        loops = self

        @functools.wraps(run_forever)
        def watched(self: asyncio.AbstractEventLoop) -> Any:
            begun = loops._begin(self)
            try:
                return run_forever(self)
            finally:
                if begun:
                    loops._end(self)

        kind.run_forever = watched
        self._originals.append((kind, watched, run_forever))

    def _begin(self, loop: asyncio.AbstractEventLoop) -> bool:
        with skipped("the lag of an event loop"):
            if not self._stopped and not loop.is_closed() and loop not in self._watches:
                self._watches[loop] = _Watch(loop, self._interval_s)
                return True
        return False

    def _end(self, loop: asyncio.AbstractEventLoop) -> None:
        with skipped("the lag of an event loop"):
            watch = self._watches.pop(loop, None)
            if watch is not None:
                watch.end()
                self._ended_s = max(self._ended_s or 0.0, watch.longest_s)

    def take(self) -> float | None:
        """The longest that a loop was late since this was asked before, in seconds; None where no loop has run.

        What is late now counts as far as it is.
        """
        longest_s, self._ended_s = self._ended_s, None
        for loop, watch in list(self._watches.items()):
            if loop.is_closed():  # it ran before `start`, and has ended unseen
                self._end(loop)
            elif loop.is_running():
                longest_s = max(longest_s or 0.0, watch.longest_s, time.monotonic() - watch.due)
                watch.longest_s = 0.0
        return longest_s

    def forget(self) -> None:
        """None of them is watched any more: in a forked child none runs."""
        self._watches = {}
        self._ended_s = None

    def stop(self) -> None:
        """Leave the classes as they were, and the loops without timers."""
        self._stopped = True
        for kind, ours, original in self._originals:
            if kind.run_forever is ours:
                kind.run_forever = original
        for watch in list(self._watches.values()):
            watch.end()
        self.forget()
