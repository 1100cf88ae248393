"""`otelpond issues list|show|explain`: errors that are alike, how they stand, and all that is known of one."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import duckdb
from rich.text import Text

from ...storage.issue_details import Details, Filters, IssueNotFoundError, Row, Sort, ask, details, matching, only
from ...storage.issue_details.finding import short
from ...storage.query import PondNotFoundError, connect
from ...storage.stacks.in_app import InApp
from ..errors import CommandError
from ..issues.breadcrumbs import trail
from ..issues.explanation import explanation
from ..issues.heading import heading, history, spread
from ..issues.latest import latest
from ..issues.overview import overview
from ..issues.stack import stack
from ..issues.status import status_sentence
from ..issues.texts import console, counted, line
from ..issues.trace_tree import trace_tree
from ..settings import Settings
from ..sources import load
from .freshness import publish
from .rows import print_document
from .tenant import pond_of

STATUSES: Final[Mapping[str, Sequence[str] | None]] = {
    "unresolved": ("open", "reopened"),
    "open": ("open",),
    "reopened": ("reopened",),
    "resolved": ("resolved",),
    "ignored": ("ignored",),
    "all": None,
}
"""What may be asked for, and which statuses it means."""


def list_all(
    config: Path | None, options: Mapping[str, Any], tenant: str, form: str, *, status: str, filters: Filters, sort: Sort, limit: int
) -> None:
    """Print issues, a few facts of each.

    Args:
        config: the configuration file.
        options: settings given on the command line.
        tenant: whose pond it is.
        form: table or json.
        status: a key of `STATUSES`.
        filters: what else they must be.
        sort: what comes first.
        limit: how many at most.

    Raises:
        CommandError: there is no pond.
    """
    with pond(load(config, options), tenant) as con:
        issues, count = matching(con, replace(filters, statuses=STATUSES[status]), sort, limit)
        elsewhere = 0 if count else matching(con, replace(filters, statuses=None), sort, 1)[1]
    if form == "json":
        print_document(issues, sys.stdout)
        return
    out = console()
    if not issues:
        out.print(_nothing(status, filters, elsewhere))
        return
    out.print(overview(issues, datetime.now(UTC), out.width))
    shown = f"{len(issues):,} of {counted(count, 'issue')}" if count > len(issues) else counted(count, "issue")
    out.print(Text(f"{shown}; otelpond issues show {short(issues[0]['issue_id'])}", style="dim"))


def show(issue: str, config: Path | None, options: Mapping[str, Any], tenant: str, form: str, *, full: bool) -> None:
    """Print all that is known of an issue; `full` leaves out nothing of stack, breadcrumbs and trace.

    Raises:
        CommandError: there is no pond, or no such issue.
    """
    settings = load(config, options)
    with pond(settings, tenant) as con, chosen(con, issue) as row:
        known = details(con, row, InApp(tuple(settings.in_app_include), tuple(settings.in_app_exclude)))
    if form == "json":
        print_document(_document(known), sys.stdout)
        return
    now = datetime.now(UTC)
    name = short(known.issue["issue_id"])
    event = known.event
    console().print(
        heading(known.issue, status_sentence(known), now),
        spread(known.tags),
        latest(event, known.report, now, has_stack=known.stack is not None),
        stack(known.stack, known.stack_text, full=full),
        trail(known.breadcrumbs, known.failed_at, full=full),
        trace_tree(known.spans, event.get("trace_id"), event.get("span_id"), full=full),
        history(known.history),
        Text(f"\notelpond issues explain|resolve|ignore|assign|comment {name}", style="dim"),
    )


def explain(issue: str, config: Path | None, options: Mapping[str, Any], tenant: str, form: str) -> None:
    """Print why events are one issue.

    Raises:
        CommandError: there is no pond, or no such issue.
    """
    with pond(load(config, options), tenant) as con, chosen(con, issue) as known:
        groups = ask(con, "groups", issue_id=known["issue_id"])
    if form == "json":
        print_document({"issue_id": known["issue_id"], "title": known["title"], "fingerprints": groups}, sys.stdout)
        return
    console().print(explanation(known, groups))


@contextmanager
def pond(settings: Settings, tenant: str) -> Iterator[duckdb.DuckDBPyConnection]:
    """A tenant's pond, of this moment: a running collector is asked to publish first.

    Raises:
        CommandError: there is no pond, or DuckDB refuses a question, in its own words.
    """
    folder = pond_of(settings.data, tenant)
    publish(settings.data, tenant)
    try:
        with connect(folder) as con:
            yield con
    except PondNotFoundError as error:
        raise CommandError(str(error)) from None
    except duckdb.Error as error:
        raise CommandError(f"{folder}: {str(error).strip()}") from None


@contextmanager
def chosen(con: duckdb.DuckDBPyConnection, issue: str) -> Iterator[Row]:
    """The issue that an id or its beginning means; meanwhile the connection shows its events alone.

    Raises:
        CommandError: there is none, or more than one.
    """
    try:
        with only(con, issue) as row:
            yield row
    except IssueNotFoundError as error:
        listed = [f"  {row['issue_id']}  {line(row['title'])}" for row in error.issues]
        raise CommandError("\n".join([str(error), *listed]), exit_code=2) from None


def found(con: duckdb.DuckDBPyConnection, issue: str) -> Row:
    """The same, where nothing else is asked of it.

    Raises:
        CommandError: there is none, or more than one.
    """
    with chosen(con, issue) as row:
        return row


def _nothing(status: str, filters: Filters, elsewhere: int) -> str:
    if elsewhere:
        return f"no issue is {status}; {counted(elsewhere, 'other')}: otelpond issues list --status all"
    narrowed = any(value is not None for value in asdict(filters).values())
    return "no issue matches; with fewer filters there may be some" if narrowed else "there are no issues: no error has been reported"


def _document(known: Details) -> Row:
    """All of it for programs: the stack as objects, the spans without what counts them."""
    return {
        "issue": known.issue,
        "state": known.state,
        "event": known.event,
        "report": known.report,
        "stack": None if known.stack is None else asdict(known.stack),
        "breadcrumbs": [asdict(breadcrumb) for breadcrumb in known.breadcrumbs],
        "tags": known.tags,
        "trace": [{name: value for name, value in span.items() if name != "spans_count"} for span in known.spans],
        "history": known.history,
    }
