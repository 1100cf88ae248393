"""Counts of a plan's rows, and of the reasons for which rows were rejected."""

from __future__ import annotations

import pyarrow as pa
from otelpond.storage.counters import EVENT_STAGES
from otelpond.storage.pipeline.tally import MOST_REASONS, OTHER, REJECTED, Tally


def _rejected(*reasons: str) -> pa.Table:
    return pa.table({"table_name": pa.array(["spans"] * len(reasons)), "reason": pa.array(reasons, pa.string_view())})


def test_reasons_differ_by_words_not_by_numbers() -> None:
    """A reason with numbers in it is one reason."""
    tally = Tally()
    tally.add_rows(REJECTED, _rejected("span_id has 3 bytes, 8 expected", "span_id has 17 bytes, 8 expected", "duration_ms is NULL"))
    assert {"spans": {"span_id has N bytes, N expected": 2, "duration_ms is NULL": 1}} == tally.rejected
    assert {REJECTED: 3} == tally.rows


def test_reasons_without_end_are_counted_as_others() -> None:
    """What is told to a metrics store has an end, over many plans too."""
    total = Tally()
    for first in ("a", "b"):
        tally = Tally()
        tally.add_rows(REJECTED, _rejected(*(f"{first}{'x' * number}" for number in range(40))))
        total.add(tally)
    assert MOST_REASONS + 1 == len(total.rejected["spans"])
    assert 80 - MOST_REASONS == total.rejected["spans"][OTHER]


def test_events_are_counted_by_stage() -> None:
    """What came in is what was stored, rejected and dropped; what was sent stands in no count."""
    tally, total = Tally(), Tally()
    reasons = ['properties.a: "secret" is not one of "b"', 'properties.a: "other" is not one of "b"']
    tally.add_rows(REJECTED, pa.table({"table_name": ["events", "events"], "reason": reasons}))
    status = pa.array(["complete", "partial", "complete"], pa.string_view())
    known = pa.array([True, True, False])
    tally.add_rows("events", pa.table({"enrich_status": status, "is_known": known, "validation_error": ["why", None, None]}))
    tally.add_dropped_events(4)
    total.add(tally)
    assert {
        "received": 9,
        "invalid": 7,
        "unknown": 1,
        "enriched": 2,
        "unenriched": 1,
        "dropped": 4,
        "stored": 3,
    } == total.events
    assert set(EVENT_STAGES) == set(total.events)
    assert {"events": {"is not one of": 2}} == total.rejected


def test_events_are_counted_by_the_rule_that_they_break() -> None:
    """No name, value or text of a sender gets into a label, whatever it looks like."""
    reasons = {
        r'properties.a: "\" is less than \\" is not one of "b"': "is not one of",
        "properties.a[3]: is a number, expected a string": "expected a string",
        "properties.secret.name: holds half of a surrogate pair at character 7": "holds half of a surrogate pair",
        'timestamp: "soon" is no time, expected RFC 3339': "is no time",
        'trace_id: "x" is not 32 hex digits': "hex digits",
        "event_id is NULL": "is NULL",
        "secret": OTHER,
    }
    tally = Tally()
    tally.add_rows(REJECTED, pa.table({"table_name": ["events"] * len(reasons), "reason": list(reasons)}))
    assert {"events": dict.fromkeys(reasons.values(), 1)} == tally.rejected
