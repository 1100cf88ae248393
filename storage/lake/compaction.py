"""Few large files out of many small ones: which live files to merge, and how one merge is made; maintenance calls it.

A publish leaves files of level 0. Sixteen small ones of a level and day become one of the next level, so that each row is
rewritten at most a few times, and a day that is over becomes one file. We write the merged file ourselves, fsync it, and commit
its addition and the removals as one entry: delta-rs' own optimize writes and commits in one call that fsyncs nothing, so that a
power loss could leave the entry without its files. Rows pass through a row group at a time: memory does not grow with the files.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq

from ..durable import fsync_folder
from .delta_table import LiveFile, Table
from .parquet import PARTITION, DataFile, FileWriter, LakeError

FAN_IN: Final = 16
TARGET_BYTES: Final = 128 << 20
SMALL_BYTES: Final = 8 << 20
"""Files from here on are left alone until there are too many: a merge costs 1.6 us of CPU a span, a query 70 us a file."""
LIVE_FILES: Final = 200
"""Aimed at for each table. Beyond it, files up to half the target size are merged too, and a round's CPU time is no limit."""
READ_ROWS: Final = 8192
ROW_GROUP_ROWS: Final = 50_000
ROW_GROUP_BYTES: Final = 24 << 20
"""Keeps the whole process below 400 MB, of which 190 MB are imports."""
QUIET: Final = timedelta(hours=6)
"""A day that is over is merged into one file when nothing came for this long."""
_LEVEL = re.compile(r"/compact-(\d+)-")


@dataclass(frozen=True, slots=True)
class Merge:
    """Files of one day that become one, in the order of their times."""

    files: tuple[LiveFile, ...]
    level: int


def plan_merges(files: Sequence[LiveFile], now: datetime) -> list[Merge]:
    """What to merge now, days that are over first.

    Args:
        files: a table's live files.
        now: in UTC.
    """
    days: dict[str, list[LiveFile]] = {}
    for file in files:
        if not file.seed and file.size_bytes < TARGET_BYTES // 2:
            days.setdefault(file.dt, []).append(file)
    small_bytes = SMALL_BYTES if len(files) <= LIVE_FILES else TARGET_BYTES // 2
    return [merge for day in sorted(days) for merge in _merges_of_day(day, days[day], small_bytes, now)]


def _merges_of_day(day: str, files: list[LiveFile], small_bytes: int, now: datetime) -> Iterator[Merge]:
    files = sorted(files, key=lambda file: file.modified_ms)
    quiet = now - datetime.fromtimestamp(files[-1].modified_ms / 1000, UTC) > QUIET
    if day < str(now.date()) and quiet:
        yield from _full(files, 1 + max(map(level_of, files)))
        return
    levels: dict[int, list[LiveFile]] = {}
    for file in files:
        if file.size_bytes < small_bytes:
            levels.setdefault(level_of(file), []).append(file)
    for level, same in levels.items():
        if len(same) >= FAN_IN:
            yield from _full(same, level + 1)


def _full(files: list[LiveFile], level: int) -> Iterator[Merge]:
    """Neighbours up to the target size; a single file stays as it is."""
    chunk: list[LiveFile] = []
    for file in files:
        chunk.append(file)
        if sum(f.size_bytes for f in chunk) >= TARGET_BYTES:
            yield Merge(tuple(chunk), level)
            chunk = []
    if len(chunk) > 1:
        yield Merge(tuple(chunk), level)


def level_of(file: LiveFile) -> int:
    """0 for a file of a publish, else how many merges its rows went through at most."""
    match = _LEVEL.search(file.path)
    return int(match[1]) if match else 0


def compact(table: Table, merge: Merge) -> bool:
    """Make one merge, durably; False where the files have left the table meanwhile.

    Raises:
        LakeError: a file cannot be read, or does not hold the rows that the log says.
    """
    merged, writer = _write(table, merge)
    if table.replace(merge.files, [merged], merged.modified_ms):
        return True
    writer.abandon()
    return False


def _write(table: Table, merge: Merge) -> tuple[DataFile, FileWriter]:
    name = f"compact-{merge.level}-{time.time_ns()}-{os.getpid()}.parquet"
    writer = FileWriter(table.folder, f"{PARTITION}={merge.files[0].dt}/{name}", table.schema)
    try:
        for rows in _row_groups(table, merge.files):
            writer.append(rows)
        merged = writer.close()
        _require_all(table, merge, merged)
    except BaseException:
        writer.abandon()
        raise
    fsync_folder(writer.location.parent)
    return merged, writer


def _require_all(table: Table, merge: Merge, merged: DataFile) -> None:
    expected = sum(file.rows for file in merge.files)
    if merged.rows != expected:
        raise LakeError(f"table {table.name}: {merged.rows} rows in the files of a merge, {expected} by the log: {merge.files}")


def _row_groups(table: Table, files: Sequence[LiveFile]) -> Iterator[pa.Table]:
    waiting: list[pa.Table] = []
    for file in files:
        for rows in _read(table, table.folder / file.path):
            waiting.append(rows)
            if sum(map(len, waiting)) >= ROW_GROUP_ROWS or sum(part.nbytes for part in waiting) >= ROW_GROUP_BYTES:
                yield pa.concat_tables(waiting, promote_options="default")
                waiting = []
    if waiting:
        yield pa.concat_tables(waiting, promote_options="default")


def _read(table: Table, path: Path) -> Iterator[pa.Table]:
    try:
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(READ_ROWS, use_threads=False):
                yield pa.Table.from_batches([batch])
    except (pa.ArrowException, OSError) as error:
        raise LakeError(
            f"table {table.name}: {path} cannot be read ({error}). Restore this file from a backup; the table's other files are whole"
        ) from error
