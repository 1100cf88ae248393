"""Every error is one event of one issue: over four tables, after merges and splits, and through a change of the grouping; by hand."""

from __future__ import annotations

from hashlib import md5
from typing import Any

import pytest

from .made_up import MadeUpPond, at, issue_id, number


def sources(pond: MadeUpPond) -> list[list[Any]]:
    """Which rows are events, and how bad."""
    rows = pond.ask("select fingerprint, source_table, level from issue_events order by all")
    return [list(row.values()) for row in rows]


def test_a_failed_request_counts_where_no_report_tells_of_it(pond: MadeUpPond) -> None:
    """None of its trace while it lasted, and none of the same fingerprint afterwards; of another trace or tenant, any may."""
    lasting = {"minutes": 1, "duration_ns": 60_000_000_000}
    for table in ("api_error_logs", "database_error_logs"):
        pond.write(table, [{"fingerprint": name, "trace_id": f"t {name}", "error_message": "no", **lasting} for name in "abcdefg"])
    pond.errors(
        {"fingerprint": "x", "trace_id": "t a", "minutes": 1.5},
        {"fingerprint": "x", "trace_id": "t b", "minutes": 2.1},
        {"fingerprint": "c", "trace_id": "t c", "minutes": 2.1},
        {"fingerprint": "d", "trace_id": "t d", "minutes": 0.9},
        {"fingerprint": "x", "trace_id": "t e", "minutes": 2},
        {"fingerprint": "x", "trace_id": "t f", "minutes": 1.5, "tenant_id": "other"},
    )
    told = [row for row in sources(pond) if row[1] != "error_logs"]
    assert [[name, table, "error"] for name in "bdfg" for table in ("api_error_logs", "database_error_logs")] == told


def test_a_failed_query_is_told_by_a_later_report_that_repeats_its_message(pond: MadeUpPond) -> None:
    """SQLAlchemy's exception is reported by the request's span, once the query's has ended."""
    query = {"error_type": "constraint", "error_message": "UNIQUE constraint failed: items.name", "duration_ns": 1_000_000}
    pond.write("database_error_logs", [{"fingerprint": name, "trace_id": f"t {name}", **query} for name in "ab"])
    pond.errors(
        {"fingerprint": "x", "trace_id": "t a", "minutes": 1, "error_message": "(IntegrityError) UNIQUE constraint failed: items.name"},
        {"fingerprint": "y", "trace_id": "t b", "minutes": 1, "error_message": "out of paper"},
    )
    assert [["b", "database_error_logs", "error"]] == [row for row in sources(pond) if row[1] != "error_logs"]


@pytest.mark.parametrize(
    ("query", "report", "events"),
    [
        ("timeout", "no timeout is set", 2),
        ("timeout", "timeout", 1),
        ("duplicate key value", "(psycopg.errors.UniqueViolation) duplicate key value\n[SQL: INSERT]", 1),
        ("duplicate key value\nDETAIL: (a)=(1)", "(UniqueViolation) duplicate key value\nDETAIL: (a)=(1)\n[SQL: INSERT]", 1),
        ("duplicate key value", "warned of a duplicate key value", 2),
        ("", "", 2),
    ],
)
def test_a_later_report_repeats_a_message_whole_or_its_first_line(query: str, report: str, events: int, pond: MadeUpPond) -> None:
    """A word of it is not enough."""
    pond.write("database_error_logs", [{"fingerprint": "a", "trace_id": "t", "error_message": query}])
    pond.errors({"fingerprint": "x", "trace_id": "t", "minutes": 1, "error_message": report})
    assert events == len(sources(pond))


def test_what_another_service_reports_does_not_hide_a_failed_request(pond: MadeUpPond) -> None:
    """The gateway's own failure is its own issue."""
    pond.write("api_error_logs", [{"fingerprint": "a", "trace_id": "t", "service_name": "gateway", "duration_ns": 10**9}])
    pond.errors({"fingerprint": "x", "trace_id": "t", "minutes": 0.001, "service_name": "payments"})
    assert [["a", "api_error_logs", "error"], ["x", "error_logs", "error"]] == sources(pond)


@pytest.mark.parametrize("table", ["api_error_logs", "database_error_logs"])
def test_a_failed_request_or_query_sent_again_is_one_event(table: str, pond: MadeUpPond) -> None:
    """Its span says that it is the same."""
    pond.write(table, [{"fingerprint": "a", "trace_id": "t", "span_id": "s", "payload_digest": digest} for digest in "xy"])
    assert [["a", table, "error"]] == sources(pond)


