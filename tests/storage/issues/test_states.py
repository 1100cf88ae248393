"""What is done about an issue, and what happens afterwards, give its state; by hand."""

from __future__ import annotations

from datetime import timedelta

import pytest

from .made_up import MadeUpPond, at, issue_id, number


def test_an_issue_nobody_touched_is_open(pond: MadeUpPond) -> None:
    """Its events are counted, the latest says what it is called."""
    latest = {"error_message": "no order 7\nmore", "environment": "test", "service_version": "1.1", "user_id": "u2"}
    pond.errors(
        {"fingerprint": "a", "minutes": 0, "service_version": "1.0", "user_id": "u1", "session_id": "s1", "error_message": "first"},
        {"fingerprint": "a", "minutes": 2, **latest},
        {"fingerprint": "a", "minutes": 1, "user_id": "u1", "session_id": "s2"},
        {"fingerprint": "b", "minutes": 9},
    )
    assert {
        "issue_id": issue_id("a"),
        "title": "ValueError: no order 7",
        "culprit": "total in shop.orders",
        "level": "error",
        "error_type": "ValueError",
        "status": "open",
        "status_reason": None,
        "is_regression": False,
        "status_changed_at": None,
        "first_seen": at(0),
        "last_seen": at(2),
        "events_count": 3,
        "users_count": 2,
        "sessions_count": 2,
        "first_release": "1.0",
        "last_release": "1.1",
        "releases": ["1.0", "1.1"],
        "environments": ["production", "test"],
        "services": ["shop"],
        "assignee": None,
        "resolved_at": None,
        "resolved_by": None,
        "fingerprints": ["a"],
        "grouping_version": 1,
        "merged_issue_ids": [],
        "service_name": "shop",
        "organization_id": "acme",
        "tenant_id": "acme",
    } == pond.issue("a")


def test_resolved_now_ends_with_any_event_after_it(pond: MadeUpPond) -> None:
    """An event before it counts, and ends nothing."""
    pond.errors({"fingerprint": "a", "minutes": 0})
    pond.act("resolved", "a", 10, resolved_in="now", activity_id=number(77))
    assert ("resolved", "now") == pond.status("a")
    assert (at(10), "ada") == (pond.issue("a")["resolved_at"], pond.issue("a")["resolved_by"])
    pond.errors({"fingerprint": "a", "minutes": 5, "ingested_at": at(20)}, {"fingerprint": "a", "minutes": 10})
    assert (("resolved", "now"), 3) == (pond.status("a"), pond.issue("a")["events_count"])
    pond.errors({"fingerprint": "a", "minutes": 12, "service_version": "1.4"})
    issue = pond.issue("a")
    assert (("reopened", "regression"), True, at(12)) == (pond.status("a"), issue["is_regression"], issue["status_changed_at"])
    assert issue["resolved_at"] is None
    (change,) = pond.ask("select * exclude (event_id) from issue_changes where change = 'regressed'")
    assert [issue_id("a"), "regressed", at(12), number(77), "1.4", "shop", "acme"] == list(change.values())


def test_a_clock_ahead_reopens_nothing(pond: MadeUpPond) -> None:
    """What arrived before the activity happened before it; what arrived afterwards ends it then."""
    pond.errors({"fingerprint": "a", "minutes": 50, "ingested_at": at(5)}, {"fingerprint": "b", "minutes": 50, "ingested_at": at(5)})
    pond.act("resolved", "a", 10, resolved_in="now")
    pond.act("ignored", "b", 10, ignored_count=1)
    assert [("resolved", "now"), ("ignored", "count")] == [pond.status("a"), pond.status("b")]
    pond.errors({"fingerprint": "a", "minutes": 60, "ingested_at": at(15)})
    assert (("reopened", "regression"), at(15)) == (pond.status("a"), pond.issue("a")["status_changed_at"])
    assert [{"changed_at": at(15)}] == pond.ask("select changed_at from issue_changes where change = 'regressed'")


