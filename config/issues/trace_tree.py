"""The trace of an error as a tree: how long each span took, when, and which one failed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from rich.console import Group, RenderableType
from rich.text import Text

from ...storage.issue_details import Row
from .texts import counted, grid, line, milliseconds, section

SHOWN: Final = 30
"""Lines, unless everything is asked for."""
_BAR: Final = 16
_LONGEST_NOTE: Final = 100
_DEEPEST: Final = 24
"""Levels that are indented."""


@dataclass(frozen=True, slots=True)
class Branch:
    """A span at its place in the tree.

    Attributes:
        span: its row.
        depth: how many spans are above it.
        is_lost: its parent has not arrived.
    """

    span: Row
    depth: int
    is_lost: bool


def trace_tree(spans: Sequence[Row], trace_id: str | None, span_id: str | None, *, full: bool) -> RenderableType:
    """Spans in the order in which they started, each below its parent; `span_id` is that of the span that reported the error."""
    if not spans:
        return Group()
    branches = list(arranged(spans))
    shown = branches if full else worth_showing(branches, span_id)
    start = min(span["start_time_unix_nano"] for span in spans)
    length = max(max(span["start_time_unix_nano"] + span["duration_ns"] for span in spans) - start, 1)
    table = grid(">took", "when", "span")
    for branch in shown:
        took = Text(milliseconds(branch.span["duration_ns"] / 1e6))
        table.add_row(took, Text(_bar(branch.span, start, length), style="cyan"), _named(branch, span_id))
    left_out = spans[0]["spans_count"] - len(shown)
    note = f"{counted(left_out, 'more span')}{'' if full else ': --full'}" if left_out else ""
    return Group(section(f"Trace {line(trace_id or '')}", note), table)


def arranged(spans: Sequence[Row]) -> Iterator[Branch]:
    """Every span once, children behind their parents; where parents go round in a circle, one of them counts as having none."""
    known = {span["span_id"] for span in spans}
    children: dict[str | None, list[Row]] = {}
    for span in spans:
        children.setdefault(span["parent_span_id"] if span["parent_span_id"] in known else None, []).append(span)
    met: set[str] = set()
    for root in [*children.get(None, []), *spans]:
        waiting = [Branch(root, 0, is_lost=root["parent_span_id"] is not None)]
        while waiting:
            branch = waiting.pop()
            if branch.span["span_id"] in met:
                continue
            met.add(branch.span["span_id"])
            yield branch
            below = children.get(branch.span["span_id"], [])
            waiting.extend(Branch(span, branch.depth + 1, is_lost=False) for span in reversed(below))


def worth_showing(branches: Sequence[Branch], span_id: str | None) -> list[Branch]:
    """Of a large trace: the span that reported with those above it, failed ones, and those that took longest."""
    if len(branches) <= SHOWN:
        return list(branches)
    parents = {branch.span["span_id"]: branch.span["parent_span_id"] for branch in branches}
    path = set(_upwards(parents, span_id))
    ranked = sorted(branches, key=lambda each: (each.span["span_id"] not in path, not _has_failed(each.span), -each.span["duration_ns"]))
    kept = {branch.span["span_id"] for branch in ranked[:SHOWN]}
    return [branch for branch in branches if branch.span["span_id"] in kept]


def _upwards(parents: Mapping[str, str | None], span_id: str | None) -> Iterator[str]:
    met: set[str] = set()
    while span_id is not None and span_id not in met:
        met.add(span_id)
        yield span_id
        span_id = parents.get(span_id)


def _bar(span: Row, start: int, length: int) -> str:
    """Where in the trace a span lies, a sign at least."""
    begun = int(span["start_time_unix_nano"]) - start
    last = -(-(begun + int(span["duration_ns"])) * _BAR // length)
    first = min(max(begun * _BAR // length, 0), _BAR - 1)
    return " " * first + "━" * max(min(last, _BAR) - first, 1)


def _named(branch: Branch, span_id: str | None) -> Text:
    span = branch.span
    has_failed, is_reporter = _has_failed(span), span["span_id"] == span_id
    told = Text("  " * min(branch.depth, _DEEPEST) + ("… " if branch.is_lost else ""))
    told.append(
        ("✗ " if has_failed or is_reporter else "") + line(span["name"], 120),
        style="bold red" if is_reporter else "red" if has_failed else "",
    )
    told.append(" ◀ the error" if is_reporter else "", style="bold red")
    notes = [span["service_name"], span["http_response_status_code"], span["status_message"], span["target"]]
    told.append("".join(f"  {line(note, _LONGEST_NOTE)}" for note in notes if note), style="dim")
    return told


def _has_failed(span: Row) -> bool:
    return bool(span["status_code"] == "ERROR")
