"""The three signals of OTLP, and what the collector says of one payload; handed between receivers, inbox and decode."""

from __future__ import annotations

from concurrent.futures import Future
from contextlib import AbstractContextManager
from dataclasses import dataclass
from enum import IntEnum
from typing import Protocol


class Signal(IntEnum):
    """A signal of OTLP; the number is stored in inbox frames and never changes."""

    TRACES = 1
    METRICS = 2
    LOGS = 3


@dataclass(frozen=True, slots=True)
class Inspection:
    """What the data rules of OTLP say of one payload, known before the answer.

    Attributes:
        items: spans, metric points or log records in the payload, rejected ones included.
        rejected: how many of them break a rule of the protocol and will reach no table but `rejected_records`.
        reason: the first reason for a rejection, in words for the sender; empty where nothing is rejected.
        timeless: no item carries a time, so that equal bytes are not evidence of a retry.
    """

    items: int
    rejected: int = 0
    reason: str = ""
    timeless: bool = False


class UndecodableError(ValueError):
    """The payload is not a message of its signal. The text says what is wrong and where, for the sender."""


class TooDenseError(UndecodableError):
    """The payload holds more messages than anybody sends, which parsed would take far more memory than its bytes."""


class UnavailableError(Exception):
    """The collector cannot take the payload now, and the sender should try again.

    Attributes:
        retry_after_s: after how many seconds, 1 to 3: Python's exporters give up after 10.
    """

    def __init__(self, reason: str, retry_after_s: float = 2.0) -> None:
        super().__init__(reason)
        self.retry_after_s = retry_after_s


class Sink(Protocol):
    """What a receiver is handed, and all it knows of the collector."""

    def inspect(self, signal: Signal, payload: bytes) -> Inspection:
        """Parse a payload and apply the protocol's data rules.

        Raises:
            UndecodableError: the bytes are no message of that signal.
            TooDenseError: they hold too many.
        """
        ...

    def admit(self, size: int) -> AbstractContextManager[None]:
        """Reserve memory for a body in flight, for as long as the context is open.

        Raises:
            UnavailableError: too much is in flight already.
        """
        ...

    def append(self, tenant: str, signal: Signal, payload: bytes, inspection: Inspection) -> Future[None]:
        """Make a payload durable; the future ends after the fsync, or with UnavailableError."""
        ...
