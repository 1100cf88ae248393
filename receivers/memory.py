"""The memory that gRPC messages take while they come in, which grpcio tells nobody; the gRPC receiver asks before and while it reads.

A gRPC request does not say how long its message is, and grpcio reads it whole. So the process's resident memory is what is held to the
limit, by a look every 10 ms as long as messages come in. The model: memory grows by what has come, which the looks see, by what may come
until the next look, and by what begins. From a tenth of the limit on a message may be of the largest size as long as it has just begun:
only so many begin together as there is room for. What takes longer counts for what it has brought, so that slow senders are in nobody's
way. At a third of the limit nothing begins and what is slow is ended, else half of what has begun; the rest is for messages that are
handed over or parsed. One message that is not slow always goes on.
All of it runs on the event loop that serves the calls.
"""

from __future__ import annotations

import asyncio
import ctypes
import os
import time
from collections.abc import Awaitable, Callable
from itertools import takewhile
from pathlib import Path
from typing import Final, TypeVar

import psutil

from ..storage.signals import UnavailableError

_LOOK_EVERY_S: Final = 0.01
_NEW_S: Final = 0.1  # loopback brings 64 MiB in that time
_LONGEST_WAIT_S: Final = 1.0
_SLOW_S: Final = 10.0  # most OTLP clients have given up by then
_SLOWEST_S: Final = 60.0  # as over HTTP
_OWN_AFTER_S: Final = 5.0
_TRIM_EVERY_S: Final = 0.1
_M_MMAP_THRESHOLD: Final = -3
_CAREFUL_SHARE: Final = 0.1  # of the limit; below it any number may begin, for 10 ms bring less than the rest
_FULL_SHARE: Final = 0.35  # of the limit; the rest is for messages that are handed over or parsed, and for what the allocator keeps
_Message = TypeVar("_Message")


def _resident() -> Callable[[], int]:
    """A function that gives the bytes of memory that this process holds."""
    statm = Path("/proc/self/statm")
    if not statm.exists():
        process = psutil.Process()
        return lambda: int(process.memory_info().rss)
    descriptor, page = os.open(statm, os.O_RDONLY | os.O_CLOEXEC), os.sysconf("SC_PAGESIZE")
    return lambda: int(os.pread(descriptor, 64, 0).split()[1]) * page


def _of_glibc(name: str) -> Callable[..., int]:
    """A function of glibc's allocator; one that does nothing where the C library is another."""
    function: Callable[..., int] = getattr(ctypes.CDLL(None), name, lambda *_: 0)
    return function


def return_large_blocks() -> None:
    """Have blocks of 1 MiB and more go back to the system as soon as they are freed.

    By itself glibc raises that size, up to 32 MiB, whenever such a block is freed: bodies then leave holes that nobody gives back.
    """
    _of_glibc("mallopt")(_M_MMAP_THRESHOLD, 1_048_576)


class Incoming:
    """The messages that are coming in, held to a limit together with whatever else the process has grown by.

    Args:
        max_bytes: the limit.
        max_message_bytes: how long one message may be.
    """

    def __init__(self, max_bytes: int, max_message_bytes: int) -> None:
        self._resident = _resident()
        self._max_bytes = max_bytes
        self._begin_from(self._resident())
        self._read = time.monotonic()
        self._max_message_bytes = max_message_bytes
        self._trimmed = 0.0
        self._reading: dict[asyncio.Timeout, float] = {}
        self._watching: asyncio.TimerHandle | None = None

    def check(self) -> None:
        """Whether another message may come in.

        Raises:
            UnavailableError: the limit is near.
        """
        if self._held > self._full_at and self._look() > self._full_at:
            if self._reading or time.monotonic() - self._read < _OWN_AFTER_S:
                raise _no_room()
            self._begin_from(self._held)

    def _begin_from(self, resident: int) -> None:
        """Take what is held for the process's own: no message has come in for so long that none of it can be messages."""
        self._held = resident
        self._careful_at = resident + int(_CAREFUL_SHARE * self._max_bytes)
        self._full_at = resident + int(_FULL_SHARE * self._max_bytes)

    async def message(self, read: Callable[[], Awaitable[_Message]]) -> _Message:
        """What `read` brings; waits up to a second for room to begin.

        Raises:
            UnavailableError: there was none, or none is left, or the message takes longer than clients wait.
        """
        began = time.monotonic()
        while not self._room():
            if time.monotonic() - began > _LONGEST_WAIT_S:
                raise _no_room()
            await asyncio.sleep(_LOOK_EVERY_S)
        try:
            async with asyncio.timeout(_SLOWEST_S) as reading:
                self._reading[reading] = time.monotonic()
                if self._watching is None:
                    self._watch_on()
                try:
                    return await read()
                finally:
                    self._reading.pop(reading, None)
                    self._read = time.monotonic()
        except TimeoutError:
            raise _no_room() if self._held > self._full_at else _too_slow() from None

    def _room(self) -> bool:
        return self._held < self._careful_at or self._look() + self._new() * self._max_message_bytes <= self._full_at

    def _new(self) -> int:
        """How many messages have begun so lately that what they bring has not been seen."""
        since = time.monotonic() - _NEW_S
        return sum(1 for _ in takewhile(lambda began: began > since, reversed(self._reading.values())))

    def _watch_on(self) -> None:
        self._watching = asyncio.get_running_loop().call_later(_LOOK_EVERY_S, self._watch)

    def _watch(self) -> None:
        self._watching = None
        if self._reading:
            self._watch_on()
            if self._look() > self._full_at:
                self._make_room()

    def _make_room(self) -> None:
        slow_from = time.monotonic() - _SLOW_S
        reading = sorted(self._reading, key=lambda each: self._reading[each])
        slow = [each for each in reading if self._reading[each] < slow_from]
        for each in slow or reading[max(1, len(reading) // 2) :]:  # what came first shall arrive
            del self._reading[each]
            each.reschedule(0)

    def _look(self) -> int:
        """The memory that is held, after the allocator has given back what it can where that is too much."""
        self._held = self._resident()
        if self._held > self._full_at and (now := time.monotonic()) - self._trimmed > _TRIM_EVERY_S:
            self._trimmed = now
            _of_glibc("malloc_trim")(0)
            self._held = self._resident()
        return self._held


def _no_room() -> UnavailableError:
    return UnavailableError("requests under way hold the memory that is set aside for them", retry_after_s=1.0)


def _too_slow() -> UnavailableError:
    return UnavailableError(f"the message was not complete after {_SLOWEST_S:.0f} s", retry_after_s=1.0)
