"""How releases and services are: crash-free shares, adoption, error rates, frequencies and times to resolution, computed by hand."""

from __future__ import annotations

from typing import Any

from .made_up import START, MadeUpPond, at, issue_id


def _session(name: str, minutes: float, **fields: Any) -> dict[str, Any]:
    began = int(at(minutes).timestamp() * 1e9)
    empty = dict.fromkeys(("actions_count", "page_views_count", "stretch"), 0)
    return {
        "session_id": name,
        "session_key": int.from_bytes(name.encode(), "big"),
        "start_unix_nano": began,
        "end_unix_nano": began + 60_000_000_000,
        "pages_visited": [],
        "events_count": 1,
        "is_bot": False,
        "sample_rate": 1.0,
        "first_ingested_at": at(minutes),
        "service_version": "1.0",
        "minutes": minutes,
        **empty,
        **fields,
    }


def test_a_session_is_crashed_by_its_own_service_and_counts_on_the_day_it_began(pond: MadeUpPond) -> None:
    """A crash after midnight belongs to the session of the day before; machines and crashes without a session are no part of a share."""
    pond.write(
        "user_sessions",
        [
            _session("s1", 700, user_id="ada"),
            _session("s2", 10, user_id="ada"),
            _session("s3", 10, anonymous_id="x"),
            _session("s4", 10, user_id="bob", service_version="1.1"),
            _session("b", 10, is_bot=True),
        ],
    )
    pond.write(
        "crash_reports",
        [
            {"session_id": "s1", "release_version": "1.0", "minutes": 719},
            {"session_id": "s1", "release_version": "1.0", "minutes": 730},
            {"session_id": "b", "release_version": "1.0"},
            {"session_id": "s3", "service_name": "api", "release_version": "7"},
        ],
    )
    today, tomorrow = START.date(), at(1440).date()
    assert [
        (today, "api", "7", 0, None, None, 1),
        (today, "shop", "1.0", 3, 2 / 3, 0.5, 2),
        (today, "shop", "1.1", 1, 1.0, 1.0, 0),
        (tomorrow, "shop", "1.0", 0, None, None, 1),
    ] == [
        tuple(row.values())
        for row in pond.ask(
            "select dt, service_name, release, sessions, crash_free_sessions, crash_free_users, crashes from crash_free"
            " order by dt, service_name, release"
        )
    ]


def test_adoption_is_a_share_of_sessions_people_and_requests(pond: MadeUpPond) -> None:
    """Of a day, service and environment; who met two releases counts for both."""
    pond.write(
        "user_sessions",
        [
            _session("s1", 0, user_id="ada"),
            _session("s2", 1, user_id="ada", service_version="1.1"),
            _session("s3", 2, user_id="bob", service_version="1.1"),
            _session("s4", 2, user_id="bob", environment="test"),
        ],
    )
    pond.write("api_performance_metrics", [{"service_version": version, "service_name": "api"} for version in ("2", "2", "2", "3")])
    assert [
        ("api", "production", "2", None, None, 0.75),
        ("api", "production", "3", None, None, 0.25),
        ("shop", "production", "1.0", 1 / 3, 0.5, None),
        ("shop", "production", "1.1", 2 / 3, 1.0, None),
        ("shop", "test", "1.0", 1.0, 1.0, None),
    ] == [
        tuple(row.values())
        for row in pond.ask(
            "select service_name, environment, release, session_share, user_share, request_share from release_adoption"
            " order by service_name, environment, release"
        )
    ]


def test_rates_are_by_the_hour_and_known_where_there_were_requests(pond: MadeUpPond) -> None:
    """Errors of the next hour, without a request, have no rate."""
    pond.write("api_performance_metrics", [{"error": number == 0, "minutes": 10 * number} for number in range(5)])
    pond.errors({"minutes": 1}, {"minutes": 59}, {"minutes": 61})
    assert [(0, 5, 1, 0.2, 2, 0.4), (1, 0, 0, None, 1, None)] == [
        tuple(row.values())
        for row in pond.ask(
            "select date_diff('hour', $1, hour), requests, failed_requests, failure_rate, errors, errors_per_request from error_rates"
            " order by hour",
            START,
        )
    ]


