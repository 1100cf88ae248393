"""The three signals of OTLP, and what the collector says of one payload; handed between receivers, inbox and decode."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum


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
