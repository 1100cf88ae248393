"""What of an inbox is in the tables and not yet passed on: the pipeline keeps it here when it lets go of it, the forwarder reads on.

`POND/forward/` holds a folder a destination, with its cursor: up to which position of each inbox payloads have been passed on. Beside
them, `.kept/<inbox>/` holds segments that the inbox itself holds no more: hard links, so that keeping one copies nothing and an inbox
is never fuller for a destination that does not answer. The forwarder removes them when every destination has passed them, and the oldest
beyond a bound.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from ..durable import fsync_folder, make_folder, write_file
from .segments import BEGINNING, SEALED, Position, Segment, forget, segment_path, segments_with_kept, unread_bytes

logger = logging.getLogger(__name__)

_SLACK_BYTES = 1_000_000_000
"""So far beyond the bound nothing more is kept: the forwarder, which removes the oldest every second, does not run."""


@dataclass(frozen=True, slots=True)
class KeptSegment:
    """A segment that its inbox holds no more."""

    inbox: str
    number: int
    path: Path
    size: int
    sealed_unix_nano: int


@dataclass(frozen=True, slots=True)
class Kept:
    """The kept segments of a pond, and how far its destinations are.

    Attributes:
        pond: the pond's folder.
        destinations: who payloads are passed on to, by name.
        max_bytes: how much is kept.
    """

    pond: Path
    destinations: tuple[str, ...]
    max_bytes: int

    def folder(self, inbox: str) -> Path:
        """Where an inbox's segments are kept."""
        return self.pond / "forward" / ".kept" / inbox

    def positions(self, destination: str) -> dict[str, Position]:
        """Up to where each inbox has been passed on to a destination; empty before its first payload."""
        path = self._cursor(destination)
        if not path.exists():
            return {}
        return {inbox: Position(*position) for inbox, position in json.loads(path.read_bytes()).items()}

    def write_positions(self, destination: str, positions: Mapping[str, Position]) -> None:
        """Note up to where each inbox has been passed on, durably."""
        make_folder(self._cursor(destination).parent)
        write_file(self._cursor(destination), json.dumps(positions).encode())

    def forget(self, inbox: Path, position: Position) -> None:
        """Have an inbox let go of everything before a position; what a destination has not passed is kept."""
        if not self.destinations:
            for segment in self.segments():  # for destinations that the settings no longer name
                segment.path.unlink(missing_ok=True)
            forget(inbox, position)
            return
        passed = min(self.positions(destination).get(inbox.name, BEGINNING) for destination in self.destinations)
        forget(inbox, position, partial(self._keep, inbox.name, passed))

    def segments(self) -> list[KeptSegment]:
        """Every kept segment, oldest first."""
        found = []
        for path in (self.pond / "forward" / ".kept").glob(f"*/*{SEALED}"):
            state = path.stat()
            found.append(KeptSegment(path.parent.name, int(path.stem), path, state.st_size, state.st_mtime_ns))
        return sorted(found, key=lambda segment: (segment.sealed_unix_nano, segment.inbox, segment.number))

    def unread_bytes(self, inbox: Path, position: Position) -> int:
        """How much lies after a position, in an inbox and kept."""
        return unread_bytes(segments_with_kept(inbox, self.folder(inbox.name)), position)

    def _keep(self, inbox: str, passed: Position, segment: Segment) -> None:
        """Keep a segment, unless all have passed it; what cannot be kept is lost to the destinations, and no reason to stop."""
        folder = self.folder(inbox)
        try:
            if Position(segment.number, segment.path.stat().st_size) <= passed:
                return
            if sum(kept.size for kept in self.segments()) > self.max_bytes + _SLACK_BYTES:
                logger.warning("segment %d of inbox %s is not kept for forwarding: the forwarder does not run", segment.number, inbox)
                return
            make_folder(folder)
            target = segment_path(folder, segment.number, sealed=True)
            if not target.exists():
                os.link(segment.path, target)
            fsync_folder(folder)
        except FileNotFoundError:
            raise  # another writer has renamed it, and it does not go now
        except OSError as failure:
            logger.warning("segment %d of inbox %s cannot be kept for forwarding: %s", segment.number, inbox, failure)

    def _cursor(self, destination: str) -> Path:
        return self.pond / "forward" / destination / "cursor"
