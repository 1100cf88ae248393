"""The list of issues: two lines an issue, as many columns as there is room for."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from rich.table import Table
from rich.text import Text

from ...storage.issue_details import Row
from ...storage.issue_details.finding import short
from .status import status_of
from .texts import age, line, style_of

_WIDE: Final = 100
_HEADERS: Final = ("issue", "title", "status", "events", "users", "last")
_WIDE_HEADERS: Final = ("issue", "title", "status", "events", "users", "first", "last", "assignee")
_NARROWEST: Final = 20
_RIGHT: Final = frozenset({"events", "users", "first", "last"})


def overview(issues: Sequence[Row], now: datetime, width: int) -> Table:
    """Issues with where they come from, how they stand, how many they hurt and when; titles get the room that is left."""
    headers = _WIDE_HEADERS if width >= _WIDE else _HEADERS
    rows = [[_cell(header, issue, now) for header in headers] for issue in issues]
    taken = sum(max(len(header), *(row[at].cell_len for row in rows)) + 2 for at, header in enumerate(headers) if header != "title")
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for header in headers:
        most = max(width - taken - 2, _NARROWEST) if header == "title" else None
        table.add_column(header, justify="right" if header in _RIGHT else "left", max_width=most, overflow="ellipsis", no_wrap=True)
    for row in rows:
        table.add_row(*row)
    return table


def _cell(header: str, issue: Row, now: datetime) -> Text:
    match header:
        case "issue":
            return Text(short(issue["issue_id"]))
        case "title":
            return _titled(issue)
        case "status":
            return status_of(issue)
        case "assignee":
            return Text(line(issue["assignee"] or "", 20))
        case "events" | "users":
            return Text(f"{issue[f'{header}_count']:,}")
        case _:
            return Text(age(issue[f"{header}_seen"], now))


def releases_of(issue: Row) -> str:
    """From which release to which it was seen."""
    first, last = issue["first_release"], issue["last_release"]
    return line(first or last or "") if first == last or not first or not last else f"{line(first)} to {line(last)}"


def _titled(issue: Row) -> Text:
    level = str(issue["level"])
    place = [level if level != "error" else "", issue["culprit"] or "", issue["service_name"], releases_of(issue)]
    return Text.assemble(
        (line(_short_title(issue)), style_of(level) if level == "fatal" else ""),
        "\n",
        (" · ".join(line(part) for part in place if part), "dim"),
    )


def _short_title(issue: Row) -> str:
    """The title, a type without the module that it is in."""
    title, kind = str(issue["title"]), str(issue["error_type"] or "")
    return kind.rpartition(".")[2] + title[len(kind) :] if title.startswith(kind) and re.fullmatch(r"[\w.$]+", kind) else title
