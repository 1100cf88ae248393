"""What dead writers left open is sealed: the last frame ends it, and not what a crash or an older segment left behind that."""

from __future__ import annotations

import logging
import os
import sys
from pathlib import Path

from ..durable import fsync_file
from ..locks import locked
from . import durable_end, spares
from .reading import mark_of, scan
from .segments import LOCK, OPEN, Segment, mark_key, segment_path, segments

logger = logging.getLogger(__name__)


def seal_leftovers(folder: Path) -> None:
    """Seal what a dead process left open, and remove what it would have written over; the caller holds the inbox's lock."""
    for segment in segments(folder):
        if segment.path.suffix == OPEN:
            try:
                _cut(segment)
            except OSError as failure:  # a reader will report what is behind the frames
                logger.warning("cannot cut off the end of %s: %s", segment.path, failure)
            segment.path.rename(segment_path(folder, segment.number, sealed=True))
    spares.remove_all(folder)


def seal_abandoned(folder: Path) -> None:
    """Seal what a dead process left open, where nobody writes this inbox now: such as that of a receiver process that is no more.

    Its end may be half a frame, which would be waited for.
    """
    if any(segment.path.suffix == OPEN for segment in segments(folder)) or spares.spares(folder):
        with locked(folder / LOCK, wait=False) as held:
            if held:
                seal_leftovers(folder)


def _cut(segment: Segment) -> None:
    """Take away what stands behind the last whole frame; what was noted as durable stays, damaged or not."""
    content = memoryview(segment.path.read_bytes())
    mark = mark_of(segment, mark_key(segment.path.parent))
    found, _, _ = scan(content, mark, sys.maxsize, final=True)
    end = max(found[-1].end if found else 0, durable_end.noted(segment.path))
    if end < len(content):
        os.truncate(segment.path, end)
        fsync_file(segment.path)
