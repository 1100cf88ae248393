"""One limit of time for all that is said to a channel: names, addresses, TLS and answers, however often a byte comes."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import suppress
from types import TracebackType
from typing import Self


class TimeLimit:
    """Begins when it is made; within a `with`, the connection that it watches is cut when it is over.

    A socket's own limit is about each byte, so that a server which sends one every 9 s would hold a channel for hours.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._ends_at = time.monotonic() + seconds
        self._watched: socket.socket | None = None
        self._timer = threading.Timer(seconds, self._cut)
        self._timer.daemon = True

    def __enter__(self) -> Self:
        self._timer.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None) -> None:
        self._timer.cancel()
        self._timer.join()
        if self._watched is not None:
            self._watched.close()

    @property
    def is_over(self) -> bool:
        """Whether no time is left."""
        return time.monotonic() >= self._ends_at

    @property
    def fault(self) -> str:
        """What to say where it is over."""
        return f"no answer within {self._seconds:g} s"

    def left_s(self) -> float:
        """Seconds that are left, more than 0.

        Raises:
            TimeoutError: none are.
        """
        left_s = self._ends_at - time.monotonic()
        if left_s <= 0:
            raise TimeoutError(self.fault)
        return left_s

    def watch(self, connection: socket.socket) -> None:
        """Cut this one, whatever wraps it, detaches or closes it.

        Raises:
            TimeoutError: the limit is over already.
        """
        self._watched = connection.dup()
        self.left_s()

    def _cut(self) -> None:
        with suppress(OSError):
            if self._watched is not None:
                self._watched.shutdown(socket.SHUT_RDWR)
