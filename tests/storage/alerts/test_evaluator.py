"""Rules find what is new, what came back and what exceeds a threshold, each once; a kill at any moment changes nothing of it."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import pytest
from otelpond.storage.alerts import evaluator
from otelpond.storage.alerts.rules import Rule

from .small_pond import START, SmallPond, Watch, issue_of

NEW = Rule("new", "new_issue")
BACK = (Rule("back", "regression"), Rule("loud", "unignored"))
SECOND = timedelta(seconds=1)


def test_an_issue_is_new_once(small_pond: SmallPond) -> None:
    """Its second error, in the same publish or a later one, tells nothing; nor does another process after it."""
    watch = Watch(small_pond, NEW)
    small_pond.publish(small_pond.error("a"), small_pond.error("a"), small_pond.error("b"))

    assert {issue_of("a"), issue_of("b")} == {alert.issue_id for alert in watch.look()}
    small_pond.publish(small_pond.error("a", at=START + SECOND))
    assert [] == watch.look(START + 2 * SECOND)
    watch.end()
    assert [] == Watch(small_pond, NEW).look(START + 3 * SECOND)


def test_of_a_flood_each_rule_is_told_its_share_and_the_rest_by_number(small_pond: SmallPond, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of what one evaluation finds beyond the most that is told, channels are told the number of each rule, through a kill too."""
    monkeypatch.setattr(evaluator, "MOST_FIRED", 4)
    grave = Rule("grave", "new_issue", where="message = 'e'", notify=("ops",))
    watch = Watch(small_pond, Rule("new", "new_issue", notify=("ops", "mail")), grave)
    small_pond.publish(*(small_pond.error(text) for text in "abcdefg"))

    assert {"new": 3, "grave": 1} == Counter(alert.rule for alert in watch.look())
    assert {("ops", "new"): 4, ("mail", "new"): 4} == watch.evaluator.beyond
    watch.end()
    assert {"new": 4} == Watch(small_pond, grave).dispatches.beyond("ops")


def test_an_alert_says_what_happened_where(small_pond: SmallPond) -> None:
    """Type and first line of the message, service, release, environment, trace."""
    watch = Watch(small_pond, NEW)
    small_pond.publish(small_pond.error("no price for 7\nof the shop", culprit="total in shop.orders"))

    (alert,) = watch.look()
    assert "New issue in shop: ValueError: no price for 7" == alert.title
    assert "no price for 7\nof the shop\ntotal in shop.orders\n1.0 in production" == alert.message
    assert ("shop", "1.0", "production", "error", f"{1:032x}") == (
        alert.service_name, alert.service_version, alert.environment, alert.level, alert.trace_id,
    )  # fmt: skip


def test_what_a_pond_held_before_its_first_rule_is_known(small_pond: SmallPond) -> None:
    """Only what is accepted after the start is told, whatever was published first."""
    small_pond.publish(small_pond.error("old", at=START - timedelta(hours=2)))
    small_pond.publish(small_pond.error("young", at=START))
    watch = Watch(small_pond, NEW, started=START - timedelta(hours=1))

    assert [issue_of("young")] == [alert.issue_id for alert in watch.look()]
    small_pond.publish(small_pond.error("old", at=START + SECOND))
    assert [] == watch.look(START + SECOND)


def test_an_import_of_old_files_is_no_news(small_pond: SmallPond) -> None:
    """Errors of days ago that arrive now are known without a word."""
    watch = Watch(small_pond, NEW)
    small_pond.publish(small_pond.error("old", at=START - timedelta(days=2), ingested_at=START.isoformat()))

    assert [] == watch.look()


def test_a_new_fingerprint_of_a_known_issue_is_no_news(small_pond: SmallPond) -> None:
    """After a change of the grouping's version the previous fingerprint says which issue it is."""
    watch = Watch(small_pond, NEW)
    first = small_pond.error("a")
    small_pond.publish(first)
    watch.look()
    small_pond.publish(small_pond.error("a by version 2", at=START + SECOND, previous_fingerprint=first[1]["fingerprint"]))

    assert [] == watch.look(START + SECOND)


