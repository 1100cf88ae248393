"""Finds the payload that makes decode or derive fail, or that ends the process, by halving; used by the pipeline.

What is being worked on is written to `DATA/plans/suspects`, durably, before the work starts. A stretch of frames that failed is tried
again with half as many frames at once, until the guilty payload is alone; that one then goes through the plain decoder, and if that
fails too, into quarantine. A process may also be ended from outside, by somebody or by a lack of memory: a payload that was alone
when that may have happened gets three tries before it is held guilty, one that raised an error or crashed the process gets none.
"""

from __future__ import annotations

import dataclasses
import json
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ..durable import write_file

logger = logging.getLogger(__name__)

Treatment = Literal["kernels", "plain", "quarantine"]
_STRIKES = 3


@dataclass(frozen=True, slots=True)
class Stretch:
    """Frames of one segment, from `start` to `end`.

    Attributes:
        frames: how many of them are (or were last) tried at once.
        strikes: how often one alone has failed; see `treatment`.
    """

    inbox: str
    segment: int
    start: int
    end: int
    frames: int
    strikes: int = 0

    @property
    def treatment(self) -> Treatment:
        """How the next try is made."""
        if self.strikes < _STRIKES:
            return "kernels"
        return "plain" if self.strikes < 2 * _STRIKES else "quarantine"


class Suspicion:
    """The stretches under suspicion, and those being worked on, kept on disk.

    Args:
        path: where they are kept.
        crashed: the process before this one ended by its own fault, and not by somebody's kill.
    """

    def __init__(self, path: Path, *, crashed: bool = False) -> None:
        self._path = path
        self._working: list[Stretch] = []
        self._suspects: list[Stretch] = []
        try:
            known = json.loads(path.read_bytes()) if path.exists() else {"suspects": [], "working": []}
            self._suspects = [Stretch(**fields) for fields in known["suspects"]]
            working = [Stretch(**fields) for fields in known["working"]]
        except (ValueError, KeyError, TypeError) as error:
            logger.warning("%s is damaged and passed over: a payload that fails is found anew (%s)", path, error)
            working = []
        for stretch in working:
            self.blame(stretch, strikes=_STRIKES if crashed else 1)

    def next_stretch(self, inbox: str, segment: int, offset: int) -> Stretch | None:
        """The suspect that a place lies in."""
        for suspect in self._suspects:
            if (inbox, segment) == (suspect.inbox, suspect.segment) and suspect.start <= offset < suspect.end:
                return suspect
        return None

    def first_suspect_after(self, inbox: str, segment: int, offset: int) -> int | None:
        """Where in the segment the next suspect begins."""
        starts = [s.start for s in self._suspects if (inbox, segment) == (s.inbox, s.segment) and s.start > offset]
        return min(starts, default=None)

    def start(self, stretches: list[Stretch]) -> None:
        """Note durably what is being worked on from now on, and nothing else is."""
        if stretches != self._working:
            self._working = stretches
            self._write()

    def clear(self, stretch: Stretch) -> None:
        """A stretch went well: it is under suspicion no more; but a verdict stands until it is published, or would be sought anew."""
        if stretch.strikes < _STRIKES:
            self._drop(stretch)

    def _drop(self, stretch: Stretch) -> None:
        kept = []
        for suspect in self._suspects:
            if (suspect.inbox, suspect.segment) != (stretch.inbox, stretch.segment) or suspect.end <= stretch.start:
                kept.append(suspect)
            elif suspect.end > stretch.end:
                kept.append(dataclasses.replace(suspect, start=max(suspect.start, stretch.end)))
        self._suspects = kept

    def forget(self, inbox: str, segment: int, offset: int) -> None:
        """What lies before a place is published, so that nothing there is suspect."""
        self._suspects = [s for s in self._suspects if s.inbox != inbox or (s.segment, s.end) > (segment, offset)]

    def blame(self, stretch: Stretch, *, strikes: int = _STRIKES) -> None:
        """A stretch failed: hold it in suspicion, more strictly than before."""
        self._drop(stretch)
        if stretch.frames > 1:
            suspect = dataclasses.replace(stretch, frames=stretch.frames // 2)
        else:
            suspect = dataclasses.replace(stretch, strikes=stretch.strikes + strikes)
        self._suspects.append(suspect)

    def _write(self) -> None:
        known = {
            "working": [dataclasses.asdict(stretch) for stretch in self._working],
            "suspects": [dataclasses.asdict(suspect) for suspect in self._suspects],
        }
        write_file(self._path, json.dumps(known).encode())
