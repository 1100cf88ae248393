"""A pond that is written from inside one process, without a collector: an inbox and a pipeline of its own; `sdk.py` hands it payloads.

Each process has a folder `DATA/processes/<n>/` with its inbox and its plans, as a receiver and the collector's pipeline have theirs. So
what was stored is on disk, a byte-equal retry is stored once, and publishing resumes exactly once after a kill. The tables' application
transactions keep streams apart, so that any number of processes, imports and a collector may write the same pond. What a process has not
published when it ends, for it was killed or forked, another one's next publish does: delta-rs and DuckDB do not work in a forked child.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor, Future
from concurrent.futures import TimeoutError as TooLateError
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any, Final, TypeVar

from ..storage.access.tenants import DEFAULT_TENANT, pond_folder
from ..storage.addresses import AddressHasher, forget_keys
from ..storage.decode import reference
from ..storage.decode.inspection import inspect
from ..storage.decode.payloads import Rules
from ..storage.decode.warming import WarmingDecoder
from ..storage.derive import Deriver
from ..storage.events.catalogue import load_catalogue
from ..storage.events.typed_views import with_event_views
from ..storage.grouping.grouper import Grouper, GroupingSettings
from ..storage.grouping.versions import noted_change
from ..storage.inbox.leftovers import seal_abandoned
from ..storage.inbox.log import Inbox
from ..storage.inbox.segments import BEGINNING, Position, forget, segments, unread_bytes
from ..storage.lake.lake import Lake
from ..storage.lake.maintenance import remove_orphans
from ..storage.locks import locked
from ..storage.pipeline.control import Control, Progress
from ..storage.pipeline.pipeline import Options, Pipeline
from ..storage.pipeline.plans import PlanStore
from ..storage.schema import TABLES_FOLDER, load_tables
from ..storage.signals import Signal, UnavailableError
from ..storage.sourcemaps.mapping import TenantsSourceMaps
from .process_folders import FOLDER, INBOX, inbox_of, published_position, take_folder, unpublished_bytes

T = TypeVar("T")

logger = logging.getLogger(__name__)

PUBLISH_BYTES: Final = 32_000_000
"""Of payloads that are stored and not published: then `store` publishes them itself."""
STORE_TIMEOUT_S: Final = 30.0
_WORTH_KERNELS_BYTES: Final = 10_000_000
"""A second of plain decoding or more: from then on kernels are loaded (compiled, where the cache folder lacks them) beside it."""


class PondClosedError(Exception):
    """The pond was closed already."""


class _Once(Control):
    """Has a pipeline publish what waits, and remembers how it went."""

    def __init__(self) -> None:
        self.failure = ""
        self.positions: Mapping[str, Position] = {}

    def stuck(self, reason: str) -> None:
        """Remember why."""
        self.failure = reason

    def progressed(self, progress: Progress) -> None:
        """Remember how far it has read."""
        self.positions = progress.positions


class _Here(Executor):
    """Runs what is submitted at once, in the same thread: at the end of a process no thread can be started any more."""

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        """Run it."""
        future: Future[T] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except BaseException as failure:  # noqa: BLE001 - whoever asks for the result has it raised
            future.set_exception(failure)
        return future


class _Tables:
    """What turns payloads into rows of a pond's tables."""

    def __init__(self, folder: Path, own: Sequence[Path]) -> None:
        schemas = load_tables([TABLES_FOLDER, *own])
        self.lake = Lake(folder, with_event_views(schemas, load_catalogue()))
        grouper = Grouper(GroupingSettings(change=noted_change(folder)), TenantsSourceMaps(folder))
        self.deriver = Deriver(schemas, grouper=grouper)
        forget_keys(folder / "keys", datetime.now(UTC).date())
        self.rules = Rules(hash_address=AddressHasher(folder / "keys"))