def test_filters_choose(small_pond: SmallPond) -> None:
    """Service, environment, least level and a condition of one's own; each rule tells by itself."""
    rules = [
        Rule("elsewhere", "new_issue", service="other"),
        Rule("staging", "new_issue", environment="staging"),
        Rule("fatal", "new_issue", level="fatal"),
        Rule("orders", "new_issue", where="message like '%order%' -- of ours"),
        Rule("all", "new_issue"),
    ]
    watch = Watch(small_pond, *rules)
    small_pond.publish(small_pond.error("no order"))

    assert ["orders", "all"] == [alert.rule for alert in watch.look()]


def test_a_failed_request_waits_for_the_report_that_tells_it(small_pond: SmallPond) -> None:
    """One whose report arrives within 30 s is no issue of its own; one that nothing tells is, after that."""
    watch = Watch(small_pond, NEW)
    told = small_pond.failed_request("GET /orders", span_id="a" * 16)
    small_pond.publish(told, small_pond.failed_request("GET /prices"))
    assert [] == watch.look(START + SECOND)
    small_pond.publish(small_pond.error("boom", trace_id=told[1]["trace_id"]))

    assert [issue_of("boom")] == [alert.issue_id for alert in watch.look(START + 10 * SECOND)]
    assert not watch.evaluator.due(START + 20 * SECOND)
    assert watch.evaluator.due(START + 32 * SECOND)
    assert [issue_of("GET /prices")] == [alert.issue_id for alert in watch.look(START + 32 * SECOND)]


def test_a_resolved_issue_that_happens_again_is_told_once(small_pond: SmallPond) -> None:
    """Also where the error was published before the activity was."""
    watch = Watch(small_pond, NEW, *BACK)
    small_pond.publish(small_pond.error("a"))
    watch.look()
    small_pond.publish(small_pond.error("a", at=START + 3 * SECOND))
    assert [] == watch.look(START + 4 * SECOND)
    small_pond.publish(small_pond.activity(issue_of("a"), "resolved", at=START + 2 * SECOND, resolved_in="now"))

    (alert,) = watch.look(START + 5 * SECOND)
    assert ("back", "regression", issue_of("a")) == (alert.rule, alert.change, alert.issue_id)
    small_pond.publish(small_pond.error("a", at=START + 6 * SECOND))
    assert [] == watch.look(START + 7 * SECOND)
    watch.end()
    assert [] == Watch(small_pond, *BACK).look(START + 8 * SECOND)


def test_a_story_of_releases(small_pond: SmallPond) -> None:
    """Resolved in 1.1: late errors of 1.0 tell nothing, one of 1.2 does; ignored until 3 more: the third tells it, restarts between."""
    rules = (NEW, *BACK)
    watch = Watch(small_pond, *rules)
    issue = issue_of("a")
    small_pond.publish(small_pond.error("a"), small_pond.request(service_version="1.1", at=START))
    assert ["new_issue"] == [alert.change for alert in watch.look()]
    small_pond.publish(small_pond.activity(issue, "resolved", at=START + SECOND, resolved_in="release", release="1.1"))
    small_pond.publish(small_pond.error("a", at=START + 2 * SECOND), small_pond.error("a", at=START + 3 * SECOND))
    assert [] == watch.look(START + 4 * SECOND)
    watch.end()

    watch = Watch(small_pond, *rules)
    small_pond.publish(small_pond.error("a", at=START + 5 * SECOND, service_version="1.2"))
    assert ["regression"] == [alert.change for alert in watch.look(START + 6 * SECOND)]
    small_pond.publish(small_pond.activity(issue, "ignored", at=START + 7 * SECOND, number=2, ignored_count=3))
    small_pond.publish(*(small_pond.error("a", at=START + n * SECOND, service_version="1.2") for n in (8, 9)))
    assert [] == watch.look(START + 10 * SECOND)
    watch.end()

    watch = Watch(small_pond, *rules)
    assert [] == watch.look(START + 11 * SECOND)
    small_pond.publish(small_pond.error("a", at=START + 12 * SECOND, service_version="1.2"))
    assert ["unignored"] == [alert.change for alert in watch.look(START + 13 * SECOND)]
    small_pond.publish(small_pond.error("a", at=START + 14 * SECOND, service_version="1.2"))
    assert [] == watch.look(START + 15 * SECOND)


