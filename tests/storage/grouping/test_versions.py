"""A version of the grouping stays what it is; for 30 days after a change rows say what the one before would have given."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest
from otelpond.storage.grouping import grouper as grouper_module
from otelpond.storage.grouping.grouper import Grouper, GroupingSettings
from otelpond.storage.grouping.report import Grouping, Report, Stack
from otelpond.storage.grouping.versions import FILE, VERSIONS, Change, Version, noted_change
from otelpond.storage.schema import load_tables

NOW = datetime(2026, 11, 21, 12, 0, 0, tzinfo=UTC)
SCHEMA = load_tables()["error_logs"].arrow


def test_a_new_pond_has_no_version_before(tmp_path: Path) -> None:
    """The first note says since when, and stays."""
    assert Change(NOW) == noted_change(tmp_path, NOW, current=1)
    assert Change(NOW) == noted_change(tmp_path, NOW + timedelta(days=1), current=1)
    assert {"version": 1, "since": "2026-11-21T12:00:00+00:00", "previous": None} == json.loads((tmp_path / FILE).read_text())


def test_another_version_than_the_noted_one_is_a_change(tmp_path: Path) -> None:
    """Also back to an older one; it is noted once."""
    noted_change(tmp_path, NOW, current=1)
    later = NOW + timedelta(days=9)
    assert Change(later, 1) == noted_change(tmp_path, later, current=2)
    assert Change(later, 1) == noted_change(tmp_path, later + timedelta(days=9), current=2)
    assert Change(later, 2) == noted_change(tmp_path, later, current=1)


@pytest.mark.parametrize(
    "content", ["", "{", "[]", '{"version": "1"}', '{"version": 1, "since": "x"}', '{"version": 1, "since": "2026-11-21"}']
)
def test_a_note_that_cannot_be_read_is_written_anew(tmp_path: Path, content: str) -> None:
    """As after a fault of the disk; nothing is known of the version before."""
    (tmp_path / FILE).write_text(content)
    assert Change(NOW) == noted_change(tmp_path, NOW)
    assert Change(NOW) == noted_change(tmp_path, NOW + timedelta(days=1))


def test_both_fingerprints_are_stored_for_30_days(monkeypatch: pytest.MonkeyPatch) -> None:
    """By when a row was accepted, so that a replay gives the same row."""

    def of_type(report: Report, stack: Stack | None) -> Grouping:
        del stack
        return Grouping("type", (report.type,))

    monkeypatch.setattr(grouper_module, "VERSIONS", {**VERSIONS, 7: Version(7, VERSIONS[1].read, of_type)})
    grouper = Grouper(GroupingSettings(change=Change(NOW, 7)))
    times = [NOW, NOW + timedelta(days=30, seconds=-1), NOW + timedelta(days=30)]
    given = [{"exception_type": "ValueError", "error_message": "no", "ingested_at": time} for time in times]
    found = grouper.annotate("error_logs", pa.Table.from_pylist([{name: row.get(name) for name in SCHEMA.names} for row in given], SCHEMA))
    before = Grouping("type", ("ValueError",)).fingerprint
    assert [before, before, None] == found["previous_fingerprint"].to_pylist()
    assert 0 == found["fingerprint"].null_count
    assert found["fingerprint"][0].as_py() != before


def test_a_version_that_is_not_there_any_more_is_left_out() -> None:
    """A pond that a newer release has written has only the present fingerprint."""
    grouper = Grouper(GroupingSettings(change=Change(NOW, 99)))
    row = dict.fromkeys(SCHEMA.names) | {"error_message": "no", "ingested_at": NOW}
    assert [None] == grouper.annotate("error_logs", pa.Table.from_pylist([row], SCHEMA))["previous_fingerprint"].to_pylist()
