"""The memory that gRPC messages take while they come in, which grpcio tells nobody; the gRPC receiver asks before and while it reads.

A gRPC request does not say how long its message is, and grpcio reads it whole. So the process's resident memory is what is held to the
limit (3 us a look). A message may be of the largest size as long as it has just begun: only so many begin at once as there is room for.
What takes longer counts for what it has brought, so that slow senders are in nobody's way.
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
_TRIM_EVERY_S: Final = 0.1
_M_MMAP_THRESHOLD: Final = -3
_FULL_SHARE: Final = 0.5  # of the limit; the rest is for messages that are handed over or parsed, and for what the allocator keeps


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
    """The messages that are coming in, held to a limit together with whatever else the process has grown by since this was made.

    Args:
        max_bytes: the limit.
        max_message_bytes: how long one message may be.
        most_calls: how many threads read; where more than half of them do, slow senders are ended.
    """

    def __init__(self, max_bytes: int, max_message_bytes: int, most_calls: int) -> None:
        self._resident = _resident()
        self._full_at = self._resident() + int(_FULL_SHARE * max_bytes)
        self._max_message_bytes = max_message_bytes
        self._most_calls = most_calls
        self._trimmed = 0.0
        self._new: dict[Call, float] = {}
        self._slow: dict[Call, float] = {}
        self._changed = threading.Condition()
        threading.Thread(target=self._watch, name="grpc-memory", daemon=True).start()

    def check(self) -> None:
        """Whether another message may come in.

        Raises:
            UnavailableError: the limit is near.
        """
        if self._full():
            raise _no_room()

    @contextmanager
    def reading(self, call: Call) -> Iterator[None]:
        """The time in which a call's message comes in; waits up to a second for room to begin.

        Raises:
            UnavailableError: there was none.
        """
        with self._changed:
            if not self._changed.wait_for(self._room, _LONGEST_WAIT_S):
                raise _no_room()
            self._new[call] = time.monotonic()
            if len(self._new) == 1:
                self._changed.notify_all()
        try:
            yield
        finally:
            with self._changed:
                if self._new.pop(call, None) is None:
                    self._slow.pop(call, None)
                self._changed.notify()

    def _full(self) -> bool:
        """Whether the limit is reached, even after the allocator has given back what it can."""
        if self._resident() <= self._full_at:
            return False
        if (now := time.monotonic()) - self._trimmed > _TRIM_EVERY_S:
            self._trimmed = now
            _of_glibc("malloc_trim")(0)
        return self._resident() > self._full_at

    def _room(self) -> bool:
        return self._resident() + len(self._new) * self._max_message_bytes <= self._full_at

    def _watch(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._new or self._slow)
            time.sleep(_LOOK_EVERY_S)
            self._look()

    def _look(self) -> None:
        now = time.monotonic()
        with self._changed:
            for call in [call for call, began in self._new.items() if now - began > _NEW_S]:
                self._slow[call] = self._new.pop(call)
                self._changed.notify()
            crowded = 2 * (len(self._slow) + len(self._new)) > self._most_calls
            ended = [call for call, began in self._slow.items() if now - began > (_SLOW_S if crowded else _SLOWEST_S)]
            if self._full():
                ended += list(self._slow | self._new)[-1:]  # what came first shall arrive
        for call in ended:
            call.cancel()


def _no_room() -> UnavailableError:
    return UnavailableError("requests under way hold the memory that is set aside for them", retry_after_s=1.0)
