"""How a pipeline is told what to do, and tells how far it is; implemented by its process, and by tests."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from ..inbox.segments import Position


@dataclass(slots=True)
class Progress:
    """How far the pipeline has come, since it started; times are seconds of wall clock."""

    positions: dict[str, Position] = field(default_factory=dict)
    items: int = 0
    retries: int = 0
    plans: int = 0
    decode_s: float = 0.0
    derive_s: float = 0.0
    write_s: float = 0.0
    publish_s: float = 0.0


class Control(Protocol):
    """Who tells the pipeline what to do, and hears of it."""

    def wait(self, timeout_s: float) -> None:
        """Sleep, or wake earlier because something was asked."""
        ...

    def stopping(self) -> bool:
        """Whether the pipeline should publish what it has and return."""
        ...

    def publish_asked(self) -> bool:
        """Whether somebody waits for a publish."""
        ...

    def asked(self) -> object:
        """Take the requests made so far; what comes back goes to `published`."""
        ...

    def published(self, asked: object) -> None:
        """Everything that was accepted before those requests is in the tables."""
        ...

    def progressed(self, progress: Progress) -> None:
        """Hear how far the pipeline has come."""
        ...
