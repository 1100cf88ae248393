"""The files of an inbox: their names, what of them is durable, and how they are let go; `reading` reads frames from them.

An inbox is a folder `DATA/inbox/<name>/`. Its writer appends to `<number>.open` and renames it to `<number>.segment` when it is full
or some seconds old; it never appends to a segment that was there before it started, so that what was read up to some place in a segment is
never followed by other bytes.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from ..durable import fsync_file
from . import durable_end, frames, spares

SEGMENT_BYTES = 32_000_000
"""At how many bytes a segment is sealed, and how many a batch of the pipeline reads at once: one batch a segment, about 75,000 spans."""
IDENTITY = "identity"
MARK_KEY = "mark.key"
"""What the marks of an inbox's segments are made from; see `frames`."""
LOCK = "lock"
"""Held by the inbox's writer."""
OPEN = ".open"
SEALED = ".segment"


class Position(NamedTuple):
    """A place in an inbox: everything before it has been read."""

    segment: int
    offset: int


BEGINNING = Position(0, 0)


@dataclass(frozen=True, slots=True)
class Segment:
    """One file of an inbox; sealed when nothing is appended any more."""

    number: int
    path: Path
    sealed: bool

    def end(self) -> int:
        """Up to where it holds frames; of an open one, as its writer has noted, those that are durable.

        Raises:
            FileNotFoundError: it was sealed or forgotten meanwhile.
        """
        return self.path.stat().st_size if self.sealed else durable_end.noted(self.path)

    def durable_bytes(self) -> int:
        """The same, after making sure that a power loss leaves them there."""
        end = self.end()
        if self.sealed:  # a process that died, or a failed fsync, may have left it so
            fsync_file(self.path)
        return end


def identity(folder: Path) -> str:
    """What tells an inbox from one that took its place under the same name; empty for one that has none."""
    try:
        return (folder / IDENTITY).read_text().strip()
    except FileNotFoundError:
        return ""


def mark_key(folder: Path) -> bytes | None:
    """What the marks of an inbox's segments are made from; None where it has none."""
    try:
        found = (folder / MARK_KEY).read_bytes()
    except FileNotFoundError:
        return None
    return found if len(found) == frames.KEY_BYTES else None


def segments(folder: Path) -> list[Segment]:
    """An inbox's files, oldest first; none where somebody removed the inbox. Only the last can be open, whatever the others are called."""
    try:
        paths = sorted(
            (path for path in folder.iterdir() if path.suffix in (OPEN, SEALED) and path.stem.isdigit()), key=lambda path: path.stem
        )
    except FileNotFoundError:
        return []
    return [Segment(int(path.stem), path, path.suffix == SEALED or path is not paths[-1]) for path in paths]


def segments_with_kept(folder: Path, kept: Path) -> list[Segment]:
    """An inbox's files and those that were kept when it let go of them, oldest first; the kept one where both have a number."""
    found = {segment.number: segment for segment in segments(folder)}  # first: what is gone from here is there by then
    if kept.is_dir():
        found |= {int(path.stem): Segment(int(path.stem), path, sealed=True) for path in kept.glob(f"*{SEALED}")}
    return [found[number] for number in sorted(found)]


def segment_path(folder: Path, number: int, *, sealed: bool) -> Path:
    """Where the segment of that number lies."""
    return folder / f"{number:010d}{SEALED if sealed else OPEN}"


def unread_bytes(found: Iterable[Segment], position: Position) -> int:
    """How much of an inbox's files lies after a position."""
    total = 0
    for segment in found:
        if segment.number >= position.segment:
            try:
                size = segment.end()
            except FileNotFoundError:  # renamed, kept or forgotten meanwhile
                continue
            total += max(0, size - (position.offset if segment.number == position.segment else 0))
    return total


def oldest_unread_unix_nano(folder: Path, position: Position) -> int:
    """When the first payload after a position was accepted; 0 where none waits."""
    for segment in segments(folder):
        if segment.number < position.segment:
            continue
        offset = position.offset if segment.number == position.segment else 0
        try:
            if offset >= segment.end():
                continue
            with segment.path.open("rb", buffering=0) as file:
                file.seek(offset)
                accepted = frames.accepted_unix_nano(file.read(frames.HEAD_BYTES))
        except FileNotFoundError:  # renamed or forgotten meanwhile
            continue
        if accepted:
            return accepted
    return 0


def forget(folder: Path, position: Position, keep: Callable[[Segment], None] = lambda _: None) -> None:
    """Let go of everything before a position.

    The highest numbered file stays, emptied, so that no number is used twice. `keep` is shown each segment before it goes, and may
    keep its bytes under another name. Where an open segment shows that much is written, files are left to be written over.
    """
    found = segments(folder)
    let_go = Path.unlink if not found or found[-1].sealed else spares.leave
    for segment in found:
        with contextlib.suppress(FileNotFoundError):  # sealed this moment by a new writer: the next call finds it
            if segment.number < position.segment and segment is not found[-1]:
                keep(segment)
                let_go(segment.path)
            elif segment.sealed and segment.number <= position.segment and 0 < segment.path.stat().st_size <= position.offset:
                keep(segment)
                _empty(segment.path)


def _empty(path: Path) -> None:
    """Leave an empty file of that name; bytes that have another name too stay."""
    if path.stat().st_nlink == 1:
        os.truncate(path, 0)
        return
    temporary = path.with_name(f".{path.name}.tmp")
    temporary.touch(mode=0o600)
    temporary.replace(path)


def end_position(folder: Path, after: Position) -> Position:
    """The place after the last byte that an inbox holds now."""
    last = after
    for segment in segments(folder):
        try:
            last = max(last, Position(segment.number, segment.end()))
        except FileNotFoundError:
            sealed = segment_path(folder, segment.number, sealed=True)
            if sealed.exists():
                last = max(last, Position(segment.number, sealed.stat().st_size))
    return last
