"""One Delta table on a local disk: its live files and durable commits to it; the lake holds one of each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import deltalake
import pyarrow as pa
from deltalake.exceptions import CommitFailedError, DeltaError
from deltalake.transaction import AddAction, CommitProperties, PostCommitHookProperties, RemoveAction, Transaction

from ..schema import TableSchema
from . import delta_log
from .parquet import PARTITION, DataFile, LakeError

SEED_DAY: Final = "1970-01-01"
CHECKPOINT_COMMITS: Final = 20
"""A commit takes 3-12 ms while the log is short, and 50-130 ms after 500-2,000 commits."""
COMMIT_ATTEMPTS: Final = 10
REMOVER: Final = "otelpond-remover"
"""The application transaction of every commit that removes files: delta-rs lets two such commits remove the same file, which
would double its rows in their outputs; two that carry the same application transaction it refuses."""
HOOKS_OFF: Final = PostCommitHookProperties(create_checkpoint=False, cleanup_expired_logs=False)
_SHOWN: Final = ["path", "size_bytes", "num_records", "modification_time", f"partition.{PARTITION}"]


@dataclass(frozen=True, slots=True)
class LiveFile:
    """A file of the last snapshot. Attributes as in `DataFile`."""

    path: str
    dt: str
    size_bytes: int
    rows: int
    modified_ms: int

    @property
    def seed(self) -> bool:
        """An empty file that is there so that views know the columns."""
        return self.dt == SEED_DAY and self.path.rsplit("/", 1)[1].startswith("seed-")


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The live files of a table, the newest seed first.

    Attributes:
        mixed: some file was written before the newest columns were added.
    """

    version: int
    files: tuple[LiveFile, ...]
    mixed: bool


