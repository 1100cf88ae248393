"""The memory that one request holds while it is read and stored, reserved from the sink as the request grows."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Final, Self

from ..storage.signals import Sink

LONG_BYTES: Final = 1_048_576
"""Longer payloads are parsed in a thread, one at a time: the parsers hold the interpreter's lock, two would only hold more memory."""

_LARGEST_STEP_BYTES: Final = 4 * 1024 * 1024
_PARSED_PROTOBUF: Final = 3  # times its bytes (measured: 3.0)
_PARSED_JSON: Final = 8  # measured: 7.2
_ONE_LONG: Final = threading.Lock()


class Admission:
    """Open as long as the request's bytes are in memory."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._reservations = ExitStack()
        self._held = 0
        self._needed = 0

    def check(self, size: int) -> None:
        """See that there is room for `size` bytes, without holding it: who only announces them may never send them.

        Raises:
            UnavailableError: the collector has no room for them now.
        """
        with self._sink.admit(size):
            pass

    def reserve(self, size: int) -> None:
        """Hold `size` more bytes; what grows in many small pieces is reserved in steps that double, up to 4 MiB.

        Raises:
            UnavailableError: the collector has no room for them now.
        """
        self._needed += size
        if self._needed > self._held:
            step = max(self._needed - self._held, min(self._held, _LARGEST_STEP_BYTES))
            self._reservations.enter_context(self._sink.admit(step))
            self._held += step

    @contextmanager
    def parsing(self, size: int, *, json: bool = False) -> Iterator[None]:
        """Hold what parsing `size` bytes takes besides them, as long as it takes; for a short protobuf message that is not worth counting.

        Raises:
            UnavailableError: the collector has no room for it now.
        """
        with ExitStack() as held:
            if size > LONG_BYTES:
                held.enter_context(_ONE_LONG)
            if json or size > LONG_BYTES:
                held.enter_context(self._sink.admit(size * (_PARSED_JSON if json else _PARSED_PROTOBUF)))
            yield

    def copied(self, body: bytearray) -> bytes:
        """A body as bytes, which stand beside it for a moment.

        Raises:
            UnavailableError: the collector has no room for it now.
        """
        with self._sink.admit(len(body)):
            return bytes(body)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._reservations.close()
