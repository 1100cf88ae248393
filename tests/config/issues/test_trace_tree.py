"""A trace is shown as a tree, however large, broken or malicious it is."""

from __future__ import annotations

import io
from typing import Any

from otelpond.config.issues.trace_tree import SHOWN, arranged, trace_tree, worth_showing
from rich.console import Console


def _span(span_id: str, parent: str | None = None, start_ms: int = 0, took_ms: int = 1, **more: Any) -> dict[str, Any]:
    columns = {"status_code": "UNSET", "status_message": None, "service_name": "shop", "http_response_status_code": None, "target": None}
    times = {"start_time_unix_nano": start_ms * 10**6, "duration_ns": took_ms * 10**6}
    return {"span_id": span_id, "parent_span_id": parent, "name": span_id, "spans_count": 1, **columns, **times, **more}


def _places(spans: list[dict[str, Any]]) -> list[tuple[str, int]]:
    return [(branch.span["span_id"], branch.depth) for branch in arranged(spans)]


def test_children_stand_below_their_parents() -> None:
    """In the order in which they started."""
    spans = [_span("root"), _span("a", "root", 1), _span("b", "root", 2), _span("c", "a", 3)]
    assert [("root", 0), ("a", 1), ("c", 2), ("b", 1)] == _places(spans)


def test_a_span_whose_parent_did_not_arrive_is_a_root_and_says_so() -> None:
    """Its own children stay below it."""
    branches = list(arranged([_span("a", "gone"), _span("b", "a", 1)]))
    assert [(0, True), (1, False)] == [(branch.depth, branch.is_lost) for branch in branches]


def test_parents_in_a_circle_are_shown_once() -> None:
    """A sender may say anything."""
    assert ["a", "b", "self"] == sorted(span_id for span_id, _ in _places([_span("a", "b"), _span("b", "a"), _span("self", "self")]))


def test_a_trace_100_000_levels_deep_is_arranged() -> None:
    """Without recursion."""
    spans = [_span(str(level), str(level - 1) if level else None, level) for level in range(100_000)]
    assert ("99999", 99_999) == _places(spans)[-1]


def test_of_a_large_trace_the_failing_path_is_kept() -> None:
    """With the failed and the longest, and the number of those left out."""
    spans = [_span("root", took_ms=9999), _span("mid", "root"), _span("failed", "mid", status_code="ERROR")]
    spans += [_span(f"other{number}", "root", took_ms=number + 2) for number in range(500)]
    kept = [branch.span["span_id"] for branch in worth_showing(list(arranged(spans)), "failed")]
    assert SHOWN == len(kept)
    assert ["root", "mid", "failed"] == kept[:3]
    assert {"other499", "other498"} <= set(kept)


def test_the_failing_span_is_marked_and_durations_have_bars() -> None:
    """As whoever looks for the fault wants it."""
    spans = [_span("root", took_ms=100), _span("failed", "root", 50, 25, status_code="ERROR", status_message="no\x1b[2J")]
    out = io.StringIO()
    Console(file=out, width=80).print(trace_tree([{**span, "spans_count": 7} for span in spans], "abc", "failed", full=False))
    _, head, root, failed = (row.rstrip() for row in out.getvalue().splitlines())
    assert "Trace abc  5 more spans: --full" == head
    assert "100 ms  ━━━━━━━━━━━━━━━━  root  shop" == root
    assert " 25 ms          ━━━━        ✗ failed ◀ the error  shop  no\\x1b[2J" == failed
