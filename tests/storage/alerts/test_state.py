"""What the rules must not forget is durable together, bounded, and begun anew where its file is damaged."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from otelpond.storage.alerts.alert import Alert
from otelpond.storage.alerts.dispatches import Dispatches
from otelpond.storage.alerts.memory import Memory, Told
from otelpond.storage.alerts.state_file import FILE, FOLDER, StateError, StateFile

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


def alert(number: int) -> Alert:
    """One of several."""
    return Alert(f"00000000-0000-4000-8000-{number:012d}", "new", "new_issue", "new_issue", f"title {number}", "text", NOW)


def test_changes_are_kept_together_with_what_fired_or_not_at_all(tmp_path: Path) -> None:
    """A process that ends before the transaction does leaves nothing of it."""
    file = StateFile(tmp_path)
    memory, dispatches = Memory(file), Dispatches(file, "default")
    memory.learn([b"a" * 16], NOW)
    memory.move({"error_logs": 7})
    with suppress(KeyboardInterrupt), file.transaction():
        memory.keep()
        dispatches.fire(alert(1), ["ops"])
        raise KeyboardInterrupt
    file.close()

    file = StateFile(tmp_path)
    assert {b"a" * 16} == Memory(file).unknown([b"a" * 16])
    assert ({}, [], False) == (
        Memory(file).positions(),
        Dispatches(file, "default").undelivered("ops"),
        Dispatches(file, "x").unpublished(),
    )


def test_a_channel_is_told_of_what_it_was_not_told(tmp_path: Path) -> None:
    """Each channel by itself, oldest first, over restarts; what all have been told is forgotten."""
    file = StateFile(tmp_path)
    dispatches = Dispatches(file, "default")
    for number in (1, 2):
        dispatches.fire(alert(number), ["ops", "mail"])
    dispatches.settle("ops", [alert(1).alert_id], status="sent", attempt=1)
    file.close()

    dispatches = Dispatches(StateFile(tmp_path), "default")
    assert [alert(2)] == dispatches.undelivered("ops")
    assert [alert(1), alert(2)] == dispatches.undelivered("mail")
    assert {"ops": 1, "mail": 2} == dispatches.waiting()
    dispatches.drop_channels(["ops"])
    dispatches.settle("ops", [alert(2).alert_id], status="failed", attempt=3, error="404")
    assert {} == dispatches.waiting()
    plan = dispatches.next_plan()
    assert plan is not None
    assert [
        ("fired", "", 0),
        ("fired", "", 0),
        ("sent", "ops", 1),
        ("suppressed", "mail", 0),
        ("suppressed", "mail", 0),
        ("failed", "ops", 3),
    ] == [(row["status"], row["channel"], row["attempt"]) for row in plan.rows]


def test_a_plan_of_rows_is_the_same_until_it_is_finished(tmp_path: Path) -> None:
    """Whatever is added meanwhile, and over restarts; its number is never used again."""
    file = StateFile(tmp_path)
    dispatches = Dispatches(file, "default")
    dispatches.fire(alert(1), [])
    first = dispatches.next_plan()
    dispatches.fire(alert(2), [])
    file.close()

    dispatches = Dispatches(StateFile(tmp_path), "default")
    assert first is not None
    assert first == dispatches.next_plan()
    dispatches.finish_plan(first.number)
    second = dispatches.next_plan()
    assert second is not None
    assert (first.stream, first.number + 1, ["title 2"]) == (second.stream, second.number, [row["title"] for row in second.rows])


def test_the_cap_of_an_hour_and_what_is_told_by_number_survive(tmp_path: Path) -> None:
    """What was sent in the last hour counts; numbers are taken off once they were told."""
    dispatches = Dispatches(StateFile(tmp_path), "default")
    for minutes in (90, 30, 1):
        dispatches.note_sent("ops", NOW - timedelta(minutes=minutes), {"new", "other"} if minutes == 1 else set())
    dispatches.count_beyond("ops", {"new": 3})
    dispatches.count_beyond("ops", {"new": -2, "other": -1})

    dispatches = Dispatches(StateFile(tmp_path), "default")
    assert {NOW - timedelta(minutes=30): set(), NOW - timedelta(minutes=1): {"new", "other"}} == dispatches.sent("ops", NOW)
    assert {"new": 1} == dispatches.beyond("ops")


def test_known_issues_are_bounded(tmp_path: Path) -> None:
    """Those are forgotten first that were not seen for longest."""
    memory = Memory(StateFile(tmp_path))
    issues = [bytes([number]) * 16 for number in range(5)]
    for day, issue in enumerate(issues):
        memory.begin_with([issue], NOW + timedelta(days=day))
    memory.begin_with([issues[0]], NOW + timedelta(days=9))
    memory.forget_beyond(2)
    memory.keep()

    assert set(issues[1:4]) == memory.unknown(issues)


def test_a_change_of_an_issue_is_told_once(tmp_path: Path) -> None:
    """Also before it is kept."""
    file = StateFile(tmp_path)
    memory, change = Memory(file), Told("issue", "regression", "activity")

    assert (True, False) == (memory.tell(change), memory.tell(change))
    memory.discard()
    assert memory.tell(change)
    memory.keep()
    assert not memory.tell(change)
    assert {"activity"} == memory.told_causes()


def test_a_damaged_file_is_put_aside(tmp_path: Path) -> None:
    """And the state begins anew."""
    (tmp_path / FOLDER).mkdir()
    (tmp_path / FOLDER / FILE).write_bytes(b"no database" * 1000)

    assert Memory(StateFile(tmp_path)).positions() == {}
    assert 1 == len(list((tmp_path / FOLDER).glob(f"{FILE}.damaged-*")))


def test_the_file_of_a_newer_release_is_refused(tmp_path: Path) -> None:
    """It is not changed."""
    file = StateFile(tmp_path)
    file.do("pragma user_version = 99", ())
    file.close()

    with pytest.raises(StateError, match="newer release"):
        StateFile(tmp_path)
