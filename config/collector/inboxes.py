"""The inboxes of one receiver process: one in each tenant's pond, opened when its first payload comes; handed to the receivers as sink."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Mapping
from concurrent.futures import Future
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Final

from ...receivers.exports import in_flight_bytes
from ...receivers.otlp_grpc import MOST_CALLS
from ...storage.access.tenants import DEFAULT_TENANT, pond_folder
from ...storage.decode.inspection import inspect
from ...storage.inbox.log import Inbox, InboxState, Limits
from ...storage.inbox.segments import Position
from ...storage.signals import Inspection, Signal, UnavailableError
from ..errors import CommandError
from ..settings import Settings

logger = logging.getLogger(__name__)

LARGEST_SHARE: Final = MOST_CALLS * 3 // 4
"""Requests of one tenant that may wait for the disk where others send too: some of those that gRPC takes at once are for others."""
_LOCK_S: Final = 30.0
_LOCK_POLL_S: Final = 0.2


def inbox_name(worker: int) -> str:
    """What the inbox of a receiver process is called in every pond; the first keeps the name that a single one has."""
    return f"receiver-{worker}" if worker else "receiver"


class Inboxes:
    """What the receivers of this process are handed; see `storage.signals.Sink`.

    Args:
        data: the data directory.
        name: of this process's inbox in every pond.
        limits: of each inbox; bodies in flight count together.

    Raises:
        BlockingIOError: another process writes this inbox of the default pond.
    """

    def __init__(self, data: Path, name: str, limits: Limits) -> None:
        self._data = data
        self.name = name
        self._limits = limits
        self._lock = threading.Lock()
        self._closing = False
        self._waiting: dict[str, int] = {}
        self._read: dict[str, Position] = {}
        self._default = Inbox(data / "inbox" / name, limits)
        self._inboxes = {DEFAULT_TENANT: self._default}

    def inspect(self, kind: Signal, payload: bytes) -> Inspection:
        """Parse a payload and apply the protocol's data rules."""
        return inspect(kind, payload)

    def admit(self, size: int) -> AbstractContextManager[None]:
        """Reserve memory for a body in flight. Where tenants share the process, whose inbox is full is seen when the body is there."""
        return self._default.admit(size) if len(self._inboxes) == 1 else self._default.reserve(size)

    def append(self, tenant: str, kind: Signal, payload: bytes, inspection: Inspection) -> Future[None]:
        """Make a payload durable in its tenant's pond."""
        try:
            inbox = self._inboxes.get(tenant) or self._open(tenant)
            self._begin(tenant)
        except UnavailableError as error:
            refused: Future[None] = Future()
            refused.set_exception(error)
            return refused
        future = inbox.append(tenant, kind, payload, inspection)
        future.add_done_callback(lambda _: self._end(tenant))
        return future

    def note_read(self, tenant: str, positions: Mapping[str, Position]) -> None:
        """Hear from the pipeline how far it has read a pond's inboxes."""
        if self.name in positions:
            self._read[tenant] = positions[self.name]
            if tenant in self._inboxes:
                self._inboxes[tenant].note_read(positions[self.name])

    def states(self) -> dict[str, InboxState]:
        """By tenant, how the inboxes do that are open here; one probe shows whether the disk takes data. May block."""
        return {tenant: inbox.state(probing=tenant == DEFAULT_TENANT) for tenant, inbox in self._inboxes.items()}

    def close(self) -> None:
        """Write what is queued, seal the segments and let go of the inboxes."""
        with self._lock:
            self._closing = True
        for inbox in self._inboxes.values():
            inbox.close()

    def _open(self, tenant: str) -> Inbox:
        """A tenant's inbox, its pond's folder made where this is the first that comes for it."""
        with self._lock:
            if self._closing:
                raise UnavailableError("the collector is shutting down", retry_after_s=1.0)
            if tenant not in self._inboxes:
                try:
                    inbox = Inbox(pond_folder(self._data, tenant) / "inbox" / self.name, self._limits)
                except OSError as failure:  # a process that was told to end may have it still
                    logger.warning("cannot open the inbox of tenant %s: %s", tenant, failure)
                    raise UnavailableError(f"the collector cannot store data now: {failure.strerror or failure}") from None
                if tenant in self._read:
                    inbox.note_read(self._read[tenant])
                self._inboxes = {**self._inboxes, tenant: inbox}
            return self._inboxes[tenant]

    def _begin(self, tenant: str) -> None:
        with self._lock:
            waiting = self._waiting.get(tenant, 0)
            if waiting >= LARGEST_SHARE and len(self._inboxes) > 1:
                raise UnavailableError(f"{waiting} requests of tenant {tenant} wait already", retry_after_s=1.0)
            self._waiting[tenant] = waiting + 1

    def _end(self, tenant: str) -> None:
        with self._lock:
            self._waiting[tenant] -= 1


def open_inboxes(settings: Settings, worker: int) -> Inboxes:
    """The inboxes of a receiver process; waits for one of a collector that was killed, which still writes what it had accepted.

    Args:
        settings: of the collector; what they allow is shared by its processes.
        worker: which of them this is.

    Raises:
        CommandError: another process keeps the inbox.
    """
    deadline = time.monotonic() + _LOCK_S
    while True:
        try:
            return Inboxes(settings.data.absolute(), inbox_name(worker), _limits(settings))
        except BlockingIOError as error:
            if time.monotonic() > deadline:
                raise CommandError(f"{settings.data}: {error}; end it, or take another --data directory") from None
            time.sleep(_LOCK_POLL_S)


def _limits(settings: Settings) -> Limits:
    """Of one inbox, so that those of all processes together keep to the settings; each process can take the largest body."""
    return Limits(
        soft_bytes=int(settings.inbox_soft_bytes) // settings.workers,
        max_bytes=int(settings.inbox_max_bytes) // settings.workers,
        in_flight_bytes=in_flight_bytes(int(settings.max_body_bytes)),
    )