class InProcessPond:
    """A pond as one process writes it; safe for threads.

    Args:
        data: the pond's directory, made where there is none.
        tenant: whose rows they become.
        tables: folders of own tables, as `tables` of the configuration names them. Whoever writes a pond must name the same ones.

    Raises:
        OSError: the directory cannot be written.
        SchemaError: a table of `tables` is not usable.
    """

    def __init__(self, data: str | Path = "pond", *, tenant: str = DEFAULT_TENANT, tables: Sequence[Path] = ()) -> None:
        self.folder = pond_folder(Path(data).absolute(), tenant)
        self._tenant = tenant
        self._tables = None if _is_forked() else _Tables(self.folder, tables)
        self._publishing = threading.Lock()
        self._cleaned: set[Path] = set()
        self._own, self._lock = take_folder(self.folder / FOLDER, publishing=self._tables is not None)
        self._inbox = Inbox(inbox_of(self._own))
        self._closed = False
        self._unpublished = 0

    def store(self, signal: Signal, payload: bytes) -> None:
        """Make an Export request durable; publish what waits, where that is much.

        Raises:
            UnavailableError: the disk does not take it, or too late.
            UndecodableError: it is none.
            PondClosedError: nothing is taken any more.
        """
        if self._closed:
            raise PondClosedError(f"{self.folder} was closed")
        try:
            self._inbox.append(self._tenant, signal, payload, inspect(signal, payload)).result(STORE_TIMEOUT_S)
        except TooLateError:
            raise UnavailableError(f"{self.folder} took no data for {STORE_TIMEOUT_S:g} s") from None
        self._unpublished += len(payload)
        if self._unpublished >= PUBLISH_BYTES:
            self._unpublished = 0
            self.publish()

    def publish(self, timeout_s: float = -1) -> bool:
        """Have everything that is stored by now in the tables, also what processes that were killed have left.

        Args:
            timeout_s: for how long another thread's publish is waited for; without end unless given. One that runs is not broken off.

        Returns:
            False where that was not possible (in a forked process, while another thread is at it, on a full disk, ...); nothing is lost.
        """
        if not self._publishing.acquire(timeout=timeout_s):
            return False
        try:
            if self._tables is None:
                return False
            folders = sorted(path for path in (self.folder / FOLDER).iterdir() if path.is_dir())
            return min([self._published(folder, self._tables) for folder in folders])
        finally:
            self._publishing.release()

    def close(self) -> bool:
        """Publish, and let go of the pond; whether everything is in the tables. A second time does nothing."""
        with self._publishing:
            if self._closed:
                return True
            self._closed = True
            self._inbox.close()
        done = self.publish()
        self._lock.close()
        return done

    def _published(self, folder: Path, tables: _Tables) -> bool:
        try:
            return self._publish(folder, tables)
        except Exception as failure:  # noqa: BLE001 - an exporter must not raise, and what is stored stays stored
            logger.warning("%s cannot be published now, it is tried again: %s: %s", folder, type(failure).__name__, failure)
            return False

    def _publish(self, folder: Path, tables: _Tables) -> bool:
        """Publish what waits in a process's folder, where that is ours or its process does not live any more."""
        if folder == self._own:
            return self._publish_held(folder, tables)
        with locked(folder / "lock", wait=False) as held:
            return not held or self._publish_held(folder, tables)

    def _publish_held(self, folder: Path, tables: _Tables) -> bool:
        seal_abandoned(inbox_of(folder))
        if not unpublished_bytes(folder):
            forget(inbox_of(folder), published_position(folder))  # sealed since
            return True
        return self._run(folder, tables)

    def _run(self, folder: Path, tables: _Tables) -> bool:
        control = _Once()
        waiting = unread_bytes(segments(inbox_of(folder)), BEGINNING)
        stream = PlanStore(folder / "plans").stream
        pipeline = Pipeline(
            folder,
            tables.lake,
            tables.deriver,
            kernels=_kernels() if waiting > _WORTH_KERNELS_BYTES else reference.decode,
            plain=reference.decode,
            rules=tables.rules,
            options=Options(),
            decoder=_Here(),
            quarantine=self.folder / "quarantine",
            tenant=self._tenant,
            remove_orphans=lambda: None if folder in self._cleaned else remove_orphans(tables.lake, stream),
        )
        pipeline.run(control)
        self._cleaned.add(folder)
        if folder == self._own and INBOX in control.positions:
            self._inbox.note_read(control.positions[INBOX])
        if control.failure:
            logger.warning("%s cannot be published now, it is tried again: %s", folder, control.failure)
        return not control.failure


_engine_pid: list[int] = []
"""The process that has delta-rs running, where one was started; a fork inherits the number and not the threads."""


def _is_forked() -> bool:
    if not _engine_pid:
        _engine_pid.append(os.getpid())
    return _engine_pid[0] != os.getpid()


@cache
def _kernels() -> WarmingDecoder:
    return WarmingDecoder()
