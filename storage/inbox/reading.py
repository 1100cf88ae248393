"""Reading frames from the files of an inbox, in chunks; used by the pipeline and the forwarder."""

from __future__ import annotations

import contextlib
import secrets
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..blocks import Blocks
from . import frames
from .frames import Frame
from .segments import SEGMENT_BYTES, Position, Segment, mark_key, segment_path, segments, segments_with_kept

_BLOCKS = Blocks(SEGMENT_BYTES * 5 // 4)
_GAP = 1000
_LISTINGS = 10


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
    key = mark_key(folder)
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
        mark = mark_of(segment, key)
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
    if limit is not None:  # what is up to there was durable when it was taken, whatever a power loss has left of the note
        durable = max(durable, min(limit, segment.path.stat().st_size))
    size = durable if limit is None else min(durable, limit)
    ended = segment.sealed and size == durable
    wanted = size - start if ended and _is_little(size - start - max_bytes, max_bytes) else min(size - start, max_bytes)
    while wanted > 0:
        wire = _BLOCKS.read(segment.path, start, wanted)
        whole = start + wanted >= size
        found, damages, end = scan(wire.data, mark, max_items, final=whole and ended)
        if found or damages:
            moved = [Damage(segment.number, start + damage.start, start + damage.end, damage.torn) for damage in damages]
            return Chunk(inbox, segment.number, start, wire, found, moved, Position(segment.number, start + end))
        if whole:
            return None
        wanted = min(size - start, wanted * 2)
    return None


def mark_of(segment: Segment, key: bytes | None) -> bytes:
    """What the segment's frames begin with: by the inbox's key, and by its head, which may be damaged, where no frame has that mark.

    Such is a segment of an older release, or of an inbox that another took the place of; without a key the head alone tells.
    """
    mark = frames.mark(key or secrets.token_bytes(frames.KEY_BYTES), segment.number)
    with segment.path.open("rb", buffering=0) as file:
        head = file.read(frames.MARK_BYTES)
        told = frames.mark_of(head)
        return mark if told in (None, mark) or mark in head + file.read() else told


def scan(buffer: memoryview, mark: bytes, max_items: int, *, final: bool) -> tuple[list[Frame], list[Damage], int]:
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