def test_what_is_fatal_and_what_is_a_warning(pond: MadeUpPond) -> None:
    """Crashes and FATAL records are fatal, though a span's report of them came first; 4xx is a warning."""
    pond.errors(
        {"fingerprint": "a", "severity_number": 17},
        {"fingerprint": "b", "severity_number": 21},
        {"fingerprint": "c", "error_key": "0" * 32, "report_source": "span_event", "ingested_at": at(0)},
        {"fingerprint": "c", "error_key": "0" * 32, "payload_digest": "p", "ingested_at": at(1)},
    )
    pond.write("crash_reports", [{"fingerprint": "c", "payload_digest": "p"}, {"fingerprint": "d"}])
    pond.write("api_error_logs", [{"fingerprint": "e", "status_code": 404}, {"fingerprint": "f", "status_code": 0}])
    assert [
        ["a", "error_logs", "error"],
        ["b", "error_logs", "fatal"],
        ["c", "error_logs", "fatal"],
        ["d", "crash_reports", "fatal"],
        ["e", "api_error_logs", "warning"],
        ["f", "api_error_logs", "error"],
    ] == sources(pond)


def test_a_crash_sent_twice_is_one_event(pond: MadeUpPond) -> None:
    """As crash_reports shows it once."""
    pond.write("crash_reports", [{"fingerprint": "a", "crash_id": number(5)}, {"fingerprint": "a", "crash_id": number(5)}])
    assert [["a", "crash_reports", "fatal"]] == sources(pond)


@pytest.mark.parametrize(
    ("status", "exception_type", "expected"),
    [(404, None, "HTTP 404"), (500, "500", "HTTP 500"), (0, None, "HTTP"), (500, "KeyError", "KeyError")],
)
def test_a_request_is_called_by_its_exception_or_status(status: int, exception_type: str | None, expected: str, pond: MadeUpPond) -> None:
    """And where it has no message, by what it asked for."""
    row = {"fingerprint": "a", "status_code": status, "exception_type": exception_type, "error_message": "", "culprit": "GET /orders/{id}"}
    pond.write("api_error_logs", [row])
    assert f"{expected}: GET /orders/{{id}}" == pond.issue("a")["title"]


def test_a_time_that_cannot_be_true_is_that_of_arrival(pond: MadeUpPond) -> None:
    """A clock a year ahead neither reopens nor leads an issue for a year; one behind is believed."""
    pond.errors(
        {"fingerprint": "a", "minutes": 500_000, "ingested_at": at(1), "time_suspect": True},
        {"fingerprint": "a", "minutes": -500_000, "ingested_at": at(1), "time_suspect": True},
    )
    assert (at(-500_000), at(1)) == (pond.issue("a")["first_seen"], pond.issue("a")["last_seen"])


def test_rows_of_a_release_that_gave_no_fingerprints_belong_to_no_issue(pond: MadeUpPond) -> None:
    """They are events, and none of an issue's."""
    pond.errors({"fingerprint": None})
    assert ([{"n": 1}], []) == (pond.ask("select count(*) as n from issue_events where issue_id is null"), pond.ask("select 1 from issues"))


def test_merged_issues_count_for_their_target(pond: MadeUpPond) -> None:
    """Over several steps; the target's state counts, and each user once."""
    pond.errors(*({"fingerprint": name, "user_id": "u1", "minutes": 1} for name in "abc"), {"fingerprint": "b", "service_name": "cart"})
    pond.act("resolved", "a", 5, resolved_in="now")
    pond.act("merged", "a", 10, target_issue_id=issue_id("b"))
    pond.act("merged", "b", 11, target_issue_id=issue_id("c"))
    (issue, other) = pond.ask("select * from issues order by events_count desc")
    assert (issue_id("c"), 3, 1, "open", ["a", "b", "c"]) == tuple(
        issue[name] for name in ("issue_id", "events_count", "users_count", "status", "fingerprints")
    )
    assert sorted([issue_id("a"), issue_id("b")]) == issue["merged_issue_ids"]
    assert issue_id("b", "cart") == other["issue_id"]
    pond.act("resolved", "c", 20, resolved_in="now")
    assert [{"n": 3}] == pond.ask("select count(*) as n from error_logs where resolved and issue_id = ?", issue_id("c"))
    pond.errors({"fingerprint": "a", "minutes": 30})
    assert ("reopened", "regression") == pond.status("c")


def test_what_happened_before_a_merge_changes_no_state(pond: MadeUpPond) -> None:
    """Neither what was resolved nor what was ignored up to a count; what happens afterwards does."""
    pond.errors(*({"fingerprint": name, "minutes": 15 + n} for name in "bd" for n in range(3)))
    pond.act("resolved", "a", 10, resolved_in="now")
    pond.act("ignored", "c", 10, ignored_count=2)
    pond.act("merged", "b", 20, target_issue_id=issue_id("a"))
    pond.act("merged", "d", 20, target_issue_id=issue_id("c"))
    assert [("resolved", "now"), ("ignored", "count")] == [pond.status("a"), pond.status("c")]
    pond.errors(*({"fingerprint": name, "minutes": 30 + n} for name in "bd" for n in range(2)))
    assert [(("reopened", "regression"), at(30)), (("reopened", "count"), at(31))] == [
        (pond.status(name), pond.issue(name)["status_changed_at"]) for name in "ac"
    ]


