"""The memory that one request holds while it is read and stored, reserved from the sink as the request grows."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Final, Self

from ..storage.signals import Sink

_LARGEST_STEP_BYTES: Final = 4 * 1024 * 1024


class Admission:
    """Open as long as the request's bytes are in memory."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._reservations = ExitStack()
        self._held = 0
        self._needed = 0

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

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._reservations.close()
