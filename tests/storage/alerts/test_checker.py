"""A rule that cannot be asked is told before it is needed: which setting, and why."""

from __future__ import annotations

import pytest
from otelpond.storage.alerts.checker import AlertRuleError, RuleChecker
from otelpond.storage.alerts.measures import MEASURES
from otelpond.storage.alerts.rules import CHANGES, Kind, Rule

from .small_pond import documented


@pytest.fixture(scope="module")
def checker() -> RuleChecker:
    """Of the documented tables."""
    return RuleChecker(documented())


@pytest.mark.parametrize("kind", [*CHANGES, *MEASURES])
def test_every_kind_can_be_asked(checker: RuleChecker, kind: Kind) -> None:
    """With all filters, whatever is in them."""
    checker.check(Rule("r", kind, threshold=1, service="o'shop", environment="prod", where="service_name <> '' -- and a comment"))


def test_sql_may_end_with_a_semicolon_or_a_comment(checker: RuleChecker) -> None:
    """As people paste it."""
    checker.check(Rule("r", "sql", sql="select count(*) as value from error_logs;\n"))
    checker.check(Rule("r", "sql", sql="select count(*) as value -- all\nfrom error_logs -- of them"))


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        (Rule("r", "new_issue", where="mesage like 'x'"), 'where: .*"mesage"'),
        (Rule("r", "new_issue", where="true); drop table error_logs; --"), "where: "),
        (Rule("r", "error_count", threshold=1, by=("nothing",)), 'by or where: .*"nothing"'),
        (Rule("r", "error_count", threshold=1, by=('x" or "',)), "by or where: "),
        (Rule("r", "sql", sql="select count(*) from error_logs"), "sql: expected a column `value`"),
        (Rule("r", "sql", sql="select 'many' as value"), "sql: expected a number in the column `value`, not VARCHAR"),
        (Rule("r", "sql", sql="select 1 as value; select 2 as value"), "sql: "),
        (Rule("r", "sql", sql="delete from error_logs"), "sql: "),
        (Rule("r", "sql", sql="select"), "sql: "),
    ],
)
def test_what_is_wrong_is_named(checker: RuleChecker, rule: Rule, words: str) -> None:
    """By setting, in DuckDB's words, in one line."""
    with pytest.raises(AlertRuleError, match=f"^{words}") as told:
        checker.check(rule)
    assert "\n" not in str(told.value)
