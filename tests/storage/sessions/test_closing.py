"""Days that are over are stored: killed at any moment, beside readers and publishes, each session is seen once."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import deltalake
import pytest
from otelpond.storage.lake import closing
from otelpond.storage.lake.closing import plan_closings
from otelpond.storage.lake.delta_table import LiveFile, Table
from otelpond.storage.lake.lake import Lake
from otelpond.storage.lake.parquet import FileWriter
from otelpond.storage.schema import TABLES_FOLDER, load_tables

from .conftest import Pond, sessions_folder
from .reference import Session, sessions
from .visits import made_up

EVENTS = made_up(600, 60, days=2, seed=7)
HOUR = timedelta(hours=1)
Step = tuple[object, str]


def stored(day: str, rows: int, modified: datetime) -> LiveFile:
    """A stored day as the planner sees it."""
    return LiveFile(f"dt={day}/closed-{rows}-1-1.parquet", day, 1000, 5, int(modified.timestamp() * 1000))


def arrived(day: str, rows: int) -> LiveFile:
    """A file of a day's events as the planner sees it."""
    return LiveFile(f"dt={day}/inbox-{rows}-0-0.parquet", day, 1000, rows, 0)


def due(now: datetime, events: list[LiveFile], known: list[LiveFile], first: str = "") -> list[tuple[str, int]]:
    """Which days are to be stored, and of how many events."""
    return [(found.day, found.rows) for found in plan_closings(events, known, now, first)]


def counts(seen: list[Session]) -> dict[tuple[str, str], int]:
    """Of each session, how many events it has."""
    return {(session["tenant_id"], session["session_id"]): session["events_count"] for session in seen}


def test_a_day_is_stored_six_hours_after_its_end() -> None:
    """The newest first; not the day that goes on, nor one that is dropped soon."""
    events = [arrived("2026-11-18", 3), arrived("2026-11-19", 4), arrived("2026-11-19", 5), arrived("2026-11-20", 6)]

    assert [("2026-11-18", 3)] == due(datetime(2026, 11, 20, 5, 59, tzinfo=UTC), events, [])
    assert [("2026-11-19", 9), ("2026-11-18", 3)] == due(datetime(2026, 11, 20, 6, tzinfo=UTC), events, [])
    assert [("2026-11-19", 9)] == due(datetime(2026, 11, 20, 6, tzinfo=UTC), events, [], first="2026-11-19")


def test_a_stored_day_is_stored_again_when_it_has_more_events() -> None:
    """Six hours after the last time at the earliest; never because events were dropped."""
    now = datetime(2026, 11, 20, 12, tzinfo=UTC)
    known = [stored("2026-11-18", 3, now - 6 * HOUR), stored("2026-11-17", 3, now - 5 * HOUR)]

    assert [("2026-11-18", 4)] == due(now, [arrived("2026-11-18", 4), arrived("2026-11-17", 4)], known)
    assert [] == due(now, [arrived("2026-11-18", 3), arrived("2026-11-17", 2)], known)


