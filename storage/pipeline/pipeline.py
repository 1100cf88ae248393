"""Inbox to decode to derive to lake, in that order and no other: the one process that turns what waits into tables.

Decode runs in a thread of its own, one batch ahead of derive. A pipeline works in turns of one batch, so that one process may drain
several ponds (see `turns`). Nothing here keeps state that a kill could lose: what is not in a finished plan is read again from the
inbox, and a plan that was written but not published everywhere is replayed (see `plans`).
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

import duckdb
import pyarrow as pa

from ..access.tenants import DEFAULT_TENANT
from ..decode.payloads import Payloads, Rules
from ..inbox.segments import Position, forget
from ..lake.files import OpenFiles
from ..lake.lake import Lake
from ..log_lines import fault
from ..signals import Signal
from .backlog import Backlog, Batch
from .control import Control, Progress, Turns
from .plans import FramePlace, Plan, PlanStore, RetryWindow
from .quarantine import Quarantine
from .spare_memory import SpareMemory
from .suspicion import Suspicion
from .tally import Tally
from .upkeep import Upkeep

logger = logging.getLogger(__name__)

Decoded = dict[str, pa.Table]
Decode = Callable[[Signal, Payloads, Rules], Decoded]
_POLL_S = 0.1
_LONGEST_BACKOFF_S = 10.0


class Deriver(Protocol):
    """Decoded relations to the rows of the documented tables."""

    @property
    def dropped_events(self) -> int:
        """How many events the policy has kept nowhere so far."""
        ...

    def event_refusals(self, rows: pa.Table) -> list[str | None]:
        """Why the catalogue refuses stored rows of `events`; None where it does not."""
        ...

    def grouped(self, table: str, rows: pa.Table) -> pa.Table:
        """Rows of a table with what errors are grouped by; rows of other tables as they are."""
        ...

    def derive(self, decoded: Mapping[str, pa.Table]) -> dict[str, pa.Table]:
        """The rows of each table that has some, `rejected_records` among them."""
        ...


@dataclass(frozen=True, slots=True)
class Options:
    """When the pipeline does what.

    Attributes:
        batch_items: as many are worked on together, or a quarter more where otherwise few of a segment were left.
        batch_interval_s: a batch is worked on when a segment's bytes wait, or whatever has waited so long.
        commit_interval_s, commit_bytes: a publish happens so long after its first batch, or at so many bytes of Parquet.
        retry_window_s: how long a payload is remembered, so that an equal one is a retry.
    """

    batch_items: int = 75_000
    batch_interval_s: float = 2.0
    commit_interval_s: float = 10.0
    commit_bytes: int = 64_000_000
    retry_window_s: float = 900.0


class BatchFailedError(Exception):
    """A batch could not be decoded or derived; it, and not the disk or the lake, is to blame."""

    def __init__(self, batch: Batch, cause: BaseException) -> None:
        super().__init__(fault(cause))
        self.batch = batch


@dataclass(slots=True)
class _Draft:
    """The plan that is being filled."""

    number: int
    files: OpenFiles
    begins: dict[str, Position]
    since: float | None = None
    left_out: set[FramePlace] = field(default_factory=set)
    quarantined: dict[FramePlace, str] = field(default_factory=dict)
    digests: list[bytes] = field(default_factory=list)
    tally: Tally = field(default_factory=Tally)
    oldest_unix_nano: int = 0


@dataclass(slots=True)
class _Decoding:
    batch: Batch
    future: Future[tuple[Decoded, float]]


class Pipeline:
    """One pond's pipeline.

    Args:
        data: the pond's folder.
        kernels, plain: the decoders, the second for what the first fails on.
        upkeep: what starts maintenance; None for none.
        decoder: what decodes, where ponds share a thread or none is wanted.
        memory: what gives memory back, where ponds share a process.
        let_go: see `Backlog`.
        quarantine: where payloads go that nothing can decode; `data/quarantine` unless given.
        tenant: whose pond it is.
        crashed: the process before this one ended by its own fault.
        remove_orphans: removes the files of this pond's plans that no table names, left by attempts that failed.
    """

    def __init__(
        self,
        data: Path,
        lake: Lake,
        deriver: Deriver,
        *,
        kernels: Decode,
        plain: Decode,
        rules: Rules,
        options: Options,
        upkeep: Upkeep | None = None,
        decoder: Executor | None = None,
        memory: SpareMemory | None = None,
        let_go: Callable[[Path, Position], None] = forget,
        quarantine: Path | None = None,
        tenant: str = DEFAULT_TENANT,
        crashed: bool = False,
        remove_orphans: Callable[[], object] = lambda: None,
    ) -> None:
        self._lake = lake
        self._remove_orphans = remove_orphans
        self._deriver = deriver
        self._kernels, self._plain, self._rules = kernels, plain, rules
        self._options = options
        self._upkeep = upkeep
        self._memory = memory or SpareMemory()
        self._store = PlanStore(data / "plans")
        self._quarantine = Quarantine(quarantine or data / "quarantine", tenant)
        self._window = RetryWindow(int(options.retry_window_s * 1e9))
        self._suspicion = Suspicion(data / "plans" / "suspects", crashed=crashed)
        self._backlog = Backlog(data / "inbox", self._window, self._suspicion, let_go=let_go)
        self._decoder = decoder or ThreadPoolExecutor(1, thread_name_prefix="decode")
        self._progress = Progress()
        self._last_number = 0

    def run(self, control: Control) -> None:
        """Work alone until told to stop."""
        try:
            for pause_s in self.turns(control):
                if pause_s:
                    control.wait(pause_s)
        finally:
            self._decoder.shutdown()

    def turns(self, control: Control) -> Turns:
        """Work until told to stop. What goes wrong is tried again; a payload that makes it go wrong is isolated."""
        backoff_s = 0.1
        try:
            while True:
                try:
                    yield from self._recover(control)
                    backoff_s = 0.1
                    yield from self._work(control)
                except BatchFailedError as failure:
                    logger.warning("%d payloads failed, trying again with less at once: %s", failure.batch.stretch.frames, failure)
                    self._suspicion.blame(failure.batch.stretch)
                except Exception as failure:
                    logger.exception("the pipeline cannot go on, trying again in %.1f s", backoff_s)
                    control.stuck(fault(failure))
                    if self._upkeep is not None:
                        self._upkeep.reap()
                    yield backoff_s
                    backoff_s = min(backoff_s * 2, _LONGEST_BACKOFF_S)
                    if control.stopping():
                        return
                else:
                    return
        finally:
            if self._upkeep is not None:
                self._upkeep.stop()

    def _recover(self, control: Control) -> Turns:
        """Start from what is on disk: the last plan is published everywhere before anything else happens."""
        started = time.perf_counter()
        self._remove_orphans()
        plans = self._store.plans()
        last = plans[-1] if plans else None
        number = last.number if last else 0
        self._last_number = number
        if max(self._lake.committed(table, self._store.stream) for table in self._lake.tables) > number:
            logger.warning("the tables know more plans than this inbox: it is a restored copy, and goes on under a new name")
            self._store.renew_stream()
            self._store.mark_done(number)
        finished = last is None or self._store.done() >= number
        positions = {} if last is None else last.positions if finished else self._store.beginning(plans)
        replaced = self._begin(positions, last.inboxes if last else {})
        self._remember(plans if finished else plans[:-1])
        if last is not None and not finished:
            plan = replace(last, positions={inbox: end for inbox, end in last.positions.items() if inbox not in replaced})
            yield from self._replay(plan, control)
            self._backlog.positions.update(plan.positions)
        self._lake.refresh()
        self._progress.positions = dict(self._backlog.positions)
        self._progress.live_files = self._lake.live_files()
        self._progress.unpublished_since_unix_nano = 0
        self._progress.recovery_s = time.perf_counter() - started
        control.progressed(self._progress)

    def _remember(self, plans: list[Plan]) -> None:
        """Know the retries of what these plans published, for what waits: it may have been accepted long before this start."""
        self._window.clear()
        accepted = time.time_ns() - self._backlog.lag_ns()
        for plan in plans:
            age_ns = max(0, accepted - plan.created_unix_nano)  # made in the future: by a clock that was put back since
            if age_ns < int(self._options.retry_window_s * 1e9):
                self._window.add(plan.number, plan.digests, age_ns=age_ns)

    def _begin(self, positions: Mapping[str, Position], read: Mapping[str, str]) -> list[str]:
        """See `Backlog.begin`."""
        replaced = self._backlog.begin(positions, read)
        for inbox in replaced:
            logger.warning("inbox %s is not the one that the last plan has read: it was replaced, and is read from its beginning", inbox)
        return replaced

    def _replay(self, plan: Plan, control: Control) -> Turns:
        """Publish a plan again, to the tables that do not have it yet."""
        draft = self._new_draft(plan.number)
        try:
            while (batch := self._backlog.next_batch(max_items=self._options.batch_items, until=plan.positions, replayed=plan)) is not None:
                self._suspicion.start([batch.stretch])
                self._derive(draft, batch, *self._decode(batch, plan.quarantined))
                yield 0.0
            self._suspicion.start([])
            self._publish(draft, control, plan)
        except BaseException:
            draft.files.abandon()
            raise

    def _work(self, control: Control) -> Turns:
        """Fill and publish one plan after another, until told to stop."""
        while True:
            draft = self._new_draft(self._last_number + 1)
            asked: object | None = None
            try:
                yield from self._fill(draft, control)
                stopping = control.stopping()
                if control.publish_asked() or stopping:
                    asked = control.asked()
                    yield from self._take_all(draft, control)
                if draft.since is not None:
                    self._publish(draft, control)
                else:
                    draft.files.abandon()
            except BaseException:
                draft.files.abandon()
                raise
            if asked is not None:
                control.published(asked)
            if stopping:
                return
            yield 0.0

    def _fill(self, draft: _Draft, control: Control) -> Turns:
        """Work on batches until the plan is due, or the pipeline is told something."""
        decoding: _Decoding | None = None
        while True:
            told = control.stopping() or control.publish_asked()
            if not self._is_full(draft) and not told and self._backlog.is_due(batch_interval_s=self._options.batch_interval_s):
                decoding, advanced = self._advance(draft, decoding, control)
                if control.alone() and advanced:
                    yield 0.0
                    continue
            if decoding is not None:  # nothing is decoded ahead, and held in memory, while other ponds have their turns
                self._finish(draft, decoding, control)
                decoding = None
                self._suspicion.start([])
                yield 0.0
                continue
            if told or self._is_full(draft):
                return
            if self._upkeep is not None:
                self._upkeep.tick()
            if control.alone():
                self._memory.waits()
            yield _POLL_S

    def _take_all(self, draft: _Draft, control: Control) -> Turns:
        """Work on everything that waits now, for somebody waits for it."""
        until = self._backlog.ends()
        while (batch := self._backlog.next_batch(max_items=self._options.batch_items, until=until)) is not None:
            self._suspicion.start([batch.stretch])
            self._finish(draft, self._submit(batch), control)
            yield 0.0
        self._suspicion.start([])

    def _advance(self, draft: _Draft, decoding: _Decoding | None, control: Control) -> tuple[_Decoding | None, bool]:
        """Start to decode the next batch, and meanwhile derive the one before it; what is decoding then, and whether a batch was there."""
        batch = self._backlog.next_batch(max_items=self._options.batch_items)
        if batch is None:
            return decoding, False
        if batch.suspect and decoding is not None:
            self._finish(draft, decoding, control)
            decoding = None
        self._suspicion.start([*([decoding.batch.stretch] if decoding else []), batch.stretch])
        following = self._submit(batch)
        if decoding is not None:
            self._finish(draft, decoding, control, and_wait_for=following)
        if batch.suspect:
            self._finish(draft, following, control)
            self._suspicion.start([])
            return None, True
        return following, True

    def _submit(self, batch: Batch) -> _Decoding:
        return _Decoding(batch, self._decoder.submit(self._decode, batch, {}))

    def _finish(self, draft: _Draft, decoding: _Decoding, control: Control, *, and_wait_for: _Decoding | None = None) -> None:
        """Derive and write what was decoded."""
        try:
            decoded, seconds = decoding.future.result()
            self._derive(draft, decoding.batch, decoded, seconds)
        except BaseException:
            if and_wait_for is not None:  # the decoder thread must be free before anything is tried again
                and_wait_for.future.exception()
            raise
        self._progress.positions = {
            **self._progress.positions,
            decoding.batch.chunk.inbox: decoding.batch.chunk.after,
        }
        control.progressed(self._progress)

    def _decode(self, batch: Batch, quarantined: Mapping[FramePlace, str]) -> tuple[Decoded, float]:
        """A batch's decoded relations; what is in quarantine, or must go there, becomes refused rows."""
        started = time.perf_counter()
        parts: list[Decoded] = []
        known = [frame for frame in batch.frames if batch.place(frame) in quarantined]
        if batch.treatment == "quarantine" or known:
            parts.append(self._quarantine.put(batch, known or batch.frames, quarantined))
        if batch.treatment != "quarantine":
            decode = self._plain if batch.treatment == "plain" else self._kernels
            try:
                for signal, payloads in batch.without(known).payloads().items():
                    parts.append(decode(signal, payloads, self._rules))
            except OSError:
                raise  # the disk's fault (a key file, a full folder), and no payload's
            except Exception as failure:
                raise BatchFailedError(batch, failure) from failure
        if batch.chunk.damages:
            parts.append(self._quarantine.damaged(batch.chunk, self._backlog.folder))
        return merge(parts), time.perf_counter() - started

    def _derive(self, draft: _Draft, batch: Batch, decoded: Decoded, decode_s: float) -> None:
        """Rows of a decoded batch, into the plan's open files."""
        started = time.perf_counter()
        try:
            dropped = self._deriver.dropped_events
            tables = self._deriver.derive(decoded)
            draft.tally.add_dropped_events(self._deriver.dropped_events - dropped)
            derived = time.perf_counter()
            for table, rows in tables.items():
                draft.files.append(table, rows)
                draft.tally.add_rows(table, rows)
        except (OSError, duckdb.IOException):
            raise  # the disk's fault, and no payload's
        except Exception as failure:
            raise BatchFailedError(batch, failure) from failure
        self._suspicion.clear(batch.stretch)
        self._memory.used(batch.chunk.wire.nbytes)
        if batch.chunk.frames:
            first = batch.chunk.frames[0].accepted_unix_nano
            draft.oldest_unix_nano = min(draft.oldest_unix_nano or first, first)
        draft.since = draft.since or time.monotonic() - self._waited_s(draft)
        draft.left_out.update(batch.left_out)
        draft.tally.retries += len(batch.left_out)
        if batch.treatment == "quarantine":
            draft.quarantined.update({batch.place(frame): "no decoder takes it" for frame in batch.frames})
            draft.tally.quarantined += len(batch.frames)
        else:
            draft.digests.append(batch.digests)
        progress = self._progress
        progress.items += batch.items
        progress.unpublished_since_unix_nano = draft.oldest_unix_nano
        progress.decode_s += decode_s
        progress.derive_s += derived - started
        progress.write_s += time.perf_counter() - derived

    def _waited_s(self, draft: _Draft) -> float:
        """How long the plan's first frame waited for its batch: the interval begins with it, but no plan is cut short by a backlog."""
        age_s = (time.time_ns() - draft.oldest_unix_nano) / 1e9 if draft.oldest_unix_nano else 0.0
        return min(max(age_s, 0.0), self._options.batch_interval_s)

    def _publish(self, draft: _Draft, control: Control, replayed: Plan | None = None) -> None:
        """Write the plan down, give it to every table, then let go of its frames."""
        started = time.perf_counter()
        written = draft.files.close()
        plan = replayed or Plan(
            number=draft.number,
            created_unix_nano=time.time_ns(),
            positions=dict(self._backlog.positions),
            left_out=frozenset(draft.left_out),
            quarantined=draft.quarantined,
            digests=b"".join(draft.digests),
            inboxes=self._backlog.identities(),
            begins=draft.begins,
        )
        if replayed is None:
            self._store.write(plan)
        self._lake.publish(written, self._store.stream, plan.number)
        self._lake.refresh()
        self._store.mark_done(plan.number)
        self._backlog.forget(plan.positions)
        for inbox, position in plan.positions.items():
            self._suspicion.forget(inbox, position.segment, position.offset)
        self._window.add(plan.number, b"".join(draft.digests))  # of a replayed plan: what was still there
        self._store.forget_before(self._window.forget(self._backlog.lag_ns()))
        self._backlog.next_plan()
        if self._upkeep is not None:
            self._upkeep.published()
            self._upkeep.tick()
        self._last_number = self._progress.plans = plan.number
        self._progress.publish_s += time.perf_counter() - started
        self._note_published(draft)
        control.progressed(self._progress)

    def _note_published(self, draft: _Draft) -> None:
        self._progress.published.add(draft.tally)
        self._progress.live_files = self._lake.live_files()
        self._progress.unpublished_since_unix_nano = 0
        if draft.oldest_unix_nano:
            self._progress.commit_lag_s = (time.time_ns() - draft.oldest_unix_nano) / 1e9

    def _is_full(self, draft: _Draft) -> bool:
        if draft.since is None:
            return False
        return time.monotonic() - draft.since >= self._options.commit_interval_s or draft.files.bytes >= self._options.commit_bytes

    def _new_draft(self, number: int) -> _Draft:
        return _Draft(number, self._lake.open_batch(self._store.stream, number, time.time_ns()), dict(self._backlog.positions))


def merge(parts: list[Decoded]) -> Decoded:
    """Relations side by side; `refused` comes from each signal."""
    merged: Decoded = {}
    for part in parts:
        for name, rows in part.items():
            merged[name] = pa.concat_tables([merged[name], rows]) if name in merged and rows.num_rows else merged.get(name, rows)
    return merged
