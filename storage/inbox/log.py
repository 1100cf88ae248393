"""The fsynced log of accepted payloads: a receiver appends here, and answers its client when the future ends.

One thread writes. Whatever has queued up while the disk was busy goes down as one group, with one fsync for all of them (group
commit), so that many clients cost few fsyncs. A group that fails, for a full or a broken disk, is answered by `UnavailableError`; the
segment ends before it, and the next group goes to a new one, as nobody can know what a failed fsync has left in the old one; but only
once the disk has taken a file of the group's size.
"""

from __future__ import annotations

import logging
import secrets
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from ..durable import make_folder, write_file
from ..locks import locked
from ..signals import Inspection, Signal, UnavailableError
from . import frames, spares
from .durable_end import DurableEnd
from .leftovers import seal_leftovers
from .open_segment import OpenSegment
from .segments import (
    BEGINNING,
    IDENTITY,
    LOCK,
    MARK_KEY,
    SEGMENT_BYTES,
    Position,
    identity,
    mark_key,
    oldest_unread_unix_nano,
    segments,
    unread_bytes,
)

logger = logging.getLogger(__name__)

_MAX_GROUP_BYTES = 32 << 20
_LONGEST_PACE_S = 1.0
_SPARES_KEPT_S = 10.0
"""How long files to be written over are kept where nothing comes."""
_PROVEN_S = 5.0
"""How long an fsync that succeeded shows that the disk takes data."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How much an inbox takes.

    Attributes:
        soft_bytes: of payloads that the pipeline has not read: beyond it answers are paced to the pipeline.
        max_bytes: of segments on disk: beyond it the answer is try-later. Files to be written over, while much comes, are beside that.
        in_flight_bytes: of bodies in memory, received but not yet durable: beyond it the answer is try-later.
        segment_bytes, segment_age_s: when a segment is sealed.
    """

    soft_bytes: int = 128_000_000
    max_bytes: int = 4_000_000_000
    in_flight_bytes: int = 256_000_000
    segment_bytes: int = SEGMENT_BYTES
    segment_age_s: float = 10.0


@dataclass(frozen=True, slots=True)
class InboxState:
    """How an inbox does; plain values, which JSON can carry to another process.

    Attributes:
        unread_bytes: that the pipeline has not read.
        stored_bytes: of segments on disk.
        in_flight_bytes: of bodies in memory, received but not yet durable.
        oldest_unread_unix_nano: when the oldest payload that the pipeline has not read was accepted; 0 where none waits.
        problem: why it takes nothing now, in words; empty where it does.
    """

    unread_bytes: int
    stored_bytes: int
    in_flight_bytes: int
    oldest_unread_unix_nano: int
    problem: str


@dataclass(slots=True)
class _Waiting:
    head: bytes
    payload: bytes
    digest: bytes
    future: Future[None]

    @property
    def size(self) -> int:
        """Of its frame."""
        return frames.MARK_BYTES + len(self.head) + len(self.payload)