def test_one_release_without_a_version_changes_nothing_for_the_others(pond: MadeUpPond) -> None:
    """A correction of 1.0 that comes after 1.1 is still older than it."""
    pond.errors(
        {"fingerprint": "a", "minutes": 0, "service_version": "1.1"}, {"fingerprint": "z", "minutes": 1, "service_version": "local"}
    )
    pond.act("resolved", "a", 10, resolved_in="release", release="1.1")
    pond.errors({"fingerprint": "a", "minutes": 20, "service_version": "1.0.5"})
    assert pond.status("a")[0] == "resolved"
    pond.errors({"fingerprint": "a", "minutes": 30, "service_version": "local"})
    assert pond.status("a")[0] == "reopened"


def test_versions_of_two_services_are_not_compared(pond: MadeUpPond) -> None:
    """Of another service than the activity's, a release is newer that was seen after it."""
    other = {"fingerprint": "b", "service_name": "api"}
    pond.errors({"fingerprint": "a", "minutes": 0, "service_version": "2.3"}, {**other, "minutes": 1, "service_version": "10.1"})
    merged = {"activity": "merged", "service_name": "api", "target_issue_id": issue_id("a"), "minutes": 5}
    pond.write("issue_activity", [{**merged, "issue_id": issue_id("b", "api")}])
    pond.act("resolved", "a", 10, resolved_in="next_release", release="2.3")
    pond.errors({**other, "minutes": 20, "service_version": "10.1"})
    assert pond.status("a")[0] == "resolved"
    pond.errors({**other, "minutes": 30, "service_version": "1.9"})
    assert pond.status("a")[0] == "reopened"


def test_the_release_story(pond: MadeUpPond) -> None:
    """Error in 1.0, resolved in 1.1, late events of 1.0, error again in 1.2, ignored until 100 more, back after them."""
    pond.errors({"fingerprint": "a", "minutes": 0, "service_version": "1.0"})
    pond.act("resolved", "a", 10, resolved_in="release", release="1.1")
    pond.errors(*({"fingerprint": "a", "minutes": 20 + i, "service_version": "1.0"} for i in range(3)), {"fingerprint": "a", "minutes": 24})
    assert (("resolved", "release"), 5) == (pond.status("a"), pond.issue("a")["events_count"])
    pond.errors({"fingerprint": "a", "minutes": 30, "service_version": "1.2"})
    assert ("reopened", "regression") == pond.status("a")
    pond.act("ignored", "a", 40, ignored_count=100)
    pond.errors(*({"fingerprint": "a", "minutes": 50 + i, "service_version": "1.2"} for i in range(99)))
    assert ("ignored", "count") == pond.status("a")
    pond.errors({"fingerprint": "a", "minutes": 200, "service_version": "1.0"})
    issue = pond.issue("a")
    assert (("reopened", "count"), False, at(200)) == (pond.status("a"), issue["is_regression"], issue["status_changed_at"])
    changes = pond.ask("select change, changed_at from issue_changes order by changed_at")
    assert [["new", at(0)], ["unignored", at(200)]] == [list(change.values()) for change in changes]


@pytest.mark.parametrize(
    ("resolved_in", "release", "later", "expected"),
    [
        ("release", "1.1", "1.0", "resolved"),
        ("release", "1.1", "1.1", "reopened"),
        ("release", "1.1", "1.10", "reopened"),
        ("release", "1.1", "1.1-rc.1", "resolved"),
        ("release", "1.1", None, "resolved"),
        ("release", "soon", "1.0", "resolved"),
        ("release", "soon", "0.9", "reopened"),
        ("next_release", "1.0", "1.0", "resolved"),
        ("next_release", "1.0", "v1.0.0", "resolved"),
        ("next_release", "1.0", "0.9", "resolved"),
        ("next_release", "1.0", "1.0.1", "reopened"),
        ("next_release", "1.0+5", "1.0+6", "reopened"),
        ("release", "1.0+5", "1.0+6", "reopened"),
        ("next_release", "20261120-b9e8d7c", "20261120-a1b2c3d", "reopened"),
        ("next_release", "1.1-b9e8d7c", "1.1-a1b2c3d", "reopened"),
        ("next_release", None, "1.0", "resolved"),
        ("next_release", None, "1.0.1", "reopened"),
    ],
)
def test_an_event_of_an_older_release_than_the_fix_reopens_nothing(
    resolved_in: str, release: str | None, later: str | None, expected: str, pond: MadeUpPond
) -> None:
    """By versions; where the fix has none, the first release seen after it counts."""
    pond.errors({"fingerprint": "a", "minutes": 0, "service_version": "1.0"})
    pond.act("resolved", "a", 10, resolved_in=resolved_in, release=release)
    pond.errors({"fingerprint": "a", "minutes": 20, "service_version": later})
    assert expected == pond.status("a")[0]


