"""Rules: records dropped by predicate, text redacted by pattern, and mistakes named at start."""

from __future__ import annotations

import json

import duckdb
import pyarrow as pa
import pytest
from otelpond.storage.decode.columns import RELATIONS
from otelpond.storage.rules import Drop, RecordRules, Redact, RuleError


def relation(name: str, rows: list[dict[str, object]]) -> pa.Table:
    """A decoded relation; what a row does not say is NULL."""
    return pa.table([pa.array([row.get(field.name) for row in rows], field.type) for field in RELATIONS[name]], names=RELATIONS[name].names)


def apply(rules: RecordRules, **relations: pa.Table) -> dict[str, pa.Table]:
    """The relations after the rules."""
    with duckdb.connect() as con:
        return rules.apply(con, relations)


def test_records_are_dropped_and_counted() -> None:
    """Whatever meets one of the predicates goes; NULL is not met."""
    rules = RecordRules(
        drops=[Drop("traces", "http_route = '/health'"), Drop("traces", "name like 'x%'"), Drop("logs", "severity_number < 9")]
    )
    kept = apply(
        rules,
        spans=relation("spans", [{"row_id": 0, "http_route": "/health"}, {"row_id": 1, "name": "xyz"}, {"row_id": 2, "name": "a"}]),
        span_events=relation("span_events", [{"span_row_id": 1}, {"span_row_id": 2}]),
        logs=relation("logs", [{"severity_number": 5}, {"severity_number": 9}]),
    )
    assert [2] == kept["spans"]["row_id"].to_pylist()
    assert [2] == kept["span_events"]["span_row_id"].to_pylist()
    assert [9] == kept["logs"]["severity_number"].to_pylist()
    assert 3 == rules.dropped


def test_a_predicate_that_fails_drops_nothing() -> None:
    """A value that the predicate cannot take costs no batch: its record is kept."""
    rules = RecordRules(drops=[Drop("logs", "cast(body as integer) > 5")])
    kept = apply(rules, logs=relation("logs", [{"body": "x"}, {"body": "6"}, {"body": "5"}]))
    assert ["x", "5"] == kept["logs"]["body"].to_pylist()


def test_patterns_are_replaced_in_the_named_columns() -> None:
    """What a pattern matches becomes [redacted]; other columns stay."""
    rules = RecordRules(redact=Redact(patterns=["[0-9]{4,}", "it's"], columns=["body", "attributes"]))
    kept = apply(rules, logs=relation("logs", [{"body": "card 12345 it's", "attributes": '{"card":"6789"}', "severity_text": "12345"}, {}]))
    assert ["card [redacted] [redacted]", None] == kept["logs"]["body"].to_pylist()
    assert ['{"card":"[redacted]"}', None] == kept["logs"]["attributes"].to_pylist()
    assert "12345" == kept["logs"]["severity_text"][0].as_py()


def test_redacted_json_stays_json() -> None:
    """A pattern that takes a quote with it redacts the whole object."""
    rules = RecordRules(redact=Redact(patterns=['"secret.*'], columns=["attributes"]))
    kept = apply(rules, metric_points=relation("metric_points", [{"attributes": '{"a":"secret"}', "bucket_counts": [1, 2]}]))
    assert {"[redacted]": None} == json.loads(kept["metric_points"]["attributes"][0].as_py())
    assert [[1, 2]] == kept["metric_points"]["bucket_counts"].to_pylist()


def test_no_rules_change_nothing() -> None:
    """Without rules the very same tables come back."""
    spans = relation("spans", [{"row_id": 0}])
    assert spans is apply(RecordRules(), spans=spans)["spans"]


@pytest.mark.parametrize(
    ("drops", "redact", "message"),
    [
        ([Drop("profiles", "true")], Redact(), "drop[0].signal: expected traces, logs or metrics"),
        ([Drop("traces", "true"), Drop("logs", "http_route = 'x'")], Redact(), "drop[1].where: Binder Error"),
        ([Drop("traces", "name ===")], Redact(), "drop[0].where: Parser Error"),
        ([Drop("traces", "true); drop table x; select (1")], Redact(), "drop[0].where: expected one SQL predicate"),
        ([], Redact(patterns=["ok", "(?=no)"]), "redact.patterns[1]: "),
        ([], Redact(columns=["nowhere"]), "redact.columns[0]: 'nowhere' is no text column"),
        ([], Redact(columns=["duration_ns"]), "redact.columns[0]: 'duration_ns' is no text column"),
    ],
)
def test_mistakes_are_named_at_start(drops: list[Drop], redact: Redact, message: str) -> None:
    """A rule that cannot be used is an error with its key and the reason, before any batch."""
    with pytest.raises(RuleError) as caught:
        RecordRules(drops=drops, redact=redact)
    assert message in str(caught.value)
