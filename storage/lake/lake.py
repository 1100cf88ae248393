"""The Delta tables of a pond: publish a plan's files exactly once, know the live files; the pipeline and the maintenance hold one.

Order, and what a crash may leave. Data files and their folders are durable before the commit; the log entry and its folder are
before `publish` returns. A crash in between leaves files that no entry names (removed at the next start), or an entry that may
not be durable yet: a replayed plan finds it (its application transaction), skips the table, and makes it durable first.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

import pyarrow as pa

from ..durable import make_folder, write_file
from ..locks import Presence, locked
from ..query import EVENTS, OPEN_EVENTS, SESSIONS, Listing, PondFile
from ..schema import TableSchema
from .closed_days import shown
from .delta_table import CHECKPOINT_COMMITS, Snapshot, Table
from .evolution import prepare
from .files import OpenFiles, WrittenFiles
from .live import link_snapshot
from .parquet import LakeError

LAYOUT: Final = 1
"""Of DATA/lake. 1 (release 0.1.0): a Delta table a folder, partitioned by dt, with at least one empty seed file in dt=1970-01-01."""


class Lake:
    """All Delta tables under DATA/lake.

    Args:
        data: the pond's directory.
        tables: the documented tables by name; missing ones are made, those of an older release gain columns, views have no files.
        writer: whether this process may mend and change tables at start (the pipeline, an import); readers and maintenance do not.
            Only who has the lake alone mends: whoever else works on it did so at its own start, and goes on writing.

    Raises:
        LakeError: a newer release wrote the lake, a column changed its type, or a file is damaged.
    """

    def __init__(self, data: Path, tables: Mapping[str, TableSchema], *, writer: bool = True) -> None:
        self.data = data
        self.folder = data / "lake"
        self.schemas = {name: schema for name, schema in tables.items() if schema.view_sql is None}
        if writer:
            make_folder(self.folder)
        self._presence = Presence(self.folder / ".presence.lock")
        try:
            if writer:
                self._prepare()
            self._presence.share()
            self.tables = {name: Table(self.folder / name, schema) for name, schema in self.schemas.items()}
        except BaseException:
            self._presence.close()  # whoever tries again must not find this one
            raise
        self._pond = PondFile(data, tables)

    def _prepare(self) -> None:
        _check_layout(self.folder)
        with locked(self.folder / ".create.lock"):
            alone = self._presence.alone()
            for schema in self.schemas.values():
                prepare(self.folder / schema.name, schema, mending=alone)

    def committed(self, table: str, stream: str) -> int:
        """Number of the stream's last plan in that table; -1 where there is none."""
        return self.tables[table].committed(stream)

    def open_batch(self, stream: str, plan: int, attempt: int) -> OpenFiles:
        """Files for one attempt at one plan; stream, plan and attempt together were never used before."""
        return OpenFiles(self.folder, self.schemas, f"{stream}-{plan}-{attempt}")

    def publish(self, files: WrittenFiles, stream: str, plan: int) -> None:
        """Commit a plan's files to their tables, one after another, durably; tables that have the plan already are skipped.

        May be called again with the same files after it failed: those that were committed the first time stay.
        """
        for name, written in files.files.items():
            table = self.tables[name]
            if not table.publish(written, stream, plan):
                table.remove_unnamed([table.folder / file.path for file in written])

    def publish_rows(self, rows: Iterable[tuple[str, pa.Table]], stream: str, plan: int) -> None:
        """Publish a plan whose rows are at hand, each part with its table: `open_batch` and `publish`, and no file left where it fails."""
        files = self.open_batch(stream, plan, time.time_ns())
        try:
            for table, part in rows:
                files.append(table, part)
            written = files.close()
        except BaseException:
            files.abandon()
            raise
        self.publish(written, stream, plan)

    def maintenance_due(self) -> bool:
        """Whether a table took so many commits since its last checkpoint that a round of maintenance is worth its start."""
        return any(table.commits_since_checkpoint() >= CHECKPOINT_COMMITS for table in self.tables.values())

    def live_files(self) -> dict[str, int]:
        """How many files with rows the newest snapshot of each table has."""
        return {name: sum(not file.seed for file in table.snapshot().files) for name, table in self.tables.items()}

    def refresh(self) -> None:
        """Let pond.duckdb and live/ show the newest snapshots. Any process may, at any time."""
        with locked(self.data / ".refresh.lock"):
            snapshots = {name: table.snapshot() for name, table in self.tables.items()}
            listings = {name: self._listing(name, snapshot) for name, snapshot in snapshots.items()}
            self._pond.write(listings | self._sessions(snapshots))
            for name, snapshot in snapshots.items():
                link_snapshot(self.folder / name, self.data / "live" / name, [file.path for file in snapshot.files])

    def _listing(self, name: str, snapshot: Snapshot) -> Listing:
        folder = str((self.folder / name).resolve())
        return Listing(snapshot.version, tuple(f"{folder}/{file.path}" for file in snapshot.files), snapshot.mixed)

    def _sessions(self, snapshots: Mapping[str, Snapshot]) -> dict[str, Listing]:
        """Of which files the sessions are made: stored days that stand, and the events of all others."""
        if not snapshots.keys() >= {EVENTS, SESSIONS}:
            return {}
        events, stored = shown(snapshots[EVENTS].files, snapshots[SESSIONS].files)
        made_of = {
            OPEN_EVENTS: self._listing(EVENTS, replace(snapshots[EVENTS], files=tuple(events))),
            SESSIONS: self._listing(SESSIONS, replace(snapshots[SESSIONS], files=tuple(stored))),
        }
        return {name: replace(listing, version=_digest(listing.paths)) for name, listing in made_of.items()}


def _digest(paths: tuple[str, ...]) -> int:
    """Another number for other files: what two snapshots make of a view has no version of its own."""
    return int.from_bytes(hashlib.sha256("\n".join(paths).encode()).digest()[:7])


def _check_layout(folder: Path) -> None:
    """Refuse a lake that a newer release laid out; note our own layout in a new one."""
    note = folder / "layout.json"
    if not note.exists():
        write_file(note, json.dumps({"layout": LAYOUT}).encode())
        return
    layout = json.loads(note.read_text())["layout"]
    if layout > LAYOUT:
        raise LakeError(f"{folder} was written by a newer release of otelpond (layout {layout}, this one knows {LAYOUT}): upgrade otelpond")