class Table:
    """One Delta table: the files of its last version, and durable commits to it."""

    def __init__(self, folder: Path, schema: TableSchema) -> None:
        self.name = schema.name
        self.folder = folder
        self.schema = schema
        self.log = folder / delta_log.FOLDER
        self._snapshot: Snapshot | None = None
        self._open()
        self._durable = self._delta.version()
        self._fsync_failed = False

    def _open(self) -> None:
        self._checkpoint = delta_log.last_checkpoint(self.log)
        with self._explained():
            self._delta = deltalake.DeltaTable(str(self.folder))

    @property
    def delta(self) -> deltalake.DeltaTable:
        """The table as delta-rs has it, at the version last seen."""
        return self._delta

    def update(self) -> int:
        """See the newest version; its number. Asks delta-rs (17 ms after 200 commits) only where the log has a newer entry.

        Behind each new checkpoint the table is opened anew: delta-rs keeps memory for each commit that it has followed, and next to none
        for those that a checkpoint sums up.
        """
        if delta_log.last_checkpoint(self.log) > self._checkpoint:
            self._open()
        elif (self.log / delta_log.entry(self._delta.version() + 1)).exists():
            with self._explained():
                self._delta.update_incremental()
        return int(self._delta.version())

    def snapshot(self) -> Snapshot:
        """The live files of the newest version."""
        version = self.update()
        if self._snapshot is None or self._snapshot.version != version:
            with self._explained():
                self._snapshot = _snapshot(version, self._delta)
        return self._snapshot

    def committed(self, stream: str) -> int:
        """Number of the stream's last plan in this table; -1 where there is none."""
        self.update()
        version = self._delta.transaction_version(stream)
        return -1 if version is None else version

    def publish(self, files: Sequence[DataFile], stream: str, plan: int) -> bool:
        """Add the files as the stream's plan, durably; False where the table has this plan already (then the files are not added)."""
        for attempt in range(1, COMMIT_ATTEMPTS + 1):
            if self.committed(stream) >= plan:
                self.make_durable()
                return False
            self._require(files)
            try:
                self._commit([_add(file, data_change=True) for file in files], Transaction(stream, plan))
            except CommitFailedError as error:
                if attempt == COMMIT_ATTEMPTS:
                    raise LakeError(f"table {self.name}: {attempt} commits in a row met others: {error}") from error
            else:
                break
        return True

    def _require(self, files: Sequence[DataFile]) -> None:
        """Refuse to name a file that is gone: a clock that jumps a day ahead makes it look forgotten, and a vacuum take it."""
        for file in files:
            if not (self.folder / file.path).exists():
                raise LakeError(f"table {self.name}: {self.folder / file.path} was removed before it was published; it is written again")

    def replace(self, removed: Sequence[LiveFile], added: Sequence[DataFile], now_ms: int, *, data_change: bool = False) -> bool:
        """Exchange live files for others in one commit, durably; False where another remover was quicker."""
        actions = [_add(file, data_change=data_change) for file in added]
        gone = [RemoveAction(f.path, data_change, now_ms, f.size_bytes, {PARTITION: f.dt}) for f in removed]
        try:
            self._commit([*actions, *gone], Transaction(REMOVER, self._delta.version()))
        except CommitFailedError:
            return False
        return True

    def removed(self, hours_ago: int) -> set[str]:
        """Files that left the table at least so many hours ago and are known to the log still; they may be gone from the disk."""
        with self._explained():
            return set(self._delta.vacuum(hours_ago, dry_run=True, enforce_retention_duration=False)) - self._live()

    def remove_unnamed(self, candidates: Sequence[Path]) -> int:
        """Remove those of the files, listed before this call, that the table names neither as live nor as removed; how many."""
        if not candidates:
            return 0
        self.update()
        named = self.removed(0) | self._live()
        unnamed = [path for path in candidates if str(path.relative_to(self.folder)) not in named]
        for path in unnamed:
            path.unlink(missing_ok=True)
        return len(unnamed)

    def _live(self) -> set[str]:
        return {file.path for file in self.snapshot().files}

    def commits_since_checkpoint(self) -> int:
        """How many commits a reader has to read one by one."""
        return self._delta.version() - max(0, delta_log.last_checkpoint(self.log))

    def checkpoint(self) -> None:
        """Sum the log up in a durable checkpoint, then clean up the entries that are older than an hour."""
        self.update()
        self.make_durable()
        with self._explained():
            self._delta.create_checkpoint()
            delta_log.fsync_checkpoint(self.log)
            self._delta.cleanup_metadata()

    def make_durable(self) -> None:
        """Fsync every log entry up to the newest known version, other processes' among them."""
        version = self._delta.version()
        if self._fsync_failed:  # the system tells such an error once, and then takes the lost pages for written
            delta_log.rewrite_entries(self.log, self._durable + 1, version)
        try:
            delta_log.fsync_entries(self.log, self._durable + 1, version)
        except OSError:
            self._fsync_failed = True
            delta_log.note_undurable(self.log)
            raise
        self._fsync_failed = False
        self._durable = version

    def _commit(self, actions: list[AddAction | RemoveAction], transaction: Transaction) -> None:
        with self._explained():
            self._delta.create_write_transaction(
                actions,
                mode="append",
                schema=self._delta.schema(),
                partition_by=[PARTITION],
                commit_properties=CommitProperties(app_transactions=[transaction]),
                post_commithook_properties=HOOKS_OFF,
            )
        self.update()
        self.make_durable()

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except CommitFailedError:
            raise
        except DeltaError as error:
            raise delta_log.explain(self.name, self.log, error) from error


def _add(file: DataFile, *, data_change: bool) -> AddAction:
    return AddAction(file.path, file.size_bytes, {PARTITION: file.dt}, file.modified_ms, data_change, file.stats)


def _snapshot(version: int, delta: deltalake.DeltaTable) -> Snapshot:
    actions = pa.table(delta.get_add_actions(flatten=True)).select(_SHOWN).to_pylist()
    files = [
        LiveFile(
            path=action["path"],
            dt=str(action[f"partition.{PARTITION}"]),
            size_bytes=action["size_bytes"],
            rows=action["num_records"] or 0,
            modified_ms=action["modification_time"],
        )
        for action in actions
    ]
    files.sort(key=lambda file: (not file.seed, -file.modified_ms if file.seed else 0, file.dt, file.path))
    newest = max((file.modified_ms for file in files if file.seed), default=0)
    return Snapshot(version, tuple(files), mixed=any(file.modified_ms < newest for file in files))
