"""How the sending thread is woken: by a knock from any thread or signal handler, and by the numbers of signals that Python writes.

A service that closes every descriptor it does not know, as daemons do at their start, closes ours too, and the system gives the number to
the next file or socket it opens. So ours lie where no other falls, and what lies there is looked at before it is read or written.
"""

from __future__ import annotations

import os
import select
import socket
import time
from contextlib import suppress
from typing import Any

HIGH = 4096
"""Near which descriptors lie, or near the limit of the process: the system gives the lowest free number to everybody else."""
ROOM = 16
RETRY_S = 0.1
_sleep = time.sleep
_poll: Any = getattr(select, "poll", None)  # gevent puts its own there later, which is not for our thread


class Wakeups:
    """Two sockets, joined: one is written to by whoever wakes, the other is read by the one thread that waits."""

    def __init__(self) -> None:
        self._open()

    def _open(self) -> None:
        reading, writing = socket.socketpair()
        self._reading, self._writing = _high(reading), _high(writing)
        for end in (self._reading, self._writing):
            end.setblocking(False)
        self._marks = mark(self._reading.fileno()), mark(self._writing.fileno())

    @property
    def fd(self) -> int:
        """Where Python may write the numbers of signals, for `signal.set_wakeup_fd`."""
        return self._writing.fileno()

    def knock(self) -> None:
        """Wake the thread that waits, now or the next time that it does; reentrant, unlike a threading.Event."""
        if mark(self._writing.fileno()) == self._marks[1]:
            with suppress(OSError):  # so many wait already that one more makes no difference
                self._writing.send(b"\0")

    def wait(self, timeout_s: float | None) -> bytes:
        """What was written since the last time, as soon as there is something; nothing after `timeout_s`, or where they are lost."""
        if self.are_lost():  # and new ones could not be had
            _sleep(RETRY_S if timeout_s is None else min(timeout_s, RETRY_S))
            return b""
        if _poll is None:  # Windows
            self._reading.settimeout(timeout_s)
        else:
            poll = _poll()
            poll.register(self._reading.fileno(), select.POLLIN)
            poll.poll(None if timeout_s is None else 1 + int(timeout_s * 1000))
            if self.are_lost():
                return b""
        with suppress(OSError):  # nothing is there
            return self._reading.recv(4096)
        return b""

    def are_lost(self) -> bool:
        """Whether somebody has closed them; their numbers may be another's by now."""
        return self._marks != (mark(self._reading.fileno()), mark(self._writing.fileno()))

    def renew(self) -> None:
        """Make new ones, in place of the old; where the process may open no more, they stay lost."""
        self.close()
        with suppress(OSError):
            self._open()

    def close(self) -> None:
        """Close what is still ours."""
        for end, own in zip((self._reading, self._writing), self._marks, strict=True):
            if own == mark(end.fileno()):
                end.close()
            else:
                end.detach()


def _high(end: socket.socket) -> socket.socket:
    return socket.socket(fileno=high(end.detach()))


def high(fd: int) -> int:
    """Where no other falls, the same file or socket, in place of `fd`; that one itself where it cannot be had."""
    try:
        from fcntl import F_DUPFD_CLOEXEC, fcntl  # noqa: PLC0415 - neither exists on Windows
        from resource import RLIMIT_NOFILE, getrlimit  # noqa: PLC0415

        limit = getrlimit(RLIMIT_NOFILE)[0]
        lowest = (min(limit, HIGH) if limit > 0 else HIGH) - ROOM
        copy = fcntl(fd, F_DUPFD_CLOEXEC, lowest)
    except (ImportError, OSError, ValueError):
        return fd
    os.close(fd)
    return copy


def mark(fd: int) -> object:
    """What a number stands for; None where that is nothing. Windows cannot tell, and nobody closes by number there."""
    if os.name == "nt":
        return fd
    try:
        found = os.fstat(fd)
    except OSError:
        return None
    return found.st_dev, found.st_ino
