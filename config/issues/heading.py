"""What an issue is, how it stands, whom it hurts, how its events are spread, and what was done about it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from itertools import groupby
from typing import Final

from rich.console import Group, RenderableType
from rich.text import Text

from ...storage.issue_details import Row
from ...storage.issue_details.finding import short
from .overview import releases_of
from .status import resolved_in, until
from .texts import ago, counted, grid, line, moment, printable, section, style_of

_LONGEST_MESSAGE: Final = 2_000
_TAGS: Final[Mapping[str, str]] = {
    "release": "release",
    "environment": "environment",
    "service": "service",
    "level": "level",
    "user_role": "user role",
    "page": "page",
    "endpoint": "endpoint",
    "device": "device",
    "browser": "browser",
    "os": "system",
}
_FACTS: Final = frozenset({"service", "level"})
"""What the heading says already, where all events have the same."""
_CHANGES: Final[Mapping[str, str]] = {
    "new": "first seen",
    "regressed": "came back",
    "unignored": "is ignored no more",
    "ignored": "ignored",
    "reopened": "reopened",
    "commented": "commented",
}


def heading(issue: Row, status: Text, now: datetime) -> RenderableType:
    """Title, culprit, and the facts of the view `issues`."""
    facts = grid("name", "value")
    for name, value in _facts(issue, status, now):
        facts.add_row(Text(name, style="dim"), value)
    title = Text(line(issue["title"]), style=f"bold {style_of(issue['level'])}")
    return Group(title, *([Text(line(issue["culprit"]))] if issue["culprit"] else []), Text(), facts)


def _facts(issue: Row, status: Text, now: datetime) -> Iterator[tuple[str, Text]]:
    yield "issue", Text(str(issue["issue_id"]))
    yield "status", Text.assemble(status, f", {ago(issue['status_changed_at'], now)}" if issue["status_changed_at"] else "")
    yield "level", Text(str(issue["level"]), style=style_of(issue["level"]))
    yield "first seen", Text(f"{moment(issue['first_seen'])}, {ago(issue['first_seen'], now)}")
    yield "last seen", Text(f"{moment(issue['last_seen'])}, {ago(issue['last_seen'], now)}")
    yield "events", Text(_events(issue))
    yield "service", Text(", ".join(line(service) for service in issue["services"]))
    if releases := releases_of(issue):
        yield "releases", Text(releases)
    yield "assignee", Text(line(issue["assignee"])) if issue["assignee"] else Text("nobody", style="dim")
    if issue["merged_issue_ids"]:
        yield "merged", Text(", ".join(short(merged) for merged in issue["merged_issue_ids"]))


def _events(issue: Row) -> str:
    """How many, and whose where somebody is known."""
    users, sessions = counted(issue["users_count"], "user"), counted(issue["sessions_count"], "session")
    whose = [f"of {users}"] * bool(issue["users_count"]) + [f"in {sessions}"] * bool(issue["sessions_count"])
    return ", ".join([f"{issue['events_count']:,}", *([" ".join(whose)] if whose else [])])


def spread(tags: Sequence[Row]) -> RenderableType:
    """A line a tag: its most frequent values with their share of the events. Tags of which no event says anything are left out."""
    table = grid("tag", "values")
    known = {tag: list(rows) for tag, rows in groupby(tags, key=lambda row: row["tag"])}
    for tag, name in _TAGS.items():
        rows = known.get(tag, [])
        if any(row["value"] for row in rows) and not (tag in _FACTS and len(rows) == 1):
            table.add_row(Text(name, style="dim"), _shares(rows))
    return Group(section("Tags"), table) if table.row_count else Group()


def _shares(rows: Sequence[Row]) -> Text:
    told = Text()
    for row in rows:
        value = Text(line(row["value"], 60)) if row["value"] else Text("none", style="dim italic")
        told += Text.assemble(", " if told else "", value, (f" {_percent(row['share'])}", "dim"))
    more = rows[0]["distinct_values"] - len(rows)
    return Text.assemble(told, (f", {more:,} more", "dim")) if more > 0 else told


def _percent(share: float) -> str:
    return f"{share:.0%}" if share >= 0.01 else "<1%"


def history(rows: Sequence[Row]) -> RenderableType:
    """What was done and what that changed, a line each."""
    if not rows:
        return Group()
    table = grid("when", "what")
    for row in rows:
        told = Text.assemble((f"{line(row['actor'], 60)} " if row["actor"] else ""), _told(row))
        if row["comment"]:
            told.append(f"\n{printable(row['comment'], _LONGEST_MESSAGE)}", style="italic")
        table.add_row(Text(f"{moment(row['happened_at'])}", style="dim"), told)
    return Group(section("History"), table)


def _told(row: Row) -> str:
    match row["activity"]:
        case "resolved":
            return f"resolved it{resolved_in(row['resolved_in'], row['release'])}"
        case "ignored":
            return f"ignored it{until(row)}"
        case "assigned":
            return f"assigned it to {line(row['assignee'])}" if row["assignee"] else "assigned it to nobody"
        case "merged":
            return f"merged {short(row['issue_id'])} into {short(row['target_issue_id'])}"
        case "split":
            return f"split the fingerprint {line(row['fingerprint'] or '')} off"
        case other:
            told = _CHANGES.get(str(other), line(other))
            told = "reopened it" if other == "reopened" and row["actor"] else told
            return f"{told} in {line(row['release'])}" if row["release"] and not row["actor"] else told
