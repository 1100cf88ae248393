"""The files of an inbox: their names, what of them is durable, and reading frames from them; used by the pipeline.

An inbox is a folder `DATA/inbox/<name>/`. Its writer appends to `<number>.open` and renames it to `<number>.segment` when it is full
or some seconds old; it never appends to a file that was there before it started, so that a torn tail stays where it is and what was
read up to some place in a file is never followed by other bytes.
"""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..durable import sync
from ..locks import locked
from . import frames
from .buffers import Blocks
from .frames import Frame

SEGMENT_BYTES = 32_000_000
"""At how many bytes a segment is sealed, and how many a batch of the pipeline reads at once: one batch a segment, about 75,000 spans."""
_BLOCKS = Blocks(SEGMENT_BYTES * 5 // 4)
_GAP = 1000
_LISTINGS = 10
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

    def durable_bytes(self) -> int:
        """How many bytes there are, after making sure that a power loss leaves them there."""
        descriptor = os.open(self.path, os.O_RDONLY)
        try:
            size = os.fstat(descriptor).st_size
            sync(descriptor)  # a sealed one too: a process that died, or a failed fsync, may have left it so
            return size
        finally:
            os.close(descriptor)


@dataclass(frozen=True, slots=True)
class Damage:
    """Bytes of a segment that are no frame: a torn tail, or something flipped."""

    segment: int
    start: int
    end: int
    torn: bool


@dataclass(frozen=True, slots=True)
class Chunk:
    """Frames read at once from one segment.

    Attributes:
        wire: the bytes that the frames' places refer to.
        base: the offset of `wire` in the segment.
        after: the position that follows the chunk.
    """

    inbox: str
    segment: int
    base: int
    wire: NDArray[np.uint8]
    frames: list[Frame]
    damages: list[Damage]
    after: Position

    @property
    def items(self) -> int:
        """Items in the chunk's frames."""
        return sum(frame.items for frame in self.frames)


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
                size = segment.path.stat().st_size
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
            with segment.path.open("rb", buffering=0) as file:
                file.seek(offset)
                accepted = frames.accepted_unix_nano(file.read(frames.HEAD_BYTES))
        except FileNotFoundError:  # renamed or forgotten meanwhile
            continue
        if accepted:
            return accepted
    return 0


def seal_leftovers(folder: Path) -> None:
    """Seal what a dead process left open; the caller holds the inbox's lock."""
    for segment in segments(folder):
        if segment.path.suffix == OPEN:
            segment.path.rename(segment_path(folder, segment.number, sealed=True))


def seal_abandoned(folder: Path) -> None:
    """Seal what a dead process left open, where nobody writes this inbox now: such as that of a receiver process that is no more.

    Its end may be half a frame, which would be waited for.
    """
    with locked(folder / LOCK, wait=False) as held:
        if held:
            seal_leftovers(folder)


def forget(folder: Path, position: Position, keep: Callable[[Segment], None] = lambda _: None) -> None:
    """Let go of everything before a position.

    The highest numbered file stays, emptied, so that no number is used twice. `keep` is shown each segment before it goes, and may
    keep its bytes under another name.
    """
    found = segments(folder)
    for segment in found:
        with contextlib.suppress(FileNotFoundError):  # sealed this moment by a new writer: the next call finds it
            if segment.number < position.segment and segment is not found[-1]:
                keep(segment)
                segment.path.unlink()
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
            last = max(last, Position(segment.number, segment.path.stat().st_size))
        except FileNotFoundError:
            sealed = segment_path(folder, segment.number, sealed=True)
            if sealed.exists():
                last = max(last, Position(segment.number, sealed.stat().st_size))
    return last


def read_chunk(
    folder: Path, after: Position, *, max_items: int, max_bytes: int, until: Position | None = None, kept: Path | None = None
) -> Chunk | None:
    """The frames that follow a position, from one segment; None where there is nothing (more) to read.

    As many as reach `max_items` or fill `max_bytes`; less than a quarter of that is not left over at the end of a sealed segment. A
    segment that ends is stepped over. Damaged bytes are reported and stepped over too; the tail of an open segment may be a
    frame that is being written, and is waited for. What `forget` had kept in the folder `kept` is read too. Where a file is sealed
    between listing and reading, the inbox is listed again: who replays a plan would take that moment for the end of its frames.
    """
    for _ in range(_LISTINGS):
        with contextlib.suppress(FileNotFoundError):
            return _next_chunk(folder, after, max_items=max_items, max_bytes=max_bytes, until=until, kept=kept)
    return None


def _next_chunk(
    folder: Path, after: Position, *, max_items: int, max_bytes: int, until: Position | None, kept: Path | None
) -> Chunk | None:
    """The same, by one listing.

    Raises:
        FileNotFoundError: a file was renamed or forgotten meanwhile.
    """
    position, unlisted = after, after.segment
    key = mark_key(folder) or secrets.token_bytes(frames.KEY_BYTES)  # without one the segments' heads alone tell their marks
    for segment in segments(folder) if kept is None else segments_with_kept(folder, kept):
        if segment.number < position.segment:
            continue
        if segment.number > position.segment:
            if any(_overlooked(place, unlisted, segment.number) for place in (folder, kept) if place is not None):
                raise FileNotFoundError(f"a listing of {folder} left a segment out")
            position = Position(segment.number, 0)
        unlisted = segment.number + 1
        if until is not None and position >= until:
            return None
        limit = until.offset if until is not None and segment.number == until.segment else None
        mark = _mark(segment, key)
        chunk = _read(folder.name, segment, mark, position.offset, limit, max_items=max_items, max_bytes=max_bytes)
        if chunk is not None:
            return chunk
        if not segment.sealed or (kept not in (None, segment.path.parent) and segment_path(kept, segment.number, sealed=True).exists()):
            return None  # more may come; or it was kept and emptied this moment, and the next call finds it there
    return None


def _overlooked(folder: Path, first: int, end: int) -> bool:
    """Whether a segment of these numbers is there all the same: a large folder's listing may leave out a file that is just renamed.

    Numbers follow each other, so that a gap is rare: it begins an inbox whose first segments are forgotten.
    """
    numbers = range(max(first, end - _GAP), end)
    return any(segment_path(folder, number, sealed=sealed).exists() for number in numbers for sealed in (False, True))


def _read(inbox: str, segment: Segment, mark: bytes, start: int, limit: int | None, *, max_items: int, max_bytes: int) -> Chunk | None:
    """Frames of one segment from an offset; reads more than `max_bytes` only where one frame is larger, or little would be left over.

    A limit ends the reading, and may lie within a frame that was being written when it was taken: only the end of a sealed file is
    an end, at which an incomplete frame is a torn one.
    """
    durable = segment.durable_bytes()
    size = durable if limit is None else min(durable, limit)
    ended = segment.sealed and size == durable
    wanted = size - start if ended and _is_little(size - start - max_bytes, max_bytes) else min(size - start, max_bytes)
    while wanted > 0:
        wire = _BLOCKS.read(segment.path, start, wanted)
        whole = start + wanted >= size
        found, damages, end = _scan(wire.data, mark, max_items, final=whole and ended)
        if found or damages:
            moved = [Damage(segment.number, start + damage.start, start + damage.end, damage.torn) for damage in damages]
            return Chunk(inbox, segment.number, start, wire, found, moved, Position(segment.number, start + end))
        if whole:
            return None
        wanted = min(size - start, wanted * 2)
    return None


def _mark(segment: Segment, key: bytes) -> bytes:
    """What the segment's frames begin with: by the inbox's key, and by its head, which may be damaged, where no frame has that mark.

    Such is a segment of an older release, or of an inbox that another took the place of.
    """
    mark = frames.mark(key, segment.number)
    with segment.path.open("rb", buffering=0) as file:
        head = file.read(frames.MARK_BYTES)
        told = frames.mark_of(head)
        return mark if told in (None, mark) or mark in head + file.read() else told


def _scan(buffer: memoryview, mark: bytes, max_items: int, *, final: bool) -> tuple[list[Frame], list[Damage], int]:
    """Frames up to `max_items`, the damages between them, and where reading stopped; `final` where no bytes can follow.

    Little that is left over then, by bytes and by items, is read too: for itself it would be a batch, most of whose cost is fixed.
    """
    found: list[Frame] = []
    damages: list[Damage] = []
    at = items = 0
    patience = frames.Patience.for_buffer(buffer)
    while at < len(buffer) and (
        items < max_items or (final and _is_little(len(buffer) - at, at) and _is_little(items - max_items, max_items))
    ):
        frame = frames.read(buffer, at, mark)
        if frame is not None:
            found.append(frame)
            items += frame.items
            at = frame.end
            continue
        following = None if frames.incomplete(buffer, at, mark) and not final else frames.resume(buffer, at, mark, patience)
        if following is None:
            if final:
                damages.append(Damage(0, at, len(buffer), torn=frames.incomplete(buffer, at, mark)))
                at = len(buffer)
            break
        damages.append(Damage(0, at, following, torn=False))
        at = following
    return found, damages, at


def _is_little(rest: int, batch: int) -> bool:
    """Whether what is left over, or taken beyond its end, is little beside a batch."""
    return rest * 4 < batch
