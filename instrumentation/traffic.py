"""What goes through this process: requests that were started, ended and failed. The part `requests` counts, the part `server` observes."""

from __future__ import annotations


class Traffic:
    """Counters since the start of this process.

    Plain integers: a thread switch never falls between reading and writing one, and who reads them may be one request behind.
    """

    __slots__ = ("ended", "failed", "started")

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Begin anew: a forked child has answered nothing yet."""
        self.started = 0
        self.ended = 0
        self.failed = 0

    @property
    def active(self) -> int:
        """Requests that are being answered now."""
        return max(0, self.started - self.ended)

    def start(self) -> None:
        """A request has come."""
        self.started += 1

    def end(self, *, failed: bool) -> None:
        """It has been answered, or given up; `failed` where the answer is 500 or above, or none was given."""
        self.ended += 1
        if failed:
            self.failed += 1


traffic = Traffic()
"""Of this process."""
