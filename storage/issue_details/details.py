"""All that is known of one issue: its latest event with what came before it, how its events are spread, its trace and its history."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import duckdb

from ..scrubbing.names import Names
from ..scrubbing.texts import Texts
from ..stacks.in_app import USUAL, InApp
from ..stacks.parsing import parse
from ..stacks.trace import Trace
from .statements import Row, ask, rows

MOST_SPANS: Final = 2_000
"""Of a trace."""
SHOWN_VALUES: Final = 5
"""Of each tag."""
_KEYS: Final = {
    "error_logs": "error_id",
    "crash_reports": "crash_id",
    "api_error_logs": "error_id",
    "database_error_logs": "error_id",
}


@dataclass(frozen=True, slots=True)
class Breadcrumb:
    """Something that happened before an error.

    Attributes:
        timestamp: when it ended; None where a sender's says nothing that is a time.
        kind: `log`, `request`, `query` or `event`, or what its sender calls it.
        level: `debug`, `info`, `warning`, `error` or `fatal`.
        message: one line or more.
        duration_ms: milliseconds that it took; None where nobody says.
        service_name: whose it is.
    """

    timestamp: datetime | None
    kind: str
    level: str
    message: str
    duration_ms: float | None = None
    service_name: str | None = None


@dataclass(frozen=True, slots=True)
class Details:
    """What is known of an issue.

    Attributes:
        issue: its row of the view `issues`.
        state: its row of the view `issue_states`; empty where nothing was done about it.
        event: the latest event: its row of the view `issue_events`.
        report: the same in the table that holds it (`source_table`), with all that it says.
        failed_at: when it failed: requests and database operations are told by when they began.
        stack: the frames of its stack, those of the sources where they are known; None where there is no stack, or nobody knows its form.
        stack_text: the stack as it came; None where there is none.
        breadcrumbs: what happened before it, the oldest first: the report's own, else those of its session and trace.
        tags: values of `release`, `environment`, `user_role`, ... with `events`, their `share`, and how many `distinct_values` there are.
        spans: of its trace, `MOST_SPANS` at most, in the order in which they started; each with `spans_count`, how many there are.
        history: what was done about it, and changes that events brought about, the oldest first.
    """

    issue: Row
    state: Row
    event: Row
    report: Row
    failed_at: datetime | None
    stack: Trace | None
    stack_text: str | None
    breadcrumbs: Sequence[Breadcrumb]
    tags: Sequence[Row]
    spans: Sequence[Row]
    history: Sequence[Row]


def details(con: duckdb.DuckDBPyConnection, issue: Row, in_app: InApp = USUAL) -> Details:
    """Ask for everything of an issue that `finding.only` has found."""
    event, report = latest_event(con, issue["issue_id"])
    failed_at = event["error_timestamp"] + timedelta(microseconds=max(report.get("duration_ns") or 0, 0) // 1000) if event else None
    text = report.get("mapped_stack") or report.get("error_stack") or report.get("crash_stack") or None
    return Details(
        issue=issue,
        state=next(iter(ask(con, "state", issue_id=issue["issue_id"])), {}),
        event=event,
        report=report,
        failed_at=failed_at,
        stack=parse(text, None, in_app) if text else None,
        stack_text=text,
        breadcrumbs=_own_breadcrumbs(report) or _found_breadcrumbs(con, event, failed_at),
        tags=ask(con, "tags", issue_id=issue["issue_id"], values=SHOWN_VALUES),
        spans=_spans(con, event),
        history=ask(con, "history", issue_ids=[issue["issue_id"], *issue["merged_issue_ids"]]),
    )


def latest_event(con: duckdb.DuckDBPyConnection, issue_id: object) -> tuple[Row, Row]:
    """An issue's latest event, and its row of the table that holds it; both are empty where its events were dropped since."""
    for event in ask(con, "latest_event", issue_id=issue_id):
        return event, _report(con, event)
    return {}, {}


def _report(con: duckdb.DuckDBPyConnection, event: Row) -> Row:
    """The row of an event; reports of one error are told apart among those of its trace, else those of its days, not among all."""
    table = str(event["source_table"])
    trace = str(event["trace_id"] or "").replace("'", "''")
    near = f"trace_id = '{trace}'" if trace else f"dt between date '{event['dt']}' - 1 and date '{event['dt']}' + 1"
    con.execute(f"create temp view {table}_files as select * from pond.main.{table}_files where {near}")  # noqa: S608 - a documented table
    try:
        told = con.execute(f"select * from {table} where {_KEYS[table]} = $1 limit 1", [event["event_id"]])  # noqa: S608
        return next(iter(rows(told)), {})
    finally:
        con.execute(f"drop view temp.{table}_files")


def _spans(con: duckdb.DuckDBPyConnection, event: Row) -> list[Row]:
    if not event.get("trace_id"):
        return []
    found = ask(con, "trace", trace_id=event["trace_id"], span_id=event["span_id"], dt=event["dt"], limit=MOST_SPANS)
    return sorted(found, key=lambda span: (span["start_time_unix_nano"], -span["duration_ns"], span["span_id"]))


def _found_breadcrumbs(con: duckdb.DuckDBPyConnection, event: Row, before: datetime | None) -> list[Breadcrumb]:
    """Those of its session and trace."""
    if not event.get("trace_id") and not event.get("session_id"):
        return []
    parameters = {name: event[name] for name in ("trace_id", "session_id", "dt")}
    found = ask(con, "breadcrumbs", **parameters, before=before)
    texts = Texts(Names())  # those of spans that did not fail are stored as they came
    return [
        Breadcrumb(
            row["timestamp"], row["kind"], row["level"], texts.scrubbed(row["message"] or ""), row["duration_ms"], row["service_name"]
        )
        for row in reversed(found)
    ]


def _own_breadcrumbs(report: Row) -> list[Breadcrumb]:
    """Those that the report brought with it, whatever its sender made of them."""
    told = report.get("breadcrumbs")
    entries = [entry for entry in told if isinstance(entry, dict)] if isinstance(told, list) else []
    return [
        Breadcrumb(
            timestamp=_time(entry.get("timestamp")),
            kind=str(entry.get("kind") or entry.get("type") or "event"),
            level=str(entry.get("level") or "info"),
            message=str(entry.get("message") or entry.get("data") or ""),
        )
        for entry in entries
    ]


def _time(value: Any) -> datetime | None:
    """RFC 3339, seconds or milliseconds since 1970."""
    try:
        if isinstance(value, str):
            told = datetime.fromisoformat(value)
            return told if told.tzinfo else told.replace(tzinfo=UTC)
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            return datetime.fromtimestamp(value / 1000 if value > 1e11 else value, UTC)
    except (ValueError, OverflowError, OSError):
        pass
    return None
