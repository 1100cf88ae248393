"""The memory that gRPC messages take while they come in, which grpcio tells nobody; the gRPC receiver asks before and while it reads.

A gRPC request does not say how long its message is, and grpcio reads a message whole. So the process's own allocator is asked: 0.6 us a
question. Where it cannot answer (only glibc's can), as many messages come in at once as the receiver has threads.
"""

from __future__ import annotations

import ctypes
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, Protocol

from ..storage.signals import UnavailableError

_LOOK_EVERY_S: Final = 0.005  # at 2 GB/s, more than loopback gives, 10 MB come in meanwhile
_FULL_SHARE: Final = 0.75  # of the limit; the rest is for what comes between two looks, and for messages being handed over


class _Mallinfo2(ctypes.Structure):
    """What glibc's `mallinfo2` gives; see its manual page."""

    _fields_ = tuple(
        (name, ctypes.c_size_t)
        for name in ("arena", "ordblks", "smblks", "hblks", "hblkhd", "usmblks", "fsmblks", "uordblks", "fordblks", "keepcost")
    )


def _allocated() -> Callable[[], int] | None:
    """A function that gives the bytes that are allocated in this process; None where the C library has none."""
    try:
        mallinfo2 = ctypes.CDLL(None).mallinfo2
    except (AttributeError, OSError):
        return None
    mallinfo2.restype = _Mallinfo2

    def allocated() -> int:
        info = mallinfo2()
        total: int = info.uordblks + info.hblkhd
        return total

    return allocated


class Call(Protocol):
    """What can be ended while its message comes in: a `grpc.ServicerContext`."""

    def cancel(self) -> None:
        """End it; its client hears CANCELLED, which OTLP lets it try again."""
        ...


class Incoming:
    """The messages that are coming in, held to a limit together with whatever else was allocated since this was made."""

    def __init__(self, max_bytes: int, allocated: Callable[[], int] | None = None) -> None:
        self._allocated = allocated or _allocated() or (lambda: 0)
        self._full_at = self._allocated() + int(_FULL_SHARE * max_bytes)
        self._calls: dict[Call, None] = {}
        self._any = threading.Event()
        threading.Thread(target=self._watch, name="grpc-memory", daemon=True).start()

    def check(self) -> None:
        """Whether another message may come in.

        Raises:
            UnavailableError: the limit is near.
        """
        if self._allocated() > self._full_at:
            raise UnavailableError("requests under way hold the memory that is set aside for them", retry_after_s=1.0)

    @contextmanager
    def reading(self, call: Call) -> Iterator[None]:
        """The time in which a call's message comes in; where memory runs out, the calls that began last are ended."""
        self._calls[call] = None
        if not self._any.is_set():
            self._any.set()
        try:
            yield
        finally:
            self._calls.pop(call, None)

    def _watch(self) -> None:
        while self._any.wait():
            self._any.clear()
            while self._calls:
                time.sleep(_LOOK_EVERY_S)
                if self._allocated() > self._full_at:
                    self._end_newest()

    def _end_newest(self) -> None:
        """End a quarter of the calls: what came first shall arrive."""
        calls = list(self._calls)
        for call in calls[-max(1, len(calls) // 4) :]:
            self._calls.pop(call, None)
            call.cancel()