@pytest.mark.parametrize(
    "step",
    [(closing, "_parts"), (FileWriter, "append"), (FileWriter, "close"), (Table, "replace"), (Table, "make_durable"), (Lake, "refresh")],
    ids=lambda step: step[1],
)
def test_a_closing_that_is_killed_changes_nothing_or_everything(pond: Pond, step: Step, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before the commit or after it, a reader sees the same sessions; the next round does what is left and removes what is."""
    pond.publish(EVENTS)
    expected = sessions(EVENTS)

    def die(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(FileWriter, "abandon", lambda _: None)
        patch.setattr(*step, die)
        with pytest.raises(KeyboardInterrupt):
            pond.maintain()
    (pond.data / "lake/.closing-killed").mkdir()
    assert expected == pond.sessions()
    pond.lake.refresh()
    assert expected == pond.sessions()

    assert pond.maintain().errors == 0
    assert expected == pond.sessions()
    assert pond.count("events_open") == 0
    files = list((pond.data / "lake/user_sessions").glob("dt=2026*/*"))
    assert len({file.parent for file in files}) == len(files)
    assert not list((pond.data / "lake").glob(".closing-*"))


def test_readers_see_each_session_once_while_days_are_stored(pond: Pond) -> None:
    """Late events, closings and readers against each other: whoever opens pond.duckdb sees the state after one of the publishes."""
    states = [counts(sessions(EVENTS[: 200 * (plan + 1)])) for plan in range(3)]
    pond.publish(EVENTS[:200])
    wrong: list[int] = []
    ended = threading.Event()

    def read() -> None:
        while not ended.is_set():
            seen = pond.sessions()
            if counts(seen) not in states or len(counts(seen)) != len(seen):
                wrong.append(len(seen))

    reader = threading.Thread(target=read)
    reader.start()
    for plan in range(1, 3):
        pond.maintain()
        pond.publish(EVENTS[200 * plan : 200 * (plan + 1)])
    pond.maintain()
    ended.set()
    reader.join()

    assert wrong == []
    assert sessions(EVENTS[:600]) == pond.sessions()


def test_events_that_arrive_while_a_day_is_stored_are_seen(pond: Pond, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file says of how many events it was made; the day has more, and is made of its events until it is stored again."""
    pond.publish(EVENTS[:300])
    write = closing._write

    def meanwhile(*args: object) -> object:
        written = write(*args)  # type: ignore[arg-type]
        if pond.plan == 1:
            pond.publish(EVENTS[300:])
        return written

    monkeypatch.setattr(closing, "_write", meanwhile)
    pond.maintain()

    assert sessions(EVENTS) == pond.sessions()
    assert pond.count("events_open") > 0


def test_of_two_closings_of_a_day_one_counts(pond: Pond, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second one, begun from the same snapshot, is refused and leaves no file: its rows would be there twice."""
    pond.publish(EVENTS)
    expected = sessions(EVENTS)
    replace = Table.replace
    rivals: list[int] = []

    def rival(self: Table, *args: object, **kwargs: object) -> bool:
        if self.name == "user_sessions" and not rivals:
            rivals.append(1)
            pond.maintain()
        return replace(self, *args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(Table, "replace", rival)
    pond.maintain()

    assert expected == pond.sessions()
    by_day = deltalake.DeltaTable(str(pond.data / "lake/user_sessions")).get_add_actions(flatten=True)
    days = [str(day) for day in by_day.column("partition.dt").to_pylist()]
    assert len(set(days)) == len(days)


def test_merged_events_leave_a_day_stored(pond: Pond) -> None:
    """Compaction changes files and no rows."""
    for part in range(4):
        pond.publish(EVENTS[part::4])
    before = pond.sessions()
    done = pond.maintain()
    assert done.merges > 0
    assert done.closed_days > 0

    assert pond.maintain().closed_days == 0
    assert pond.count("events_open") == 0
    assert before == pond.sessions()


def test_sessions_outlive_their_events(pond: Pond) -> None:
    """Where events are kept for less time than sessions, stored days stay as they are."""
    pond.publish(EVENTS)
    before = pond.sessions()
    pond.maintain()
    pond.maintain(keep_days={"events": 1})

    assert pond.count("events") == 0
    assert before == pond.sessions()


def test_days_of_dropped_sessions_are_not_stored_again(pond: Pond) -> None:
    """Otherwise each round would store them and drop them; their events are still there, and their sessions are made of them."""
    pond.publish(EVENTS)
    pond.maintain()
    dropped = pond.maintain(keep_days={"user_sessions": 1})
    assert dropped.dropped_files > 0

    assert pond.maintain(keep_days={"user_sessions": 1}).closed_days == 0
    assert sessions(EVENTS) == pond.sessions()


def test_a_damaged_file_of_events_costs_its_own_day(pond: Pond, caplog: pytest.LogCaptureFixture) -> None:
    """That day is not stored, which is told; all others are."""
    pond.publish(EVENTS)
    victim = min(pond.data.glob("lake/events/dt=2026-11-14/*"))
    victim.write_bytes(victim.read_bytes()[:-100])
    done = pond.maintain()

    assert done.errors >= 1
    assert "2026-11-14" in caplog.text
    assert not list((pond.data / "lake/user_sessions").glob("dt=2026-11-14/*"))
    assert list((pond.data / "lake/user_sessions").glob("dt=2026-11-15/*"))


def test_days_of_an_older_release_are_stored(pond: Pond, tmp_path: Path) -> None:
    """Their files lack the columns that the events have gained since."""
    pond.publish(EVENTS)
    text = (TABLES_FOLDER / "events.sql").read_text(encoding="utf-8")
    newer = text[: text.index("\nselect")].replace("    session_id ", "    session_kind text,\n    session_id ", 1)
    for file in sessions_folder(tmp_path).iterdir():
        file.write_text(newer + "comment on column events.session_kind is 'new';\n" if file.stem == "events" else file.read_text())
    pond.lake = Lake(pond.data, load_tables([tmp_path / "tables"]))
    pond.lake.refresh()

    assert pond.maintain().errors == 0
    assert pond.count("events_open") == 0
    assert sessions(EVENTS) == pond.sessions()


def test_a_large_day_is_stored_in_slices(pond: Pond, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the size of the slices, each session is whole."""
    monkeypatch.setattr(closing, "SLICE_ROWS", 100)
    pond.publish(EVENTS)
    pond.maintain()

    assert sessions(EVENTS) == pond.sessions()