def test_a_source_map_that_comes_late_leaves_the_state_of_an_issue(pond: MadeUpPond) -> None:
    """What it has become counts for the issue that was ignored and assigned, until somebody splits it."""
    pond.errors({"fingerprint": "minified", "service_version": "1.0", "error_stack": "at a"}, {"fingerprint": "other", "minutes": 1})
    pond.act("ignored", "minified", 5)
    pond.act("assigned", "minified", 6, assignee="bob")
    same = {"release": "1.0", "stack_hash": md5(b"at a", usedforsecurity=False).hexdigest(), "mapped_stack": "at total"}
    pond.write("mapped_stacks", [{**same, "stored_fingerprint": "minified", "fingerprint": "source", "minutes": 7}])
    pond.errors({"fingerprint": "source", "minutes": 9, "service_version": "1.1"})
    issue = pond.issue("minified")
    assert ("ignored", "bob", 2, ["source"]) == tuple(issue[name] for name in ("status", "assignee", "events_count", "fingerprints"))
    assert pond.status("other")[0] == "open"
    pond.act("split", "minified", 10, fingerprint="source")
    assert pond.status("source")[0] == "open"


def test_what_is_split_stands_alone_again(pond: MadeUpPond) -> None:
    """With the state that it had; what was merged into it comes along."""
    pond.errors(*({"fingerprint": name} for name in "abc"))
    pond.act("ignored", "b", 1)
    pond.act("merged", "a", 10, target_issue_id=issue_id("b"))
    pond.act("merged", "b", 11, target_issue_id=issue_id("c"))
    pond.act("split", "c", 12, fingerprint="b")
    assert (("ignored", "for_good"), 2) == (pond.status("b"), pond.issue("b")["events_count"])
    assert 1 == pond.issue("c")["events_count"]
    pond.act("merged", "b", 13, target_issue_id=issue_id("c"))
    assert 3 == pond.issue("c")["events_count"]


def test_of_links_in_a_circle_the_oldest_does_not_count(pond: MadeUpPond) -> None:
    """Whoever merges back means it so; what hangs on the circle follows."""
    pond.errors(*({"fingerprint": name} for name in "abcd"))
    for minutes, (name, target) in enumerate(("ab", "bc", "da", "ca")):
        pond.act("merged", name, minutes, target_issue_id=issue_id(target))
    assert [{"issue_id": issue_id("a"), "events_count": 4}] == pond.ask("select issue_id, events_count from issues")


def test_an_issue_stays_the_same_while_the_grouping_changes_its_version(pond: MadeUpPond) -> None:
    """Its events tell the fingerprint of the version before; afterwards a merge holds them together."""
    pond.errors({"fingerprint": "old"}, {"fingerprint": "new", "previous_fingerprint": "old", "grouping_version": 2, "minutes": 1})
    pond.act("resolved", "old", 5, resolved_in="now")
    assert (2, 2, ["new", "old"]) == tuple(pond.issue("old")[name] for name in ("events_count", "grouping_version", "fingerprints"))
    pond.act("merged", "new", 6, target_issue_id=issue_id("old"), actor="grouping 2")
    pond.errors({"fingerprint": "new", "grouping_version": 2, "minutes": 60})
    assert (("reopened", "regression"), 3) == (pond.status("old"), pond.issue("old")["events_count"])


def test_an_issue_keeps_its_state_after_the_grouping_has_changed(pond: MadeUpPond) -> None:
    """Rows of the thirty days told both fingerprints; later ones tell the new one alone."""
    pond.errors({"fingerprint": "old"}, {"fingerprint": "new", "previous_fingerprint": "old", "grouping_version": 2, "minutes": 1})
    pond.act("ignored", "old", 5)
    pond.errors({"fingerprint": "new", "grouping_version": 2, "minutes": 50_000})
    assert (("ignored", "for_good"), 3) == (pond.status("old"), pond.issue("old")["events_count"])
    pond.act("split", "old", 50_001, fingerprint="new")
    assert (("open", None), 1) == (pond.status("new"), pond.issue("new")["events_count"])


def test_tenants_share_nothing(pond: MadeUpPond) -> None:
    """Equal fingerprints of two tenants are two issues, and what one does is not the other's."""
    pond.errors({"fingerprint": "a"}, {"fingerprint": "a", "tenant_id": "other"})
    pond.act("resolved", "a", 10, resolved_in="now")
    rows = pond.ask("select tenant_id, events_count, status from issues order by tenant_id")
    assert [["acme", 1, "resolved"], ["other", 1, "open"]] == [list(row.values()) for row in rows]
