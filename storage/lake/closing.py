"""Stores the sessions of days that are over, and stores them again after late events; maintenance calls it.

What a day's sessions are stands in views/user_session_parts.sql, which is run over the files of that day. One commit exchanges the
day's file, after the file is durable: killed at any moment, the day is stored as before or as after, and pond.duckdb, which is written
later, shows one or the other (see `closed_days`).
"""

from __future__ import annotations

import logging
import os
import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Final

import duckdb
import pyarrow as pa

from ..durable import fsync_folder
from ..query import EVENTS, SESSIONS, VIEWS_FOLDER
from ..quoting import quoted
from .closed_days import event_rows, file_name, stored_rows
from .delta_table import LiveFile, Table
from .parquet import DataFile, FileWriter, LakeError

logger = logging.getLogger(__name__)

PARTS: Final = VIEWS_FOLDER / "user_session_parts.sql"
QUIET: Final = timedelta(hours=6)
"""A day is stored so long after its end, and stored again at most so often: in between it is made of its events."""
SLICE_ROWS: Final = 1_000_000
"""Events whose sessions are made at once: memory does not grow with the day."""
MEMORY: Final = "600MB"
READ_ROWS: Final = 8192
_SPILLED: Final = ".closing-"
"""Where DuckDB puts what its memory does not hold; a killed process leaves such a folder."""


@dataclass(frozen=True, slots=True)
class Closing:
    """A day to store.

    Attributes:
        day: `YYYY-MM-DD`.
        rows: of its events.
        events: their files, and an empty one that has every column: those of an older release lack some.
        stored: its files in `user_sessions`, which the new one takes the place of.
    """

    day: str
    rows: int
    events: tuple[LiveFile, ...]
    stored: tuple[LiveFile, ...]


def close_days(events: Table, sessions: Table, now: datetime, *, first: str, cpu_s: float) -> tuple[int, int]:
    """Store the days that are due, the first of them whatever it costs; how many were stored, and how many could not be.

    Args:
        events: the table `events`.
        sessions: the table `user_sessions`; the caller holds the lock of maintenance.
        now: in UTC.
        first: the first day that both tables keep.
        cpu_s: CPU seconds of this call after which no further day is begun.
    """
    for left in events.folder.parent.glob(f"{_SPILLED}*"):
        shutil.rmtree(left, ignore_errors=True)
    stored = failed = 0
    begun = time.process_time()
    for closing in plan_closings(events.snapshot().files, sessions.snapshot().files, now, first):
        try:
            stored += close_day(events, sessions, closing)
        except (LakeError, OSError, pa.ArrowException):
            logger.exception("the sessions of %s are made of its events, as before", closing.day)
            failed += 1
        if time.process_time() - begun > cpu_s:
            break
    return stored, failed


def plan_closings(events: Sequence[LiveFile], sessions: Sequence[LiveFile], now: datetime, first: str = "") -> list[Closing]:
    """The days to store now, the newest first.

    Args:
        events: live files of `events`.
        sessions: live files of `user_sessions`.
        now: in UTC.
        first: the first day that both tables keep; what is dropped soon is not stored.
    """
    known = stored_rows(sessions)
    seed = tuple(file for file in events if file.seed)[:1]
    return [
        Closing(day, rows, seed + _of(events, day), stored)
        for day, rows in sorted(event_rows(events).items(), reverse=True)
        if day >= first and rows > known.get(day, -1) and _is_quiet(day, stored := _of(sessions, day), now)
    ]


def _of(files: Sequence[LiveFile], day: str) -> tuple[LiveFile, ...]:
    return tuple(file for file in files if file.dt == day and not file.seed)


def _is_quiet(day: str, stored: Sequence[LiveFile], now: datetime) -> bool:
    ended = datetime.combine(date.fromisoformat(day), datetime.min.time(), UTC) + timedelta(days=1)
    last = max((datetime.fromtimestamp(file.modified_ms / 1000, UTC) for file in stored), default=ended)
    return now - max(ended, last) >= QUIET


def close_day(events: Table, sessions: Table, closing: Closing) -> bool:
    """Store a day's sessions, durably; False where another process has changed the table meanwhile.

    Raises:
        LakeError: a file of the day's events cannot be read.
    """
    writer = FileWriter(sessions.folder, file_name(closing.day, closing.rows, time.time_ns(), os.getpid()), sessions.schema)
    try:
        file = _write(events, closing, writer)
    except duckdb.Error as error:
        writer.abandon()
        raise LakeError(f"table {SESSIONS}: the sessions of {closing.day} cannot be made of the files of {EVENTS}: {error}") from error
    except BaseException:
        writer.abandon()
        raise
    if sessions.replace(closing.stored, [file], file.modified_ms, data_change=True):
        return True
    writer.abandon()
    return False


def _write(events: Table, closing: Closing, writer: FileWriter) -> DataFile:
    with tempfile.TemporaryDirectory(prefix=_SPILLED, dir=events.folder.parent) as folder:
        for rows in _parts(events, closing, Path(folder)):
            writer.append(rows)
    file = writer.close()
    fsync_folder(writer.location.parent)
    return file


def _parts(events: Table, closing: Closing, folder: Path) -> Iterator[pa.Table]:
    """What the sessions did on that day, a part of the sessions at a time."""
    slices = 1 + closing.rows // SLICE_ROWS
    files = ", ".join(quoted(str(events.folder / file.path)) for file in closing.events)
    source = f"read_parquet([{files}], hive_partitioning = true, hive_types = {{'dt': date}}, union_by_name = true)"
    with duckdb.connect(config={"threads": 1, "memory_limit": MEMORY, "temp_directory": str(folder)}) as con:
        con.execute("set timezone='UTC'")
        con.execute(f"create view events_open as {events.schema.shown(source)}")
        con.execute(f"create view user_session_parts as {PARTS.read_text(encoding='utf-8')}")
        for number in range(slices):
            select = f"from user_session_parts where hash(coalesce(session_id, visitor)) % {slices} = {number} order by start_unix_nano"
            for batch in con.sql(select).to_arrow_reader(READ_ROWS):
                yield pa.Table.from_batches([batch])
