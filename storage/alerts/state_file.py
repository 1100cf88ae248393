"""The file `DATA/alerts/state.sqlite`: what the rules of one pond must not forget, changed in durable transactions.

Up to where tables were looked at, which issues were known, which windows exceed their thresholds (`memory.py`), which alerts fired and whom
they were told (`dispatches.py`): what belongs together changes together, so that a kill at any moment neither loses an alert nor has one
fire twice.
"""

from __future__ import annotations

import contextlib
import logging
import sqlite3
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from ..durable import fsync_folder, make_folder

logger = logging.getLogger(__name__)

FOLDER: Final = "alerts"
FILE: Final = "state.sqlite"
LAYOUT: Final = 1
"""Of the file. 1: release 0.1.0."""
_TABLES: Final = """
create table noted (name text primary key, value text not null) without rowid;
create table positions (table_name text primary key, version integer not null) without rowid;
create table known (issue blob primary key, seen_day integer not null) without rowid;
create table waiting (issue blob primary key, since real not null) without rowid;
create table told (issue text, change text, cause text, primary key (issue, change, cause)) without rowid;
create table windows (rule text, scope text, holds integer not null, fired real not null, primary key (rule, scope)) without rowid;
create table fired (number integer primary key, alert_id text not null unique, alert text not null);
create table deliveries (channel text, alert_id text, primary key (channel, alert_id)) without rowid;
create table sent (channel text not null, at real not null);
create table beyond (channel text, rule text, number integer not null, primary key (channel, rule)) without rowid;
create table rows (number integer primary key autoincrement, content text not null, plan integer);
insert into noted values ('stream', 'alerts-' || lower(hex(randomblob(8))));
"""
_LATER: Final = "create table if not exists sent_of (channel text not null, rule text not null, at real not null)"
"""What an older file of the layout lacks."""


class StateError(Exception):
    """The file cannot be used. The text says why, and what to do."""


class StateFile:
    """The file of one pond; any thread may use it.

    Args:
        data: the pond's folder. A file that is damaged is put aside, and begun anew: what was known by then is learnt again in silence.

    Raises:
        StateError: a newer release has written it.
        sqlite3.OperationalError: it cannot be opened now.
    """

    def __init__(self, data: Path) -> None:
        folder = data / FOLDER
        make_folder(folder)
        self._path = folder / FILE
        self._lock = threading.RLock()
        try:
            self._con = self._open()
        except sqlite3.DatabaseError as failure:
            if isinstance(failure, sqlite3.OperationalError):  # a full disk, a lock: the file is what it was
                raise
            aside = self._path.with_name(f"{FILE}.damaged-{time.time_ns()}")
            logger.exception("%s is damaged and put aside as %s: alerts begin anew", self._path, aside.name)
            for suffix in ("", "-wal", "-shm"):
                with contextlib.suppress(FileNotFoundError):
                    self._path.with_name(f"{FILE}{suffix}").rename(f"{aside}{suffix}")
            self._con = self._open()

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            self._con.close()

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """Have all changes made within it be durable together, or none."""
        with self._lock:
            if self._con.in_transaction:
                yield
                return
            self._con.execute("begin immediate")
            try:
                yield
                self._con.execute("commit")
            except BaseException:
                if self._con.in_transaction:
                    self._con.execute("rollback")
                raise

    def _open(self) -> sqlite3.Connection:
        con = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False)
        con.execute("pragma journal_mode = wal")
        con.execute("pragma synchronous = full")
        con.execute("pragma fullfsync = on")
        if con.execute("pragma user_version").fetchone() == (0,):
            con.executescript(f"begin; {_TABLES} pragma user_version = {LAYOUT}; commit;")
            fsync_folder(self._path.parent)
        if con.execute("pragma user_version").fetchone() != (LAYOUT,):
            raise StateError(f"{self._path} was written by a newer release of otelpond: upgrade otelpond")
        con.execute(_LATER)
        con.execute("select count(*) from noted").fetchone()
        return con

    def all(self, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """The rows of a SELECT."""
        with self._lock:
            return self._con.execute(sql, values).fetchall()

    def do(self, sql: str, *values: Sequence[Any]) -> int:
        """Run a statement for each of the values; how many rows it changed."""
        with self.transaction():
            return self._con.executemany(sql, values).rowcount
