"""How a pipeline is told what to do, and tells how far it is; its process and others put their own in."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TypeAlias

from ..inbox.segments import Position
from .tally import Tally

Turns: TypeAlias = Iterator[float]
"""A pipeline at work: each step is a turn, and gives for how many seconds there is nothing to do; 0 where there is more at once."""


@dataclass(slots=True)
class Progress:
    """How far the pipeline has come, since it started; times are seconds of wall clock.

    Attributes:
        positions: up to where each inbox has been read.
        items: in the batches worked on.
        published: what of it is in the tables.
        live_files: that the tables' last snapshots have, by table.
        unpublished_since_unix_nano: when the oldest payload was accepted that has been read and is in no table yet; 0 where there is none.
        commit_lag_s: what the oldest payload of the last plan waited from its acceptance until it was in all its tables.
        recovery_s: what finding and finishing the last plan took at the start, or after the last failure.
    """

    positions: dict[str, Position] = field(default_factory=dict)
    items: int = 0
    plans: int = 0
    published: Tally = field(default_factory=Tally)
    live_files: dict[str, int] = field(default_factory=dict)
    unpublished_since_unix_nano: int = 0
    commit_lag_s: float = 0.0
    recovery_s: float = 0.0
    decode_s: float = 0.0
    derive_s: float = 0.0
    write_s: float = 0.0
    publish_s: float = 0.0


class Control:
    """Who tells the pipeline what to do, and hears of it. This one has it publish what waits and return, and asks and hears nothing."""

    def wait(self, timeout_s: float) -> None:
        """Sleep, or wake earlier because something was asked."""

    def stopping(self) -> bool:
        """Whether the pipeline should publish what it has and return."""
        return True

    def alone(self) -> bool:
        """Whether no other pond has work for this process."""
        return True

    def publish_asked(self) -> bool:
        """Whether somebody waits for a publish."""
        return False

    def asked(self) -> object:
        """The requests made so far, for `published`; they stand until then."""
        return None

    def published(self, asked: object) -> None:
        """Everything that was accepted before those requests is in the tables."""

    def stuck(self, reason: str) -> None:
        """The pipeline stands still for a while, and cannot do what was asked."""

    def progressed(self, progress: Progress) -> None:
        """Hear how far the pipeline has come."""
