"""What the collector knows of its receivers, be they in its own process (`receiving`) or in others (`workers`)."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Mapping
from typing import Final, Protocol

from ...storage.inbox.segments import Position
from ..operations.receiver_report import ReceiverReport
from ..settings import Settings

_LONGEST_ANSWERING_S: Final = 3.0


class Receivers(Protocol):
    """Receivers of one collector.

    Attributes:
        grpc: where they listen, HOST:PORT.
        http: where they listen, a URL.
    """

    grpc: str
    http: str

    @property
    def restarts(self) -> int:
        """How often one of their processes had to be started again."""
        ...

    async def start(self) -> None:
        """Open the inboxes and listen.

        Raises:
            CommandError: another process keeps an inbox, or an address is taken.
        """
        ...

    def note_read(self, tenant: str, positions: Mapping[str, Position]) -> None:
        """Hear from the pipeline how far it has read a pond's inboxes."""
        ...

    async def reports(self) -> list[ReceiverReport]:
        """What each process says of itself; one that does not answer is left out."""
        ...

    async def reload(self) -> None:
        """Read tokens, certificates and limits again."""
        ...

    async def stop(self, *, timeout_s: float) -> None:
        """Take no more requests, answer those that are under way, and let go of the inboxes; also where `start` has failed."""
        ...


_reloads: Final[set[asyncio.Task[None]]] = set()


def reload_soon(receivers: Receivers) -> None:
    """Reload, from a signal handler, which cannot wait for it."""
    reload = asyncio.ensure_future(receivers.reload())
    _reloads.add(reload)  # the loop alone would not keep it
    reload.add_done_callback(_reloads.discard)


def settle() -> None:
    """Keep what is loaded by now out of garbage collections: a full one over all of it takes 80 ms, in which nobody is answered."""
    gc.collect()
    gc.freeze()


def answering_s(settings: Settings) -> float:
    """Seconds of the time for stopping in which requests under way are answered; the rest is for the pipeline."""
    return min(_LONGEST_ANSWERING_S, settings.drain_timeout_s / 4)