def test_many_errors_of_one_issue_fire_once_when_they_are_too_many(small_pond: SmallPond) -> None:
    """At the threshold, and again only after it was below and `every` is over."""
    watch = Watch(small_pond, Rule("many", "error_count", threshold=3, minutes=5, every=30))
    small_pond.publish(small_pond.error("a"), small_pond.error("a"), small_pond.error("b"))
    assert [] == watch.look(START + SECOND)
    small_pond.publish(small_pond.error("a", at=START + 5 * SECOND))

    (alert,) = watch.look(START + 10 * SECOND)
    assert ("exceeded", issue_of("a"), 3.0, 3.0) == (alert.change, alert.issue_id, alert.value, alert.threshold)
    assert "many: 3 errors in 5 min: ValueError: a" == alert.title
    small_pond.publish(small_pond.error("a", at=START + 11 * SECOND))
    assert [] == watch.look(START + 20 * SECOND)
    later = START + timedelta(minutes=10)
    assert watch.evaluator.due(later)
    assert [] == watch.look(later)
    small_pond.publish(*(small_pond.error("a", at=later) for _ in range(3)))
    assert [] == watch.look(later + 10 * SECOND)  # it rests
    latest = START + timedelta(minutes=50)
    assert [] == watch.look(latest)
    small_pond.publish(*(small_pond.error("a", at=latest) for _ in range(3)))
    assert ["many"] == [alert.rule for alert in watch.look(latest + 10 * SECOND)]


def test_windows_measure_users_latency_and_rates(small_pond: SmallPond) -> None:
    """Of requests only where there are enough; by columns that the rule names."""
    rules = [
        Rule("users", "users_affected", threshold=2),
        Rule("slow", "api_p95_above", threshold=500, at_least=3),
        Rule("slow-each", "api_p95_above", threshold=500, at_least=2, by=("endpoint_path",)),
        Rule("failing", "error_rate_above", threshold=30, at_least=3),
        Rule("few", "error_rate_above", threshold=0, at_least=20),
    ]
    watch = Watch(small_pond, *rules)
    small_pond.publish(
        *(small_pond.error("a", user_id=user) for user in ("ana", "bo", "ana")),
        *(small_pond.request(duration_ms=ms, status=code, endpoint_path=path)
          for ms, code, path in ((10, 200, "/a"), (20, 500, "/a"), (900, 500, "/b"), (900, 200, "/b"))),
    )  # fmt: skip

    found = {alert.rule: alert for alert in watch.look(START + SECOND)}
    assert {"users", "slow", "slow-each", "failing"} == found.keys()
    assert (2.0, "/b", 50.0) == (found["users"].value, found["slow-each"].scope, found["failing"].value)


def test_crash_free_sessions_and_slow_queries(small_pond: SmallPond) -> None:
    """A session counts once, however many of its errors are seen."""
    rules = [
        Rule("crashes", "crash_free_below", threshold=80, at_least=4),
        Rule("queries", "slow_query_count", threshold=2),
    ]
    watch = Watch(small_pond, *rules)
    crash = {**small_pond.error()[1], "crash_id": "00000000-0000-4000-8000-000000000001", "crash_type": "uncaught_exception", "crash_message": "x", "crash_stack": "", "crash_timestamp": START.isoformat(), "session_id": "s1"}  # fmt: skip # noqa: E501
    query = {
        **small_pond.request()[1],
        "timestamp": START.isoformat(),
        "db_system": "sqlite",
        "slow_query": True,
        "query_duration_ms": 2000,
    }
    small_pond.publish(
        *(small_pond.error("a", session_id=f"s{number}") for number in (1, 1, 2, 3, 4)),
        ("crash_reports", crash),
        ("database_performance_metrics", query),
        ("database_performance_metrics", {**query, "span_id": "b" * 16}),
    )

    found = {alert.rule: alert.value for alert in watch.look(START + SECOND)}
    assert {"crashes": 75.0, "queries": 2.0} == found


