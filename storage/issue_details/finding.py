"""Which issues there are, and which one somebody means by an id or its beginning; the command asks."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Final

import duckdb

from .statements import Row, ask, rows, statement

SHORT: Final = 8
"""Digits of an id that are shown."""
_EVENTS: Final = "issue_rows"
"""What all views of issues follow from."""
_FEWEST_DIGITS: Final = 4
_SHOWN: Final = 5


class IssueNotFoundError(LookupError):
    """There is no such issue, or more than one.

    Attributes:
        issues: rows of those that there are, the newest first, some at most; their titles hold what senders wrote.
    """

    def __init__(self, text: str, issues: Sequence[Row] = ()) -> None:
        super().__init__(text)
        self.issues = issues


class Sort(StrEnum):
    """What comes first in a list: the newest or the most of it."""

    last_seen = "last-seen"
    first_seen = "first-seen"
    events = "events"
    users = "users"


@dataclass(frozen=True, slots=True)
class Filters:
    """Which issues are asked for; None takes all.

    Attributes:
        statuses: of `open`, `reopened`, `resolved` and `ignored`.
        service: its name.
        release: one that the issue was seen in.
        environment: one that it was seen in.
        level: `fatal`, `error` or `warning`.
        assignee: who sees to it.
        text: looked for in title, culprit and type, in any case.
    """

    statuses: Sequence[str] | None = None
    service: str | None = None
    release: str | None = None
    environment: str | None = None
    level: str | None = None
    assignee: str | None = None
    text: str | None = None


def matching(con: duckdb.DuckDBPyConnection, filters: Filters, sort: Sort, limit: int) -> tuple[list[Row], int]:
    """Rows of the view `issues`, as many as `limit` at most, and how many there are."""
    found = ask(con, "issues", **asdict(filters), sort=sort.value, limit=limit)
    count = found[0]["matching"] if found else 0
    return [{name: value for name, value in row.items() if name != "matching"} for row in found], count


@contextmanager
def only(con: duckdb.DuckDBPyConnection, text: str) -> Iterator[Row]:
    """The issue of an id or of its beginning; of one that was merged, the issue that it belongs to now.

    Meanwhile the connection shows the events of that issue alone: the views of issues follow from them, and of a million events they
    are then found once, and not for each question.

    Args:
        con: of `query.connect`; nobody else uses it meanwhile.
        text: 4 to 32 hexadecimal digits, with or without dashes.

    Raises:
        IssueNotFoundError: no issue's id begins so, or more than one's.
    """
    beginning = text.strip().replace("-", "").lower()
    if not re.fullmatch(rf"[0-9a-f]{{{_FEWEST_DIGITS},32}}", beginning):
        raise IssueNotFoundError(f"{text!r} is no issue's id: expected {_FEWEST_DIGITS} to 32 hexadecimal digits, such as 4f1d2c9a")
    con.execute(f"create temp table {_EVENTS} as {statement('named').rstrip().removesuffix(';')}", {"beginning": beginning})
    try:
        yield _one(text, rows(con.execute("select * from issues order by last_seen desc, issue_id limit $1", [_SHOWN + 1])))
    finally:
        con.execute(f"drop table temp.{_EVENTS}")


def find(con: duckdb.DuckDBPyConnection, text: str) -> Row:
    """The issue of an id or of its beginning, as `only` finds it.

    Raises:
        IssueNotFoundError: no issue's id begins so, or more than one's.
    """
    with only(con, text) as issue:
        return issue


def _one(text: str, found: Sequence[Row]) -> Row:
    if not found:
        raise IssueNotFoundError(f"{text}: no issue's id begins so; `otelpond issues list --status all` shows every issue")
    if len(found) > 1:
        count = len(found) if len(found) <= _SHOWN else "many"
        raise IssueNotFoundError(f"{text}: {count} issues' ids begin so, give more digits", found[:_SHOWN])
    return found[0]


def short(issue_id: object) -> str:
    """The digits of an id that are shown."""
    return str(issue_id)[:SHORT]
