"""Counts how each request ends: the receivers open one `Counted` a request, and tell it what they have found in it."""

from __future__ import annotations

import asyncio
from concurrent.futures import Future
from types import TracebackType
from typing import Self

from ..storage.access import ForbiddenError, LimitedError, UnauthenticatedError
from ..storage.counters import COUNTERS, Received
from ..storage.signals import Inspection, UnavailableError, UndecodableError
from .exports import EXPORTS, Export
from .refusals import DisconnectedError, RefusedError

_ACCESS = (ForbiddenError, LimitedError, UnauthenticatedError)
_GONE = (DisconnectedError, asyncio.CancelledError)  # over HTTP, over gRPC
_FORESEEN = (*_ACCESS, *_GONE, RefusedError, UndecodableError, UnavailableError)
_NOT_YET = Inspection(items=0)


def received(transport: str) -> dict[Export, Received]:
    """The counters of each Export call on a transport."""
    return {export: Received(COUNTERS, export.signal, transport) for export in EXPORTS}


class Counted:
    """One request; what ends the context says how it ended.

    Attributes:
        inspection: what was found in it, once that is known.
        stored: ends as the request does, once it is handed to the inbox; its sender may have gone away by then.
    """

    __slots__ = ("_received", "inspection", "stored")

    def __init__(self, received: Received) -> None:
        self._received = received
        self.inspection = _NOT_YET
        self.stored: Future[None] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _kind: type[BaseException] | None, error: BaseException | None, _where: TracebackType | None) -> None:
        if self.stored is not None and isinstance(error, asyncio.CancelledError):
            self.stored.add_done_callback(lambda stored: self._end(stored.exception()))
        else:
            self._end(error)

    def _end(self, error: BaseException | None) -> None:
        if error is None:
            self._received.accepted(self.inspection)
        elif isinstance(error, _FORESEEN):
            self._received.refused(self.inspection.items)
        elif isinstance(error, Exception):
            self._received.failed(self.inspection.items)