def test_frequencies_add_up_to_the_errors(pond: MadeUpPond) -> None:
    """By type, by issue and by role."""
    pond.errors(
        *({"fingerprint": "a", "user_id": user, "user_role": "admin", "minutes": 1} for user in ("ada", "ada", "bob")),
        {"fingerprint": "b", "error_type": "API", "minutes": 2},
        {"fingerprint": "b", "error_type": "API", "minutes": 1440},
    )
    assert [(START.date(), "API", 1, 0.25, 0), (START.date(), "Application", 3, 0.75, 2), (at(1440).date(), "API", 1, 1.0, 0)] == [
        tuple(row.values()) for row in pond.ask("select dt, error_type, errors, share, users from error_frequency order by all")
    ]
    for key in ("error_type", "issue_id", "user_role", "exception_type"):
        (counted,) = pond.ask(
            f"select count(*) as differences from (select {key}, sum(errors) as n from error_frequency group by all) "
            f"full join (select {key}, count(*) as n from error_logs group by all) using ({key}, n) where {key} is null"
        )
        assert {"differences": 0} == counted


def test_an_issue_is_open_from_an_event_to_the_next_resolution(pond: MadeUpPond) -> None:
    """One row each time; resolving it again without an event in between opens nothing, and what was never resolved is still open."""
    pond.errors(
        *({"fingerprint": "a", "minutes": minutes} for minutes in (0, 30, 120, 130, 300)),
        {"fingerprint": "b", "minutes": 5},
        {"fingerprint": "c", "minutes": 0},
    )
    pond.act("resolved", "a", 60, resolved_in="now")
    pond.act("resolved", "a", 180, resolved_in="now", actor="bob")
    pond.act("resolved", "c", 30, resolved_in="now")
    pond.act("resolved", "c", 90, resolved_in="now")
    assert [
        (issue_id("a"), at(0), at(60), "ada", 1.0),
        (issue_id("a"), at(120), at(180), "bob", 1.0),
        (issue_id("a"), at(300), None, None, None),
        (issue_id("b"), at(5), None, None, None),
        (issue_id("c"), at(0), at(30), "ada", 0.5),
    ] == sorted(
        (
            tuple(row.values())
            for row in pond.ask("select issue_id, opened_at, resolved_at, resolved_by, hours_to_resolution from issue_resolution_times")
        ),
        key=lambda row: ([issue_id(name) for name in "abc"].index(row[0]), row[1]),
    )


def test_a_late_event_of_an_older_release_opens_nothing(pond: MadeUpPond) -> None:
    """What reopens an issue opens it."""
    pond.errors({"fingerprint": "a", "minutes": 0, "service_version": "1.0"})
    pond.act("resolved", "a", 10, resolved_in="release", release="1.1")
    pond.errors({"fingerprint": "a", "minutes": 20, "service_version": "1.0"})
    pond.act("resolved", "a", 30, resolved_in="release", release="1.2")
    ask = "select opened_at, resolved_at from issue_resolution_times order by opened_at"
    assert [(at(0), at(10))] == [tuple(row.values()) for row in pond.ask(ask)]
    pond.errors(
        {"fingerprint": "a", "minutes": 40, "service_version": "1.1"}, {"fingerprint": "a", "minutes": 50, "service_version": "1.3"}
    )
    assert [(at(0), at(10)), (at(50), None)] == [tuple(row.values()) for row in pond.ask(ask)]


def test_reopening_by_hand_opens_an_issue_again(pond: MadeUpPond) -> None:
    """As an event would."""
    pond.errors({"fingerprint": "a", "minutes": 0})
    pond.act("resolved", "a", 60, resolved_in="now")
    pond.act("reopened", "a", 90)
    assert [(at(0), at(60)), (at(90), None)] == [
        tuple(row.values()) for row in pond.ask("select opened_at, resolved_at from issue_resolution_times order by opened_at")
    ]
