"""A small documented table, rows for it and a lake that holds it: for the tests of lake, live, query and maintenance."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from otelpond.storage.lake.lake import Lake
from otelpond.storage.schema import TableSchema, load_tables

VISITS = """-- Visits of pages.
create table visits (
  id uuid generated always as (md5(trace_id)::uuid),
  trace_id varchar not null,
  page varchar,
  visited_at timestamptz not null,
  amount decimal(10,2),
  extra json,
  tags varchar[],
  dt date not null,
  ingested_at timestamptz not null,
  tenant_id varchar not null
);
comment on column visits.id is 'made from the trace id';
comment on column visits.trace_id is '32 hex digits';
comment on column visits.page is 'its path';
comment on column visits.visited_at is 'when';
comment on column visits.amount is 'in EUR';
comment on column visits.extra is 'the rest';
comment on column visits.tags is 'labels';
comment on column visits.dt is 'UTC date';
comment on column visits.ingested_at is 'arrival';
comment on column visits.tenant_id is 'whose';
"""

Rows = Callable[..., pa.Table]
Publish = Callable[..., None]


@pytest.fixture
def visits_sql() -> str:
    """The .sql text of the table `visits`."""
    return VISITS


@pytest.fixture
def load(tmp_path: Path) -> Callable[..., dict[str, TableSchema]]:
    """Loads tables from .sql texts by name."""

    def load_texts(**texts: str) -> dict[str, TableSchema]:
        folder = tmp_path / "sql"
        folder.mkdir(exist_ok=True)
        for name, text in texts.items():
            (folder / f"{name}.sql").write_text(text)
        return load_tables([folder])

    return load_texts


@pytest.fixture
def tables(load: Callable[..., dict[str, TableSchema]]) -> dict[str, TableSchema]:
    """The documented table `visits`."""
    return load(visits=VISITS)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """The directory of a pond."""
    return tmp_path / "pond"


@pytest.fixture
def lake(data: Path, tables: dict[str, TableSchema]) -> Lake:
    """A new lake with the table `visits`."""
    return Lake(data, tables)


@pytest.fixture
def rows() -> Rows:
    """Makes rows of `visits`: `first` numbers their trace ids, `days` gives each row's day."""

    def make(count: int = 3, *, first: int = 0, days: list[str] | None = None) -> pa.Table:
        when = datetime(2026, 11, 20, 12, tzinfo=UTC)
        dates = days or ["2026-11-20"] * count
        return pa.table(
            {
                "trace_id": pa.array([f"{number:032x}" for number in range(first, first + count)], pa.string_view()),
                "page": pa.array([f"/pages/{number % 5}" for number in range(first, first + count)], pa.string_view()),
                "visited_at": pa.array([when] * count, pa.timestamp("us", "UTC")),
                "amount": pa.array(np.arange(count)).cast(pa.decimal128(20, 0)).cast(pa.decimal128(10, 2)),
                "extra": pa.array(['{"a":1}'] * count),
                "tags": pa.array([["x", "y"]] * count),
                "dt": pa.array([date.fromisoformat(day) for day in dates], pa.date32()),
                "ingested_at": pa.array([when] * count, pa.timestamp("us", "UTC")),
                "tenant_id": pa.array(["default"] * count),
            }
        )

    return make


@pytest.fixture
def publish(lake: Lake, rows: Rows) -> Publish:
    """Publishes a plan of the stream `inbox` with so many rows."""

    def publish_plan(plan: int, count: int = 3, *, days: list[str] | None = None, attempt: int = 0) -> None:
        batch = lake.open_batch("inbox", plan, attempt)
        batch.append("visits", rows(count, first=plan * 1000, days=days))
        lake.publish(batch.close(), "inbox", plan)

    return publish_plan
