"""What waits in a pond's inboxes, cut into batches for the pipeline: retries left out, suspects by themselves."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ..decode.payloads import Payloads
from ..durable import make_folder
from ..inbox.frames import Frame
from ..inbox.leftovers import seal_abandoned
from ..inbox.reading import Chunk, read_chunk
from ..inbox.segments import (
    BEGINNING,
    SEGMENT_BYTES,
    Position,
    end_position,
    forget,
    identity,
    oldest_unread_unix_nano,
    segments,
    unread_bytes,
)
from ..signals import Signal
from .plans import FramePlace, Plan, RetryWindow
from .suspicion import Stretch, Suspicion, Treatment


@dataclass(frozen=True, slots=True)
class Batch:
    """Frames that are decoded and derived together, of one segment.

    Attributes:
        chunk: what was read; its frames include the retries.
        frames: the frames to decode.
        left_out: the places of frames that are retries.
        stretch: what to blame if it fails.
        suspect: whether it has failed before, so that it is worked on alone.
    """

    chunk: Chunk
    frames: list[Frame]
    left_out: list[FramePlace]
    stretch: Stretch
    suspect: bool

    @property
    def treatment(self) -> Treatment:
        """How it is decoded."""
        return self.stretch.treatment

    @property
    def items(self) -> int:
        """Items in the frames to decode."""
        return sum(frame.items for frame in self.frames)

    @property
    def digests(self) -> bytes:
        """The digests by which retries of these frames will be known."""
        return b"".join(frame.digest for frame in self.frames if not frame.timeless)

    def place(self, frame: Frame) -> FramePlace:
        """Where a frame begins."""
        return (self.chunk.inbox, self.chunk.segment, self.chunk.base + frame.start)

    def without(self, frames: list[Frame]) -> Batch:
        """The same batch with these frames taken out."""
        return dataclasses.replace(self, frames=[frame for frame in self.frames if frame not in frames]) if frames else self

    def payloads(self) -> dict[Signal, Payloads]:
        """The frames' payloads by signal, in the form that decoders take."""
        return {
            signal: _payloads(self.chunk, [frame for frame in self.frames if frame.signal is signal])
            for signal in Signal
            if any(frame.signal is signal for frame in self.frames)
        }


def _payloads(chunk: Chunk, frames: list[Frame]) -> Payloads:
    return Payloads(
        wire=chunk.wire,
        starts=np.array([frame.payload_start for frame in frames], dtype=np.int64),
        ends=np.array([frame.end for frame in frames], dtype=np.int64),
        accepted_unix_nano=np.array([frame.accepted_unix_nano for frame in frames], dtype=np.int64),
        tenants=[frame.tenant for frame in frames],
        digests=[frame.digest for frame in frames],
    )


