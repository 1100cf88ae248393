"""The view of events shows each once, whatever arrived twice."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import duckdb
import pytest
from otelpond.storage.query import views_of
from otelpond.storage.schema import load_tables

FIRST = datetime(2026, 3, 1, 12, tzinfo=UTC)
FILLED = {
    "VARCHAR": "'x'",
    "JSON": "'{}'",
    "BIGINT": "0",
    "INTEGER": "0",
    "DOUBLE": "1",
    "BOOLEAN": "true",
    "DATE": "date '2026-03-01'",
    "TIMESTAMP WITH TIME ZONE": "timestamptz '2026-03-01 12:00:00+00'",
}


@pytest.fixture
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    """A pond of events alone, over an empty table instead of files."""
    events = load_tables()["events"]
    columns = ", ".join(f"{column.name} {column.stored_type} default {FILLED[column.sql_type]}" for column in events.stored)
    with duckdb.connect() as con:
        con.execute("set timezone = 'UTC'")
        con.execute(f"create schema files; create table files.events ({columns})")
        for name, select in views_of({"events": events}):
            con.execute(f"create view {name} as {select}")
        yield con


def arrive(con: duckdb.DuckDBPyConnection, event_id: str, after: timedelta, digest: str, tenant: str = "default") -> None:
    """One event, so long after the first."""
    columns = "event_id, event_key, payload_digest, ingested_at, tenant_id"
    values = [event_id, f"{tenant}/{event_id}", digest, FIRST + after, tenant]
    con.execute(f"insert into files.events ({columns}) values (?, hash(?)::hugeint % 1000, ?, ?, ?)", values)


def shown(con: duckdb.DuckDBPyConnection) -> list[tuple[str, str]]:
    """What the view shows: ids and payloads, as they arrived."""
    return con.execute("select event_id, payload_digest from events order by ingested_at, tenant_id").fetchall()


def test_the_first_to_arrive_counts_for_seven_days(con: duckdb.DuckDBPyConnection) -> None:
    """What repeats it then is left out, whichever payload it is in; what comes later is another event."""
    for days, digest in ((0, "first"), (1, "again"), (6.9, "again"), (7.1, "anew"), (8, "again")):
        arrive(con, "a", timedelta(days=days), digest)
    arrive(con, "b", timedelta(days=3), "other")
    assert [("a", "first"), ("b", "other"), ("a", "anew")] == shown(con)


def test_the_same_payload_again_loses_nothing(con: duckdb.DuckDBPyConnection) -> None:
    """A retry that came when its digest was forgotten has the same digest and positions."""
    for hours in (0, 1, 2):
        arrive(con, "a", timedelta(hours=hours), "same")
    assert [("a", "same")] == shown(con)


def test_tenants_share_no_ids(con: duckdb.DuckDBPyConnection) -> None:
    """An id of one tenant is no repeat of another's."""
    for tenant in ("one", "two"):
        arrive(con, "a", timedelta(0), tenant, tenant)
    assert [("a", "one"), ("a", "two")] == shown(con)


def test_equal_keys_of_different_ids_are_two_events(con: duckdb.DuckDBPyConnection) -> None:
    """The key only finds who may be a repeat."""
    arrive(con, "a", timedelta(0), "first")
    arrive(con, "b", timedelta(1), "second")
    con.execute("update files.events set event_key = 1")
    assert [("a", "first"), ("b", "second")] == shown(con)
