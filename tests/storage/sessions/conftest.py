"""A pond with the tables that sessions and profiles are made of."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from otelpond.storage import connect
from otelpond.storage.lake.lake import Lake
from otelpond.storage.lake.maintenance import Round, maintain
from otelpond.storage.schema import TABLES_FOLDER, TableSchema, load_tables

from .reference import QUERY, Session
from .visits import Event, rows

LATER = datetime.now(UTC) + timedelta(days=30)
"""When every day of the made-up visits is over, and everything stored today is more than six hours old."""


def sessions_folder(parent: Path) -> Path:
    """A folder with the files of the tables that sessions and profiles are made of; all of them take a second to load."""
    folder = parent / "tables"
    folder.mkdir()
    for name in ("events", "user_sessions", "user_profiles"):
        shutil.copy(TABLES_FOLDER / f"{name}.sql", folder)
    return folder


@pytest.fixture(scope="session")
def tables(tmp_path_factory: pytest.TempPathFactory) -> dict[str, TableSchema]:
    """The documented tables that sessions and profiles are made of."""
    return load_tables([sessions_folder(tmp_path_factory.mktemp("sessions"))])


class Pond:
    """A pond to which a test publishes events."""

    def __init__(self, data: Path, tables: dict[str, TableSchema]) -> None:
        self.data = data
        self.lake = Lake(data, tables)
        self.plan = 0

    def publish(self, events: Sequence[Event]) -> None:
        """Publish a plan, as the pipeline does."""
        batch = self.lake.open_batch("inbox", self.plan, 0)
        batch.append("events", rows(events, self.lake.schemas["events"]))
        self.lake.publish(batch.close(), "inbox", self.plan)
        self.lake.refresh()
        self.plan += 1

    def maintain(self, *, now: datetime = LATER, keep_days: dict[str, int] | None = None, cpu_s: float = 1e9) -> Round:
        """One round, as the maintenance child does it."""
        lake = Lake(self.data, self.lake.schemas, writer=False)
        return maintain(lake, keep_days=keep_days or {}, vacuum_after_h=24, cpu_s=cpu_s, now=now)

    def sessions(self) -> list[Session]:
        """What a reader sees of all sessions."""
        with connect(self.data) as con:
            found = con.execute(QUERY)
            names = [column[0] for column in found.description]
            return [dict(zip(names, row, strict=True)) for row in found.fetchall()]

    def count(self, relation: str) -> int:
        """How many rows a reader sees there."""
        with connect(self.data) as con:
            return int(con.execute(f"select count(*) from {relation}").fetchall()[0][0])


@pytest.fixture
def pond(tmp_path: Path, tables: dict[str, TableSchema]) -> Pond:
    """A new one."""
    return Pond(tmp_path / "pond", tables)