def test_sql_of_ones_own_is_asked_of_the_whole_pond(small_pond: SmallPond) -> None:
    """Once in so many minutes; each `scope` is judged by itself."""
    sql = "select count(*) as value, error_message as scope from error_logs group by scope;"
    watch = Watch(small_pond, Rule("own", "sql", sql=sql, threshold=2, minutes=1))
    small_pond.publish(small_pond.error("a", at=START - timedelta(days=30)), small_pond.error("a"), small_pond.error("b"))

    (alert,) = watch.look(START)
    assert ("own: 2: a", "a") == (alert.title, alert.scope)
    assert not watch.evaluator.due(START + timedelta(seconds=59))
    assert watch.evaluator.due(START + timedelta(seconds=61))


def test_a_rule_that_cannot_be_asked_costs_only_itself(small_pond: SmallPond) -> None:
    """The others go on."""
    watch = Watch(small_pond, Rule("broken", "sql", sql="select no_such_column as value", threshold=1), NEW)
    small_pond.publish(small_pond.error("a"))

    assert ["new"] == [alert.rule for alert in watch.look()]
    assert not watch.evaluator.due(START + SECOND)


def test_an_issue_that_is_ignored_until_a_time_is_told_when_it_has_come(small_pond: SmallPond) -> None:
    """Without a new error; one that had none is looked at once a minute, and not more often."""
    watch = Watch(small_pond, *BACK)
    begin, until = START - 20 * SECOND, (START - 10 * SECOND).isoformat()
    ignored = [
        small_pond.activity(issue_of(text), "ignored", at=begin, number=n, ignored_until=until) for n, text in enumerate("ab", start=1)
    ]
    small_pond.publish(small_pond.error("a", at=begin - SECOND), *ignored)

    assert [("unignored", issue_of("a"))] == [(alert.change, alert.issue_id) for alert in watch.look(START)]
    assert not watch.evaluator.due(START + 59 * SECOND)
    assert watch.evaluator.due(START + 61 * SECOND)
    assert [] == watch.look(START + 61 * SECOND)


def test_compaction_and_a_gap_in_the_log_lose_nothing(small_pond: SmallPond) -> None:
    """Where log entries are gone, what was written since is read again; known issues stay known."""
    watch = Watch(small_pond, NEW)
    small_pond.publish(small_pond.error("a"))
    watch.look()
    for text in ("a", "b", "c"):
        small_pond.publish(small_pond.error(text, at=START + SECOND))
    (small_pond.lake.folder / "error_logs" / "_delta_log" / f"{3:020d}.json").unlink()

    assert {issue_of("b"), issue_of("c")} == {alert.issue_id for alert in watch.look(START + 2 * SECOND)}


def test_after_a_pause_of_the_rules_only_what_came_in_the_last_day_is_news(small_pond: SmallPond) -> None:
    """Issues that began and went on while nobody looked are known without a word."""
    watch = Watch(small_pond, NEW)
    small_pond.publish(small_pond.error("a"))
    watch.look()
    small_pond.publish(small_pond.error("b", at=START + timedelta(days=1)))
    later = START + timedelta(days=5)
    small_pond.publish(small_pond.error("b", at=later), small_pond.error("c", at=later))

    assert [issue_of("c")] == [alert.issue_id for alert in watch.look(later + SECOND)]


def test_values_that_are_judged_together_are_told_apart(small_pond: SmallPond) -> None:
    """Whatever is in them, and however long they are; the worst first."""
    sql = "select unnest([['a/b', 'c'], ['a', 'b/c'], [null, 'c'], [repeat('x', 300), 'c']]) as scope, 1234567 as value"
    watch = Watch(small_pond, Rule("own", "sql", sql=sql, threshold=2))
    small_pond.publish(small_pond.error("a"))

    found = watch.look()
    assert ["a\\/b/c", "a/b\\/c", "NULL/c"] == [alert.scope for alert in found[:3]]
    assert (193, "own: 1234567: a\\/b/c") == (len(found[3].scope), found[0].title)
    assert "order by value asc" in Rule("crashes", "crash_free_below", by=("environment",)).statement