class Inbox:
    """One receiver process's log of accepted payloads, `DATA/inbox/<name>/`.

    Raises:
        BlockingIOError: another process writes this inbox.
    """

    def __init__(self, folder: Path, limits: Limits = Limits()) -> None:
        make_folder(folder)
        self._folder = folder
        self._limits = limits
        self._lock = ExitStack()
        if not self._lock.enter_context(locked(folder / LOCK, wait=False)):
            self._lock.close()
            raise BlockingIOError(f"another process writes {folder}")
        if not identity(folder):
            write_file(folder / IDENTITY, secrets.token_hex(8).encode())
        self._mark_key = mark_key(folder) or secrets.token_bytes(frames.KEY_BYTES)
        if not mark_key(folder):
            write_file(folder / MARK_KEY, self._mark_key, mode=0o600)
        seal_leftovers(folder)
        self._end = DurableEnd(folder)
        self._next_number = max((segment.number for segment in segments(folder)), default=0) + 1  # none is used twice
        self._segment: OpenSegment | None = None
        self._finished: OpenSegment | None = None
        self._condition = threading.Condition()
        self._queue: list[_Waiting] = []
        self._pending: dict[bytes, Future[None]] = {}
        self._in_flight = 0
        self._read = BEGINNING
        self._stored = unread_bytes(segments(folder), BEGINNING)
        self._unread = self._stored
        self._closing = False
        self._failure = ""
        self._tried: float | None = None
        self._probing = threading.Lock()
        self._failed = False
        self._thread = threading.Thread(target=self._write_groups, name="inbox", daemon=True)
        self._thread.start()

    @contextmanager
    def admit(self, size: int) -> Iterator[None]:
        """Reserve memory for a body in flight, unless the inbox is full; see `Sink.admit`."""
        if (full := self._full()) is not None:
            raise full
        with self.reserve(size):
            yield

    @contextmanager
    def reserve(self, size: int) -> Iterator[None]:
        """Reserve memory for a body in flight, whichever inbox it goes to."""
        with self._condition:
            if self._in_flight + size > self._limits.in_flight_bytes:
                raise UnavailableError(f"{self._in_flight} bytes of requests are in flight already", retry_after_s=1.0)
            self._in_flight += size
        try:
            yield
        finally:
            with self._condition:
                self._in_flight -= size

    def append(self, tenant: str, signal: Signal, payload: bytes, inspection: Inspection) -> Future[None]:
        """Make a payload durable; the future ends after the fsync. A copy of one that is still waiting shares its fate."""
        future: Future[None] = Future()
        future.set_running_or_notify_cancel()  # a client that goes away must not cancel what others wait for too
        if (full := self._full()) is not None:
            future.set_exception(full)
            return future
        digest = frames.digest(tenant, signal, payload)
        head = frames.encode(
            tenant,
            signal,
            payload,
            payload_digest=digest,
            accepted_unix_nano=time.time_ns(),
            items=inspection.items,
            timeless=inspection.timeless,
        )
        with self._condition:
            if self._closing:
                future.set_exception(UnavailableError("the collector is shutting down", retry_after_s=1.0))
                return future
            if not inspection.timeless:
                first = self._pending.setdefault(digest, future)
                if first is not future:
                    return first
            self._queue.append(_Waiting(head, payload, digest, future))
            self._condition.notify_all()
        return future

    def _full(self) -> UnavailableError | None:
        if self._stored <= self._limits.max_bytes:
            return None
        return UnavailableError(f"the inbox holds {self._stored} bytes, its limit is {self._limits.max_bytes}", retry_after_s=3.0)

    def note_read(self, position: Position) -> None:
        """Hear from the pipeline how far it has read, and see what it has forgotten."""
        found = segments(self._folder)
        unread = unread_bytes(found, position)
        stored = unread_bytes(found, BEGINNING)
        with self._condition:
            self._read, self._unread, self._stored = position, unread, stored
            self._condition.notify_all()

    def state(self, *, probing: bool = True) -> InboxState:
        """How it does. Probing writes a small file where nothing was written lately, to see whether the disk takes data; may block."""
        if probing:
            with self._probing:
                self._probe()
        with self._condition:
            problem = self._problem()
            unread, stored, in_flight, read = self._unread, self._stored, self._in_flight, self._read
        return InboxState(unread, stored, in_flight, oldest_unread_unix_nano(self._folder, read), problem)

    def _probe(self) -> None:
        """Write a small file, unless something was written lately."""
        if self._tried is not None and time.monotonic() - self._tried <= _PROVEN_S:
            return
        try:
            write_file(self._folder / "probe", b"\0" * 4096, mode=0o600)
        except OSError as failure:
            self._note_try(failure.strerror or str(failure))
        else:
            self._note_try("")

    def _problem(self) -> str:
        if self._closing:
            return "the collector is shutting down"
        if self._failure:
            return f"the inbox cannot be written: {self._failure}"
        if self._stored > self._limits.max_bytes:
            return f"the inbox holds {self._stored} bytes, its limit is {self._limits.max_bytes}"
        if self._in_flight >= self._limits.in_flight_bytes:
            return f"{self._in_flight} bytes of requests are in flight, the limit is {self._limits.in_flight_bytes}"
        return ""

    def _note_try(self, failure: str) -> None:
        self._failure, self._tried = failure, time.monotonic()

    def close(self) -> None:
        """Write what is queued, seal the segment and let go of the inbox."""
        with self._condition:
            self._closing = True
            self._condition.notify_all()
        self._thread.join()
        self._lock.close()

    def _write_groups(self) -> None:
        while (group := self._next_group()) is not None:
            if group:
                self._commit(group)
            self._tidy()
        self._finish_segment()
        spares.remove_all(self._folder)
        self._end.close()

    def _next_group(self) -> list[_Waiting] | None:
        with self._condition:
            if not self._queue and not self._closing:
                self._condition.wait(timeout=self._limits.segment_age_s if self._segment else _SPARES_KEPT_S)
            if not self._queue:
                return None if self._closing else []
            size = taken = 0
            while taken < len(self._queue) and size < _MAX_GROUP_BYTES:
                size += len(self._queue[taken].payload)
                taken += 1
            group, self._queue = self._queue[:taken], self._queue[taken:]
            return group

    def _commit(self, group: list[_Waiting]) -> None:
        """Write and fsync a group, then answer everybody in it."""
        error: UnavailableError | None = None
        size = sum(waiting.size for waiting in group)
        try:
            self._append_durably(group)
        except Exception as failure:  # noqa: BLE001 - whatever it is: who waits must be answered, and the next group tried
            logger.warning("cannot write to the inbox, senders are told to try again: %s", failure)
            reason = (isinstance(failure, OSError) and failure.strerror) or type(failure).__name__
            error = UnavailableError(f"the collector cannot store data now: {reason}", retry_after_s=2.0)
            self._failed = True
            self._finish_segment()
            self._note_try(reason)
        else:
            self._failed = False
            self._note_try("")
            self._pace(size)
        with self._condition:
            for waiting in group:
                self._pending.pop(waiting.digest, None)
        for waiting in group:
            if error is None:
                waiting.future.set_result(None)
            else:
                waiting.future.set_exception(error)

    def _append_durably(self, group: list[_Waiting]) -> None:
        if self._segment is None:
            self._seal_finished()
            if self._failed:  # each try in a new segment would leave a file behind, a thousand a minute on a full disk
                _require_room(self._folder / "room", sum(waiting.size for waiting in group))
            self._segment = OpenSegment(self._folder, self._next_number, frames.mark(self._mark_key, self._next_number), self._end)
            self._next_number += 1
            self._segment.make_durable()
        self._segment.write((waiting.head, waiting.payload) for waiting in group)

    def _pace(self, size: int) -> None:
        """Hold answers back while the pipeline is behind, so that receivers do not starve it of the CPU."""
        deadline = time.monotonic() + _LONGEST_PACE_S
        with self._condition:
            self._unread += size
            self._stored += size
            while self._unread > self._limits.soft_bytes and not self._closing:
                left = deadline - time.monotonic()
                if left <= 0:
                    return
                self._condition.wait(timeout=min(left, 0.05))

    def _tidy(self) -> None:
        """Seal a segment that is full or old; no spares are needed where that was its age, where nothing comes, or the disk fails."""
        segment = self._segment
        if segment is not None and segment.size >= self._limits.segment_bytes:
            self._finish_segment()
        elif segment is None or time.monotonic() - segment.opened >= self._limits.segment_age_s:
            self._finish_segment()
            spares.remove_all(self._folder)

    def _finish_segment(self) -> None:
        """Write no more to the segment, and seal it."""
        self._finished, self._segment = self._finished or self._segment, None
        try:
            self._seal_finished()
        except Exception as failure:  # noqa: BLE001 - whatever it is: the next group is tried
            logger.warning("cannot seal a segment, it is tried again before the next one is begun: %s", failure)

    def _seal_finished(self) -> None:
        """Seal the segment that is finished, where there is one; only one whose file ends with its last frame gives way to another.

        Raises:
            OSError: its end cannot be cut off.
        """
        if self._finished is not None:
            self._finished.cut()
            self._finished.seal()
            self._finished = None


def _require_room(file: Path, size: int) -> None:
    """Raise the disk's error if it does not take a file of that size."""
    try:
        write_file(file, bytes(size), mode=0o600)
    finally:
        file.unlink(missing_ok=True)