@dataclass(slots=True)
class Backlog:
    """The inboxes of a pond, read from positions on.

    Attributes:
        folder: `DATA/inbox`, one folder an inbox.
        positions: up to where each inbox has been read.
        let_go: how an inbox, by its folder, lets go of what lies before a position.
    """

    folder: Path
    window: RetryWindow
    suspicion: Suspicion
    positions: dict[str, Position] = field(default_factory=dict)
    let_go: Callable[[Path, Position], None] = forget
    _seen: set[bytes] = field(default_factory=set)
    _stand_ins: set[bytes] = field(default_factory=set)
    _last_inbox: str = ""
    _waiting_since: float | None = None

    def __post_init__(self) -> None:
        """Create the folder, so that the pipeline may start before the first receiver."""
        make_folder(self.folder)

    def inboxes(self) -> list[str]:
        """The names of the inboxes there are."""
        return sorted(path.name for path in self.folder.iterdir() if path.is_dir())

    def begin(self, positions: Mapping[str, Position], read: Mapping[str, str]) -> list[str]:
        """Read from these positions on.

        Args:
            positions: of the last plan.
            read: the identities that the inboxes had then.

        Returns:
            The inboxes that were replaced by other ones, or by older copies of themselves: they are read from their beginning.
        """
        self.positions = dict(positions)
        self._seen.clear()
        self._stand_ins.clear()
        replaced = []
        for inbox in self.inboxes():
            seal_abandoned(self.folder / inbox)  # what it holds is seen whole then, also after a power loss
        now = self.identities()
        known = {identifier: inbox for inbox, identifier in read.items() if identifier}
        for inbox in self.inboxes():
            if inbox not in self.positions and now[inbox] in known:  # a copy under another name: what its original's plans hold is read
                self.positions[inbox] = self.positions.get(known[now[inbox]], BEGINNING)
            highest = max((segment.number for segment in segments(self.folder / inbox)), default=0)
            other = read.get(inbox, "") != now[inbox] and bool(read.get(inbox))
            if other or highest < self.positions.get(inbox, BEGINNING).segment:
                self.positions[inbox] = BEGINNING
                replaced.append(inbox)
        return replaced

    def identities(self) -> dict[str, str]:
        """The identity of each inbox."""
        return {inbox: identity(self.folder / inbox) for inbox in self.inboxes()}

    def next_plan(self) -> None:
        """What was seen so far is in the retry window now."""
        self._seen.clear()
        self._stand_ins.clear()

    def unread_bytes(self) -> int:
        """How much waits in all inboxes."""
        return sum(unread_bytes(segments(self.folder / inbox), self.positions.get(inbox, BEGINNING)) for inbox in self.inboxes())

    def lag_ns(self) -> int:
        """How long ago the oldest payload was accepted that waits; 0 where none does."""
        accepted = [oldest_unread_unix_nano(self.folder / inbox, self.positions.get(inbox, BEGINNING)) for inbox in self.inboxes()]
        return max([0, *(time.time_ns() - oldest for oldest in accepted if oldest)])

    def ends(self) -> dict[str, Position]:
        """The place after the last byte of each inbox."""
        return {inbox: end_position(self.folder / inbox, self.positions.get(inbox, BEGINNING)) for inbox in self.inboxes()}

    def is_due(self, *, batch_interval_s: float) -> bool:
        """Whether a batch is worth its fixed cost: enough bytes wait, or they have waited long enough."""
        unread = self.unread_bytes()
        if unread == 0:
            self._waiting_since = None
            return False
        if self._waiting_since is None:
            self._waiting_since = time.monotonic()
        return unread >= SEGMENT_BYTES or time.monotonic() - self._waiting_since >= batch_interval_s

    def next_batch(self, *, max_items: int, until: Mapping[str, Position] | None = None, replayed: Plan | None = None) -> Batch | None:
        """The next frames, and moves the position past them; None where nothing waits. Inboxes take turns.

        Args:
            max_items: a batch ends after the frame that reaches it.
            until: read no inbox further, and no other inbox.
            replayed: the plan whose frames these are: it says which of them are retries, instead of the retry window.
        """
        for inbox in until if until is not None else self._in_turn():
            after = self.positions.get(inbox, BEGINNING)
            limit = until[inbox] if until is not None else None
            chunk = read_chunk(self.folder / inbox, after, max_items=max_items, max_bytes=SEGMENT_BYTES, until=limit)
            if chunk is not None:
                self._waiting_since = None
                batch = self._cut(chunk, replayed)
                self.positions[inbox] = batch.chunk.after
                self._last_inbox = inbox
                return batch
            seal_abandoned(self.folder / inbox)
        return None

    def _in_turn(self) -> list[str]:
        """The inboxes, the one after the last that was read first: one that is never empty must not keep the others waiting."""
        inboxes = self.inboxes()
        return [name for name in inboxes if name > self._last_inbox] + [name for name in inboxes if name <= self._last_inbox]

    def forget(self, positions: Mapping[str, Position]) -> None:
        """Let go of what is published."""
        for inbox, position in positions.items():
            if (self.folder / inbox).is_dir():
                self.let_go(self.folder / inbox, position)

    def _cut(self, chunk: Chunk, replayed: Plan | None) -> Batch:
        """A batch of a chunk: cut where suspicion begins or ends, without the retries."""
        first = chunk.base + (chunk.frames[0].start if chunk.frames else 0)
        suspect = self.suspicion.next_stretch(chunk.inbox, chunk.segment, first)
        kept = chunk.frames
        if suspect is not None:
            kept = [frame for frame in kept if chunk.base + frame.start < suspect.end][: suspect.frames]
        elif (border := self.suspicion.first_suspect_after(chunk.inbox, chunk.segment, first)) is not None:
            kept = [frame for frame in kept if chunk.base + frame.start < border]
        if len(kept) < len(chunk.frames):
            chunk = _shorten(chunk, kept)
        places = {frame.start: (chunk.inbox, chunk.segment, chunk.base + frame.start) for frame in kept}
        retries = self._retries(kept) if replayed is None else self._left_out(kept, places, replayed)
        frames = [frame for frame in kept if frame.start not in retries]
        stretch = Stretch(
            chunk.inbox,
            chunk.segment,
            chunk.base,
            chunk.after.offset,
            frames=max(1, len(frames)),
            strikes=suspect.strikes if suspect is not None else 0,
        )
        return Batch(chunk, frames, [places[start] for start in sorted(retries)], stretch, suspect is not None)

    def _left_out(self, frames: list[Frame], places: Mapping[int, FramePlace], plan: Plan) -> set[int]:
        """The starts of frames that a plan left out.

        Where the first of them, of the same plan, is not there any more, or not yet, as it lies in an inbox that is read later, a
        retry stands in for it.
        """
        left_out = set()
        for frame in frames:
            if places[frame.start] in plan.left_out:
                if frame.digest in plan.digest_set and frame.digest not in self._seen:
                    self._stand_ins.add(frame.digest)
                else:
                    left_out.add(frame.start)
            elif frame.digest in self._stand_ins:
                left_out.add(frame.start)
            self._seen.add(frame.digest)
        return left_out

    def _retries(self, frames: list[Frame]) -> set[int]:
        """The starts of frames whose digest was seen in this plan or is in the retry window."""
        known = self.window.contains([frame.digest for frame in frames])
        retries = set()
        for frame, committed in zip(frames, known, strict=True):
            if frame.timeless:
                continue
            if committed or frame.digest in self._seen:
                retries.add(frame.start)
            self._seen.add(frame.digest)
        return retries


def _shorten(chunk: Chunk, kept: list[Frame]) -> Chunk:
    """The beginning of a chunk, with the frames that are kept and the damages between them."""
    end = kept[-1].end
    return Chunk(
        chunk.inbox,
        chunk.segment,
        chunk.base,
        chunk.wire,
        kept,
        [damage for damage in chunk.damages if damage.end <= chunk.base + end],
        Position(chunk.segment, chunk.base + end),
    )
