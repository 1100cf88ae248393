"""Accepted payloads of a pond in the order of its inboxes, from a position on; the forwarder takes them one by one."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ..storage.inbox.frames import Frame
from ..storage.inbox.kept import Kept
from ..storage.inbox.reading import Chunk, read_chunk
from ..storage.inbox.segments import BEGINNING, Position, segments
from ..storage.signals import Signal

_READ_BYTES = 4_000_000
_READ_ITEMS = 1 << 30
_MOST_DIGESTS = 100_000
"""How many payloads are remembered to know a retry by: 15 MB."""


@dataclass(frozen=True, slots=True)
class Payload:
    """One accepted request.

    Attributes:
        inbox: where it was accepted, and `start` where its frame begins.
        items: spans, metric points or log records in it.
    """

    inbox: str
    start: Position
    signal: Signal
    items: int
    content: bytes


class Reader:
    """Reads one pond for one destination.

    Args:
        kept: the pond's kept segments.
        positions: from where on each inbox is read.
        signals: which are wanted.
        retry_window_s: within which a byte-equal payload is a retry, and left out as it is in the tables.
    """

    def __init__(self, kept: Kept, positions: Mapping[str, Position], signals: frozenset[Signal], retry_window_s: float) -> None:
        self.positions = dict(positions)
        self._kept = kept
        self._signals = signals
        self._window_ns = int(retry_window_s * 1e9)
        self._inboxes = kept.pond / "inbox"
        self._chunk: Chunk | None = None
        self._frames: deque[Frame] = deque()
        self._seen: OrderedDict[bytes, int] = OrderedDict()
        self._last = ""

    def inboxes(self) -> list[Path]:
        """The pond's inboxes."""
        return sorted(path for path in self._inboxes.iterdir() if path.is_dir()) if self._inboxes.is_dir() else []

    def replaced(self) -> list[str]:
        """Inboxes that are younger than the position in them: they were replaced, and are read from their beginning."""
        names = []
        for inbox in self.inboxes():
            highest = max((segment.number for segment in segments(inbox)), default=0)
            if self.positions.get(inbox.name, BEGINNING).segment > highest:
                self.positions[inbox.name] = BEGINNING
                names.append(inbox.name)
        return names

    def next(self) -> Payload | None:
        """The next payload, and moves the position past it; None where nothing waits."""
        while True:
            while self._frames and self._chunk is not None:
                frame = self._frames.popleft()
                start = self._pass(self._chunk, frame)
                if frame.signal in self._signals and not self._is_retry(frame):
                    content = self._chunk.wire[frame.payload_start : frame.end].tobytes()
                    return Payload(self._chunk.inbox, start, frame.signal, frame.items, content)
            if not self._fill():
                return None

    def skip(self, inbox: str, number: int) -> dict[Signal, int]:
        """Leave out what is left of an inbox up to and with that segment; the wanted items that are lost with it."""
        lost: dict[Signal, int] = {}
        while self.positions.get(inbox, BEGINNING) < Position(number + 1, 0):
            if self._chunk is None or self._chunk.inbox != inbox or not self._frames:
                self._chunk, self._frames = None, deque()
                chunk = self._read(self._inboxes / inbox)
                if chunk is None or chunk.segment > number:
                    self.positions[inbox] = Position(number + 1, 0)
                    break
                self._chunk, self._frames = chunk, deque(chunk.frames)
            for frame in self._frames:
                if frame.signal in self._signals:
                    lost[frame.signal] = lost.get(frame.signal, 0) + frame.items
            self.positions[inbox] = self._chunk.after
            self._frames.clear()
        return lost

    def unread_bytes(self) -> int:
        """How much waits."""
        return sum(self._kept.unread_bytes(inbox, self.positions.get(inbox.name, BEGINNING)) for inbox in self.inboxes())

    def _fill(self) -> bool:
        """Read from the next inbox that has something, each in its turn."""
        inboxes = self.inboxes()
        for inbox in [*(path for path in inboxes if path.name > self._last), *(path for path in inboxes if path.name <= self._last)]:
            if not self._kept.unread_bytes(inbox, self.positions.get(inbox.name, BEGINNING)):
                continue
            chunk = self._read(inbox)
            if chunk is not None:
                self._last = inbox.name
                self._chunk, self._frames = chunk, deque(chunk.frames)
                if not chunk.frames:  # nothing but damage, which the pipeline reports
                    self.positions[inbox.name] = chunk.after
                return True
        return False

    def _read(self, inbox: Path) -> Chunk | None:
        return read_chunk(
            inbox,
            self.positions.get(inbox.name, BEGINNING),
            max_items=_READ_ITEMS,
            max_bytes=_READ_BYTES,
            kept=self._kept.folder(inbox.name),
        )

    def _pass(self, chunk: Chunk, frame: Frame) -> Position:
        """Move the position past a frame; where the frame begins."""
        self.positions[chunk.inbox] = Position(chunk.segment, chunk.base + frame.end) if self._frames else chunk.after
        return Position(chunk.segment, chunk.base + frame.start)

    def _is_retry(self, frame: Frame) -> bool:
        """Whether an equal payload was taken within the window."""
        if frame.timeless:
            return False
        first = self._seen.get(frame.digest)
        if first is not None and frame.accepted_unix_nano - first <= self._window_ns:
            return True
        self._seen[frame.digest] = frame.accepted_unix_nano
        self._seen.move_to_end(frame.digest)
        if len(self._seen) > _MOST_DIGESTS:
            self._seen.popitem(last=False)
        return False
