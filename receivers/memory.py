"""The memory that gRPC messages take while they come in, which grpcio tells nobody; the gRPC receiver asks before and while it reads.

A gRPC request does not say how long its message is, and grpcio reads it whole. So the process's resident memory is what is held to the
limit, by a thread that looks every 10 ms as long as messages come in. From a quarter of the limit on a message may be of the largest size
as long as it has just begun: only so many begin together as there is room for. What takes longer counts for what it has brought, so that
slow senders are in nobody's way.
"""

from __future__ import annotations

import ctypes
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Protocol

import psutil

from ..storage.signals import UnavailableError

_LOOK_EVERY_S: Final = 0.01
_NEW_S: Final = 0.1  # loopback brings 64 MiB in that time
_LONGEST_WAIT_S: Final = 1.0
_SLOWEST_S: Final = 10.0  # OTLP clients have given up by then
_SLOW_S: Final = 1.0
_OWN_AFTER_S: Final = 5.0
_TRIM_EVERY_S: Final = 0.1
_M_MMAP_THRESHOLD: Final = -3
_CAREFUL_SHARE: Final = 0.1  # of the limit; below it any number may begin, for 10 ms bring less than the rest
_FULL_SHARE: Final = 0.35  # of the limit; the rest is for messages that are handed over or parsed, and for what the allocator keeps


class Call(Protocol):
    """What can be ended while its message comes in: a `grpc.ServicerContext`."""

    def cancel(self) -> None:
        """End it; its client hears CANCELLED, which OTLP lets it try again."""
        ...


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
        most_calls: how many threads read; where more than half of them do, slow senders are ended.
    """

    def __init__(self, max_bytes: int, max_message_bytes: int, most_calls: int) -> None:
        self._resident = _resident()
        self._max_bytes = max_bytes
        self._begin_from(self._resident())
        self._read = time.monotonic()
        self._max_message_bytes = max_message_bytes
        self._most_calls = most_calls
        self._trimmed = 0.0
        self._new: dict[Call, float] = {}
        self._slow: dict[Call, float] = {}
        self._begun = threading.Event()
        threading.Thread(target=self._watch, name="grpc-memory", daemon=True).start()

    def check(self) -> None:
        """Whether another message may come in.

        Raises:
            UnavailableError: the limit is near.
        """
        if self._held > self._full_at and self._look() > self._full_at:
            if self._new or self._slow or time.monotonic() - self._read < _OWN_AFTER_S:
                raise _no_room()
            self._begin_from(self._held)

    def _begin_from(self, resident: int) -> None:
        """Take what is held for the process's own: no message has come in for so long that none of it can be messages."""
        self._held = resident
        self._careful_at = resident + int(_CAREFUL_SHARE * self._max_bytes)
        self._full_at = resident + int(_FULL_SHARE * self._max_bytes)

    @contextmanager
    def reading(self, call: Call) -> Iterator[None]:
        """The time in which a call's message comes in; waits up to a second for room to begin.

        Raises:
            UnavailableError: there was none.
        """
        began = time.monotonic()
        while not self._room():
            if time.monotonic() - began > _LONGEST_WAIT_S:
                raise _no_room()
            time.sleep(_LOOK_EVERY_S)
        self._new[call] = time.monotonic()
        if not self._begun.is_set():
            self._begun.set()
        try:
            yield
        finally:
            if self._new.pop(call, None) is None:
                self._slow.pop(call, None)
            self._read = time.monotonic()

    def _room(self) -> bool:
        return self._held < self._careful_at or self._look() + len(self._new) * self._max_message_bytes <= self._full_at

    def _watch(self) -> None:
        while self._begun.wait():
            self._begun.clear()
            while self._new or self._slow:
                time.sleep(_LOOK_EVERY_S)
                self._look()
                self._sort_out()

    def _look(self) -> int:
        """The memory that is held, after the allocator has given back what it can where that is too much."""
        self._held = self._resident()
        if self._held > self._full_at and (now := time.monotonic()) - self._trimmed > _TRIM_EVERY_S:
            self._trimmed = now
            _of_glibc("malloc_trim")(0)
            self._held = self._resident()
        return self._held

    def _sort_out(self) -> None:
        """Tell the slow calls from the new ones, and end those that cannot stay."""
        now = time.monotonic()
        for call, began in list(self._new.items()):
            if now - began > _NEW_S:
                self._slow[call] = began
                if self._new.pop(call, None) is None:  # it has just ended
                    self._slow.pop(call, None)
        calls = list(self._slow.items())
        patience_s = _SLOW_S if 2 * len(calls) > self._most_calls else _SLOWEST_S
        ended = [call for call, began in calls if now - began > patience_s]
        if self._held > self._full_at:
            reading = [*self._slow, *self._new]
            ended += reading[len(reading) // 2 :]  # what came first shall arrive
        for call in ended:
            call.cancel()


def _no_room() -> UnavailableError:
    return UnavailableError("requests under way hold the memory that is set aside for them", retry_after_s=1.0)
