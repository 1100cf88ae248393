"""pond.duckdb shows issues as they are: every documented view, with the macros that views call, and none that they only look like."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pytest
from otelpond.storage import connect
from otelpond.storage.issues.activity import Activity, append
from otelpond.storage.lake.lake import Lake
from otelpond.storage.query import views_of

from .made_up import TABLES, issue_id


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    """A new pond with all tables."""
    return Lake(tmp_path / "pond", TABLES)


def test_a_pond_shows_every_documented_table(lake: Lake) -> None:
    """Before and after the first activity, which gives the views of states their rows."""
    lake.refresh()
    with connect(lake.data) as con:
        shown = {name for (name,) in con.execute("select view_name from duckdb_views() where schema_name = 'main'").fetchall()}
        assert set() == TABLES.keys() - shown
        assert [(True,)] == con.execute("select release_key('1.2') < release_key('v1.10.0-rc.1')").fetchall()
        assert [] == con.execute("select * from issue_states").fetchall()
    fields = {"actor": "ada", "tenant_id": "acme", "service_name": "shop"}
    now = datetime(2026, 3, 1, tzinfo=UTC)
    append(lake, [Activity(activity_id=uuid4(), issue_id=issue_id("a"), activity="ignored", activity_timestamp=now, **fields)])
    with connect(lake.data) as con:
        assert [(issue_id("a"), "ignored", "for_good")] == con.execute(
            "select issue_id, status, status_reason from issue_states"
        ).fetchall()


def test_issues_read_the_rows_of_errors_once() -> None:
    """Their states are made from the same: to tell errors apart takes longer than all else."""
    lines = dict(views_of(TABLES))["issues"].splitlines()
    code = "\n".join(line.partition("--")[0] for line in lines)
    assert (1, 0) == (code.count("issue_rows"), code.count("issue_states"))
