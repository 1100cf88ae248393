"""What a request does beside the event loop that serves it: long work in a thread, and the wait for the disk; for both receivers."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from typing import ParamSpec, TypeVar

_Arguments = ParamSpec("_Arguments")
_Result = TypeVar("_Result")


async def inline_or_not(
    inline: bool, work: Callable[_Arguments, _Result], *arguments: _Arguments.args, **named: _Arguments.kwargs
) -> _Result:
    """Do the work at once, or in a thread while the loop goes on serving others."""
    if inline:
        return work(*arguments, **named)
    return await asyncio.to_thread(work, *arguments, **named)


class Durable:
    """Waits for futures that end in groups, in other threads: one wake-up of the loop for each group and not for each future."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ended: deque[tuple[asyncio.Future[None], Future[None]]] = deque()

    async def __call__(self, future: Future[None]) -> None:
        """Wait for a payload's shared fsync; a request that is cancelled leaves the future, which the inbox will still complete, alone.

        Raises:
            Exception: that of the future.
        """
        loop = asyncio.get_running_loop()
        waiting: asyncio.Future[None] = loop.create_future()
        future.add_done_callback(lambda done: self._end(loop, waiting, done))
        await waiting

    def _end(self, loop: asyncio.AbstractEventLoop, waiting: asyncio.Future[None], future: Future[None]) -> None:
        with self._lock:
            asleep = not self._ended
            self._ended.append((waiting, future))
        if asleep:
            with contextlib.suppress(RuntimeError):  # the loop is closed, and nobody waits any more
                loop.call_soon_threadsafe(self._wake)

    def _wake(self) -> None:
        with self._lock:
            ended = list(self._ended)
            self._ended.clear()
        for waiting, future in ended:
            if waiting.done():
                continue
            if (error := future.exception()) is None:
                waiting.set_result(None)
            else:
                waiting.set_exception(error)
