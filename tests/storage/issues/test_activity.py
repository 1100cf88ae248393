"""Activities are durable when `append` returns, stored once, and refused where they contradict themselves."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from otelpond.storage import connect
from otelpond.storage.issues.activity import TABLE, Activity, ActivityError, append
from otelpond.storage.lake.lake import Lake
from otelpond.storage.lake.parquet import LakeError

from .made_up import TABLES, issue_id

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def activity(kind: str = "reopened", **fields: Any) -> Activity:
    """One activity."""
    said: dict[str, Any] = {
        "activity_id": uuid4(),
        "issue_id": issue_id("a"),
        "activity": kind,
        "activity_timestamp": NOW,
        "actor": "ada",
        "tenant_id": "acme",
        "service_name": "shop",
    }
    return Activity(**said | fields)


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    """A new pond that knows activities alone."""
    return Lake(tmp_path / "pond", {TABLE: TABLES[TABLE]})


def test_what_is_appended_is_shown_and_stored_once(lake: Lake) -> None:
    """However often it is appended, by whom ever."""
    first = activity("resolved", resolved_in="release", release="1.1", comment="Größe ✓")
    assert 2 == append(lake, [first, activity(), first])
    other = Lake(lake.data, lake.schemas)
    assert 0 == append(other, [first])
    assert 1 == append(other, [first, activity("ignored", ignored_until=NOW, ignored_count=3)])
    with connect(lake.data) as con:
        rows = con.execute(f"select activity_id, release, comment, dt, organization_id from {TABLE} where activity = 'resolved'").fetchall()
        assert [(first.activity_id, "1.1", "Größe ✓", NOW.date(), "acme")] == rows
        assert [(3,)] == con.execute(f"select count(*) from {TABLE}").fetchall()


def test_an_activity_that_was_committed_is_made_durable_by_whoever_repeats_it(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first process may have been killed in between."""
    first = activity()
    append(lake, [first])
    other = Lake(lake.data, lake.schemas)
    synced: list[int] = []
    monkeypatch.setattr(other.tables[TABLE], "make_durable", lambda: synced.append(1))
    assert (0, [1]) == (append(other, [first]), synced)


def test_a_file_that_cannot_be_read_is_named(lake: Lake) -> None:
    """Rather than storing something twice."""
    append(lake, [activity()])
    (path,) = (lake.folder / TABLE).glob("dt=2026*/*.parquet")
    path.write_bytes(b"no Parquet")
    with pytest.raises(LakeError, match=str(path)):
        append(lake, [activity()])


@pytest.mark.parametrize(
    ("kind", "fields", "problem"),
    [
        ("closed", {}, "activity: expected one of resolved, ignored, reopened, assigned, merged, split, commented, got 'closed'"),
        ("resolved", {}, "resolved_in: expected one of now, release, next_release, got None"),
        ("resolved", {"resolved_in": "release"}, "release: expected the release that has the fix"),
        ("resolved", {"resolved_in": "now", "release": "1.0"}, "release: resolved now has none, got '1.0'"),
        ("reopened", {"release": "1.0"}, "release: an activity 'reopened' has none"),
        ("ignored", {"ignored_count": 0}, "ignored_count: expected a number above 0"),
        ("ignored", {"ignored_users": 2**63}, "ignored_users: expected a number above 0"),
        ("ignored", {"ignored_until": datetime(2026, 1, 1)}, "ignored_until: expected a time with its time zone"),  # noqa: DTZ001
        ("merged", {}, f"target_issue_id: expected another issue than {issue_id('a')}, got None"),
        ("merged", {"target_issue_id": issue_id("a")}, "target_issue_id: expected another issue"),
        ("split", {}, "fingerprint: expected the one that leaves the issue"),
        ("commented", {"comment": " "}, "comment: expected a text, got an empty one"),
        ("commented", {"comment": "x" * 10_001}, "comment: expected at most 10,000 characters, got 10,001"),
        ("commented", {"comment": "a\0b"}, "comment: expected a text without NUL characters and lone surrogates"),
        ("assigned", {"assignee": "\ud800"}, "assignee: expected a text without NUL characters and lone surrogates"),
        ("reopened", {"actor": ""}, "actor: expected a text, got an empty one"),
    ],
)
def test_an_activity_that_contradicts_itself_is_refused(kind: str, fields: dict[str, Any], problem: str) -> None:
    """By name, with what was expected."""
    with pytest.raises(ActivityError) as refused:
        activity(kind, **fields)
    assert str(refused.value).startswith(problem)


def test_its_fields_are_columns() -> None:
    """And every column of the table that is not the same for all activities is a field."""
    common = {"service_version", "environment", "trace_id", "span_id", "dt", "time_suspect", "ingested_at"}
    assert {column.name for column in TABLES[TABLE].columns} - common == {field.name for field in dataclasses.fields(Activity)}
