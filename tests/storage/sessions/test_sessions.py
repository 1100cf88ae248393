"""Sessions are those of a plain reference implementation, whatever is stored, late, shuffled or sent twice."""

from __future__ import annotations

from otelpond.storage import connect
from otelpond.storage.schema import TableSchema

from .conftest import Pond
from .reference import Session, sessions
from .visits import Event, at, made_up


def differing(expected: list[Session], found: list[Session]) -> list[tuple[Session, Session]]:
    """The first sessions that are not equal: shorter to read than both lists."""
    return [(mine, theirs) for mine, theirs in zip(expected, found, strict=False) if mine != theirs][:3]


def same(pond: Pond, events: list[Event]) -> bool:
    """Whether a reader sees the sessions of these events and nothing else."""
    expected, found = sessions(events), pond.sessions()
    assert not differing(expected, found)
    return len(expected) == len(found)


SEED = {
    "id": "UUID",
    "user_id": "VARCHAR",
    "user_role": "VARCHAR",
    "session_start": "TIMESTAMP WITH TIME ZONE",
    "session_end": "TIMESTAMP WITH TIME ZONE",
    "session_duration": "INTEGER",
    "pages_visited": "VARCHAR[]",
    "actions_count": "INTEGER",
    "device_info": "JSON",
    "ip_address": "VARCHAR",
    "user_agent": "VARCHAR",
    "created_at": "TIMESTAMP WITH TIME ZONE",
    "updated_at": "TIMESTAMP WITH TIME ZONE",
}


def test_the_views_show_the_documented_columns(pond: Pond, tables: dict[str, TableSchema]) -> None:
    """Names, types and order are those of the tables' files, and the sessions' are those of the document behind them."""
    pond.lake.refresh()
    with connect(pond.data) as con:
        for name in ("user_sessions", "user_profiles"):
            shown = [tuple(row[:2]) for row in con.execute(f"describe {name}").fetchall()]
            assert [(column.name, column.sql_type) for column in tables[name].columns] == shown
    assert SEED.items() <= {column.name: column.sql_type for column in tables["user_sessions"].columns}.items()


def test_shuffled_and_late_events_give_the_sessions_of_the_reference(pond: Pond) -> None:
    """While all days are open, when they are stored, after late events of stored days, and when those are stored again."""
    events = made_up(20_000, 1_000)
    early, late = events[:15_000], events[15_000:]
    pond.publish(early)
    assert same(pond, early)

    assert pond.maintain().closed_days >= 7
    assert pond.count("events_open") == 0
    assert same(pond, early)

    pond.publish(late)
    assert same(pond, events)

    pond.maintain()
    assert pond.count("events_open") == 0
    assert same(pond, events)


def event(number: int, time_unix_nano: int, name: str = "user.page_view", **fields: object) -> Event:
    """One event of a user without a session id."""
    made = {"user_id": "ada", "page_slug": f"page-{number}", "item_index": number, **fields}
    return Event(f"event-{number}", name, time_unix_nano, time_unix_nano // 1000, **made)  # type: ignore[arg-type]


def test_a_session_without_an_id_ends_after_more_than_half_an_hour(pond: Pond) -> None:
    """Exactly 30 minutes belong to it, a microsecond more does not."""
    pond.publish([event(1, at(0)), event(2, at(minutes=30)), event(3, at(minutes=60) + 1000)])

    assert [["page-1", "page-2"], ["page-3"]] == sorted(session["pages_visited"] for session in pond.sessions())


def test_midnight_does_not_end_a_session(pond: Pond) -> None:
    """Whether the day before is stored or not; it is of the day it began on."""
    events = [event(1, at(0, 23, 50)), event(2, at(1, 0, 10)), event(3, at(1, 0, 50))]
    pond.publish(events)
    expected = [("2026-11-14", 1200, ["page-1", "page-2"]), ("2026-11-15", 0, ["page-3"])]
    for _ in range(2):
        assert expected == sorted((s["day"], s["session_duration"], s["pages_visited"]) for s in pond.sessions())
        pond.maintain()
    assert pond.count("user_sessions_files") == 3


def test_a_late_event_joins_two_sessions_of_stored_days(pond: Pond) -> None:
    """What closes the gap makes one of them, on the day it arrives."""
    pond.publish([event(1, at(0, 23, 40)), event(2, at(1, 0, 15))])
    pond.maintain()
    assert len(pond.sessions()) == 2

    pond.publish([event(3, at(0, 23, 59))])
    assert [["page-1", "page-3", "page-2"]] == [session["pages_visited"] for session in pond.sessions()]


def test_a_session_without_an_id_lasts_a_day_at_most(pond: Pond) -> None:
    """A machine that is never quiet has one a day, cut at midnight; a whole day to the microsecond is one."""
    machine = [event(n, at(0, 12, 20 * n), user_id="machine") for n in range(150)]
    tireless = [event(1000 + n, at(0, 12, 20 * n), user_id="tireless") for n in range(73)]
    pond.publish([*machine, *tireless])
    by_user = sorted((s["user_id"], s["day"], s["events_count"]) for s in pond.sessions())

    assert by_user == [
        ("machine", "2026-11-14", 36),
        ("machine", "2026-11-15", 72),
        ("machine", "2026-11-16", 42),
        ("tireless", "2026-11-14", 73),
    ]


def test_logging_out_ends_a_session_without_an_id(pond: Pond) -> None:
    """What follows is another one; a session with an id goes on, and says that it was ended."""
    leave = [event(1, at(0)), event(2, at(minutes=1), "user.logout"), event(3, at(minutes=2))]
    given = [event(n + 10, at(minutes=n), name, session_id="s") for n, name in enumerate(("user.logout", "user.page_view"))]
    pond.publish([*leave, *given])

    assert [(None, 1), ("user.logout", 2), ("user.logout", 2)] == sorted(
        ((s["ended_by"], s["events_count"]) for s in pond.sessions()), key=lambda pair: (pair[0] or "", pair[1])
    )


def test_events_of_nobody_are_of_no_session(pond: Pond) -> None:
    """Neither session nor user nor anonymous id: a service's own events."""
    pond.publish([event(1, at(0), user_id=None), event(2, at(0), user_id="", anonymous_id="", session_id="")])

    assert [] == pond.sessions()


def test_times_at_the_end_of_time_harm_nobody(pond: Pond) -> None:
    """No sum or product of times overflows: one hostile event would take the view from all readers."""
    far = [
        event(n, time, user_id="far", session_id=given)
        for n, (time, given) in enumerate([(0, None), (2**63 - 1, None), (0, "s"), (2**63 - 1, "s")])
    ]
    pond.publish([event(10, at(0)), *far])

    assert 4 == len(pond.sessions())
