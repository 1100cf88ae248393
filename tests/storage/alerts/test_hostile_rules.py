"""Rules whose SQL fails, is of a wrong type or takes for ever cost only themselves, and only as long as they do."""

from __future__ import annotations

from datetime import timedelta

import duckdb
import pytest
from otelpond.storage.alerts.asking import Judge
from otelpond.storage.alerts.rules import Rule

from .small_pond import START, SmallPond, Watch, issue_of

NEW = Rule("new", "new_issue")
SECOND = timedelta(seconds=1)
SLOW = "(select count(*) from range(100000) a, range(100000) b where a.range + b.range <> length(message)) > 0"


def test_values_of_any_type_end_nothing(small_pond: SmallPond) -> None:
    """What is no number tells nothing; the texts of an alert may be dates."""
    values = ["'12'", "'many'", "interval 1 day", "time '10:00'", "'nan'::double", "'inf'::double", "[1]", "12.5::decimal(9, 2)"]
    rules = [Rule(value, "sql", sql=f"select {value} as value", threshold=1) for value in values]
    dated = Rule("dated", "sql", sql="select 2 as Value, date '2026-11-20' as culprit, now() as service_name, [1] as title", threshold=1)
    watch = Watch(small_pond, *rules, dated, NEW)
    small_pond.publish(small_pond.error("a"))

    found = {alert.rule: alert for alert in watch.look()}
    assert {"'12'": 12.0, "12.5::decimal(9, 2)": 12.5, "dated": 2.0, "new": None} == {name: each.value for name, each in found.items()}
    assert "2026-11-20" == found["dated"].culprit


def test_a_condition_that_fails_on_an_error_leaves_out_its_rule_for_once(small_pond: SmallPond) -> None:
    """The others tell of that error; of the next the rule tells again. Errors of another service it is not asked of."""
    numbers = Rule("numbers", "new_issue", where="message::integer > 0")
    shielded = Rule("shielded", "new_issue", service="other", where="message::integer > 0")
    watch = Watch(small_pond, numbers, shielded, NEW)
    small_pond.publish(small_pond.error("a"))
    assert ["new"] == [alert.rule for alert in watch.look()]
    small_pond.publish(small_pond.error("7", service_name="other"))

    assert {"numbers", "shielded", "new"} == {alert.rule for alert in watch.look(START + SECOND)}


def test_a_condition_that_takes_for_ever_is_ended() -> None:
    """And leaves out its rule alone."""
    troubles: list[str] = []
    judge = Judge([Rule("slow", "new_issue", where=SLOW), NEW], lambda name, _: troubles.append(name), longest_s=0.3)
    with duckdb.connect(config={"threads": 1}) as con:
        con.execute("create table issue_events as select 'boom' as message, 'error' as level")
        assert [{"rule_0": False, "rule_1": True}] == judge.ask(
            con, lambda judged: f"select * exclude (message, level) from (select *{judged} from issue_events)", []
        )
    assert ["slow"] == troubles


def test_windows_are_looked_at_though_issues_cannot_be(small_pond: SmallPond, monkeypatch: pytest.MonkeyPatch) -> None:
    """What there is to tell of issues is found a little later."""
    watch = Watch(small_pond, NEW, Rule("many", "error_count", threshold=1))
    small_pond.publish(small_pond.error("a"))
    with monkeypatch.context() as patched:
        patched.setattr("otelpond.storage.alerts.evaluator.seen", _fail)
        assert ["many"] == [alert.rule for alert in watch.look()]
    assert watch.evaluator.due(START + 5 * SECOND)

    assert ["new"] == [alert.rule for alert in watch.look(START + 5 * SECOND)]
    assert not watch.evaluator.due(START + 6 * SECOND)


def test_a_burst_before_silence_is_told(small_pond: SmallPond) -> None:
    """Within the pause after a look: the rule owes another one."""
    watch = Watch(small_pond, Rule("many", "error_count", threshold=2))
    small_pond.publish(small_pond.error("a"))
    assert [] == watch.look()
    small_pond.publish(small_pond.error("a"))
    assert [] == watch.look(START + SECOND)

    assert watch.evaluator.due(START + 5 * SECOND)
    assert ["many"] == [alert.rule for alert in watch.look(START + 5 * SECOND)]


def test_what_begins_in_a_rest_and_lasts_is_told_at_its_end(small_pond: SmallPond) -> None:
    """Once, also by another process than that which found it."""
    rule = Rule("many", "error_count", threshold=1, minutes=5, every=10)
    watch = Watch(small_pond, rule)
    small_pond.publish(small_pond.error("a"))
    assert 1 == len(watch.look())
    assert [] == watch.look(START + timedelta(minutes=6))
    small_pond.publish(small_pond.error("a", at=START + timedelta(minutes=7)))
    assert [] == watch.look(START + timedelta(minutes=8))
    watch.end()

    watch = Watch(small_pond, rule)
    assert [] == watch.look(START + timedelta(minutes=9.9))
    assert watch.evaluator.due(START + timedelta(minutes=10))
    assert ["many"] == [alert.rule for alert in watch.look(START + timedelta(minutes=10))]
    assert [] == watch.look(START + timedelta(minutes=11))


def test_a_clock_that_was_ahead_silences_nothing(small_pond: SmallPond) -> None:
    """A rest counts from now at the latest, and so does the wait for a report."""
    ahead = timedelta(days=365)
    watch = Watch(small_pond, NEW, Rule("many", "error_count", threshold=1, every=10))
    small_pond.publish(small_pond.error("a", at=START + ahead), small_pond.failed_request("GET /prices"))
    assert {"new", "many"} == {alert.rule for alert in watch.look(START + ahead)}
    small_pond.publish(small_pond.error("b"))
    watch.look(START + SECOND)
    watch.look(START + timedelta(minutes=6))
    small_pond.publish(small_pond.error("b", at=START + timedelta(minutes=12)))

    assert "many" in {alert.rule for alert in watch.look(START + timedelta(minutes=12))}


def test_a_regression_within_a_minute_of_the_last_question_is_told_behind_it(small_pond: SmallPond) -> None:
    """Though nothing comes any more."""
    watch = Watch(small_pond, Rule("back", "regression"))
    resolved = small_pond.activity(issue_of("a"), "resolved", at=START, resolved_in="now")
    small_pond.publish(small_pond.error("a", at=START - 9 * SECOND), resolved)
    assert [] == watch.look(START + SECOND)
    small_pond.publish(small_pond.error("a", at=START + 2 * SECOND))
    assert [] == watch.look(START + 3 * SECOND)

    assert watch.evaluator.due(START + 62 * SECOND)
    assert ["back"] == [alert.rule for alert in watch.look(START + 62 * SECOND)]


def _fail(*_: object) -> None:
    raise duckdb.IOException("gone")
