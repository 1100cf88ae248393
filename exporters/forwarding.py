"""All destinations of a collector: their forwarders, cursors committed together, and the bound on what is kept; run by its process."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from ..storage.inbox.kept import Kept
from ..storage.inbox.segments import Position
from ..storage.signals import Signal
from .destination import Answer, Client, Destination, TryLater
from .forwarder import Counts, Forwarder
from .otlp_grpc import GrpcClient
from .otlp_http import HttpClient

logger = logging.getLogger(__name__)


class PondForwarding:
    """One pond's forwarders.

    Args:
        kept: the pond, its destinations' names, and how much may be kept.
        destinations: where to pass on, and with what.
    """

    def __init__(self, kept: Kept, destinations: Sequence[Destination], *, retry_window_s: float) -> None:
        self._kept = kept
        self.forwarders = [
            Forwarder(destination, LateClient(destination), kept, retry_window_s=retry_window_s) for destination in destinations
        ]

    def start(self) -> None:
        """Begin."""
        for forwarder in self.forwarders:
            forwarder.start()

    def tend(self) -> None:
        """Commit the cursors, and remove what all have passed and what is beyond the bound; to be called every second."""
        try:
            for forwarder in self.forwarders:
                forwarder.commit()
            self._sweep()
        except OSError as failure:
            logger.warning("the forwarder cannot note how far it is, trying again: %s", failure)

    def drain(self, timeout_s: float) -> None:
        """Pass on what is accepted by now, where destinations answer, and stop."""
        end = time.monotonic() + timeout_s
        for forwarder in self.forwarders:
            forwarder.drain(max(0.0, end - time.monotonic()))
        self._sweep()

    def progress(self) -> dict[str, dict[str, Any]]:
        """By destination: its counts, by signal in lower case, and the bytes that wait."""
        return {forwarder.name: plain(forwarder.counts) | {"unread_bytes": forwarder.unread_bytes()} for forwarder in self.forwarders}

    def _sweep(self) -> None:
        kept = self._kept.segments()
        stored = sum(segment.size for segment in kept)
        for segment in kept:
            end = Position(segment.number, segment.size)
            if stored > self._kept.max_bytes:
                for forwarder in self.forwarders:
                    forwarder.lose(segment)
            elif any(forwarder.passed(segment.inbox) < end for forwarder in self.forwarders):
                continue
            segment.path.unlink(missing_ok=True)
            stored -= segment.size


class LateClient:
    """A destination's client, opened when something is sent: files that cannot be read keep this destination waiting, and no other."""

    def __init__(self, destination: Destination) -> None:
        self._destination = destination
        self._lock = threading.Lock()
        self._client: Client | None = None

    def send(self, signal: Signal, payload: bytes) -> Answer:
        """One attempt."""
        try:
            opened = self._opened()
        except OSError as error:
            return TryLater(f"a certificate or key cannot be used: {error}")
        return opened.send(signal, payload)

    def close(self) -> None:
        """Let go of connections."""
        with self._lock:
            if self._client is not None:
                self._client.close()

    def _opened(self) -> Client:
        with self._lock:
            if self._client is None:
                self._client = client(self._destination)
            return self._client


def client(destination: Destination) -> Client:
    """What sends to a destination.

    Raises:
        OSError: a certificate or key file cannot be read.
    """
    return GrpcClient(destination) if destination.protocol == "grpc" else HttpClient(destination)


def plain(counts: Counts) -> dict[str, Any]:
    """Counts as JSON has them, by signal in lower case."""
    return {
        name: {signal.name.lower(): items for signal, items in value.items()} if isinstance(value, Mapping) else value
        for name, value in asdict(counts).items()
    }