def test_without_versions_releases_come_in_the_order_they_are_seen_in(pond: MadeUpPond) -> None:
    """A release seen before the fix is older, even where its name is greater."""
    pond.errors(
        {"fingerprint": "b", "minutes": 0, "service_version": "zebra"}, {"fingerprint": "a", "minutes": 1, "service_version": "yak"}
    )
    pond.act("resolved", "a", 10, resolved_in="release", release="ant")
    pond.errors({"fingerprint": "a", "minutes": 20, "service_version": "zebra"})
    assert pond.status("a")[0] == "resolved"
    pond.errors(
        {"fingerprint": "b", "minutes": 30, "service_version": "ant"}, {"fingerprint": "a", "minutes": 40, "service_version": "zebra"}
    )
    assert pond.status("a")[0] == "resolved"
    pond.errors({"fingerprint": "a", "minutes": 50, "service_version": "bee"})
    assert pond.status("a")[0] == "reopened"


def test_ignored_ends_with_the_user_who_makes_the_number_full(pond: MadeUpPond) -> None:
    """Users who met it before count anew, those without an id do not."""
    pond.errors({"fingerprint": "a", "minutes": 0, "user_id": "u1"})
    pond.act("ignored", "a", 10, ignored_users=2)
    pond.errors(*({"fingerprint": "a", "minutes": 20 + i, "user_id": "u1"} for i in range(4)), {"fingerprint": "a", "minutes": 29})
    assert ("ignored", "users") == pond.status("a")
    pond.errors({"fingerprint": "a", "minutes": 30, "user_id": "u2"}, {"fingerprint": "a", "minutes": 31, "user_id": "u3"})
    assert (("reopened", "users"), at(30)) == (pond.status("a"), pond.issue("a")["status_changed_at"])


def test_ignored_ends_at_its_time_or_never(pond: MadeUpPond) -> None:
    """With or without events."""
    pond.errors({"fingerprint": "a"}, {"fingerprint": "b"}, {"fingerprint": "c"})
    pond.act("ignored", "a", 10, ignored_until=at(60))
    pond.act("ignored", "b", 10, ignored_until=at(0) + timedelta(days=36_500), ignored_count=5)
    pond.act("ignored", "c", 10)
    assert [("reopened", "until"), ("ignored", "until,count"), ("ignored", "for_good")] == [pond.status(name) for name in "abc"]
    assert at(60) == pond.issue("a")["status_changed_at"]


def test_the_last_state_counts_and_equal_times_go_by_their_ids(pond: MadeUpPond) -> None:
    """What else is done changes no state."""
    pond.errors({"fingerprint": "a"})
    pond.act("resolved", "a", 10, resolved_in="now", activity_id=number(2))
    pond.act("ignored", "a", 10, activity_id=number(1))
    pond.act("assigned", "a", 20, assignee="bob")
    pond.act("commented", "a", 30, comment="why?")
    assert (("resolved", "now"), "bob") == (pond.status("a"), pond.issue("a")["assignee"])
    pond.act("assigned", "a", 40)
    pond.act("reopened", "a", 50)
    issue = pond.issue("a")
    assert (("reopened", "by_hand"), None, False) == (pond.status("a"), issue["assignee"], issue["is_regression"])
    assert [{"change": "new"}] == pond.ask("select change from issue_changes")


@pytest.mark.parametrize("table", ["error_logs", "crash_reports", "api_error_logs", "database_error_logs"])
def test_errors_are_resolved_while_their_issue_is(table: str, pond: MadeUpPond) -> None:
    """In all four tables."""
    pond.write(table, [{"fingerprint": "a"}, {"fingerprint": "b"}])
    pond.act("resolved", "a", 10, resolved_in="now")
    rows = pond.ask(f"select fingerprint, issue_id, resolved, resolved_at, resolved_by from {table} order by fingerprint")
    assert [["a", issue_id("a"), True, at(10), "ada"], ["b", issue_id("b"), False, None, None]] == [list(row.values()) for row in rows]
    pond.errors({"fingerprint": "a", "minutes": 20})
    assert [] == pond.ask(f"select 1 from {table} where resolved")
