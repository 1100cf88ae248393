"""Texts, times and numbers as a terminal shows them; all parts of the display use them.

What senders wrote may hold anything: here it loses the power to move the cursor, to change colours or to turn the direction of writing.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

_CONTROLS: Final = (*range(0x20), *range(0x7F, 0xA0))
_DIRECTIONS: Final = (0x061C, 0x200E, 0x200F, 0x2028, 0x2029, *range(0x202A, 0x202F), *range(0x2066, 0x206A))
_ESCAPED: Final[Mapping[int, str]] = {code: f"\\x{code:02x}" for code in _CONTROLS} | {code: f"\\u{code:04x}" for code in _DIRECTIONS}
_OF_TEXTS: Final[Mapping[int, str]] = {**_ESCAPED, 0x09: "    ", 0x0A: "\n", 0x0D: ""}
_OF_LINES: Final[Mapping[int, str]] = {**_ESCAPED, 0x09: " ", 0x0A: " ", 0x0D: " "}
_SPANS_S: Final = ((60, "s"), (3600, "min"), (86_400, "h"), (100 * 86_400, "d"))
_LEVELS: Final[Mapping[str, str]] = {"fatal": "bold red", "error": "red", "warning": "yellow"}


def console() -> Console:
    """Standard output; into a file lines are 200 columns wide, and what its encoding cannot say becomes a question mark."""
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="replace")
    return Console(file=sys.stdout, highlight=False, markup=False, emoji=False, width=None if sys.stdout.isatty() else 200)


def grid(*columns: str, header: bool = False) -> Table:
    """A table without lines; a column whose name begins with `>` stands to the right."""
    table = Table(box=None, pad_edge=False, show_header=header, header_style="bold", padding=(0, 2, 0, 0))
    for name in columns:
        table.add_column(name.removeprefix(">"), justify="right" if name.startswith(">") else "left", overflow="fold")
    return table


def printable(text: object, most: int = 10_000) -> str:
    """A text of several lines, its beginning where it is long."""
    given = str(text)
    return given[:most].translate(_OF_TEXTS) + (f"… ({len(given) - most:,} more characters)" if len(given) > most else "")


def line(text: object, most: int = 300) -> str:
    """A text as one line, its beginning where it is long."""
    given = str(text)
    return " ".join(given[: 2 * most].translate(_OF_LINES).split())[:most] + ("…" if len(given) > most else "")


def moment(instant: datetime | None) -> str:
    """An instant in UTC, to the second."""
    return "" if instant is None else f"{instant.astimezone(UTC):%Y-%m-%d %H:%M:%S}Z"


def age(instant: datetime | None, now: datetime) -> str:
    """How long ago something was: `42 s`, `3 min`, `20 h`, `5 d`, and its day where that is longer ago, or still to come."""
    if instant is None:
        return ""
    seconds = (now - instant).total_seconds()
    size = 1
    for most, unit in _SPANS_S:
        if 0 <= seconds < most:
            return f"{int(seconds // size)} {unit}"
        size = most
    return f"{instant.astimezone(UTC):%Y-%m-%d}"


def ago(instant: datetime | None, now: datetime) -> str:
    """The same in a sentence."""
    told = age(instant, now)
    return told if "-" in told or not told else f"{told} ago"


def milliseconds(duration_ms: float | None) -> str:
    """A duration: `0.4 ms`, `640 ms`, `12.3 s`."""
    if duration_ms is None:
        return ""
    if 0 <= duration_ms < 0.05:
        return "<0.1 ms"
    if abs(duration_ms) < 10_000:
        return f"{duration_ms:,.1f} ms" if abs(duration_ms) < 10 else f"{duration_ms:,.0f} ms"
    return f"{duration_ms / 1000:,.1f} s"


def counted(count: int, one: str, many: str | None = None) -> str:
    """A number of things: `1 event`, `5,012 events`."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def style_of(level: object) -> str:
    """In which colour a level is shown."""
    return _LEVELS.get(str(level), "")


def section(title: str, note: str = "") -> Text:
    """The line above a part."""
    return Text.assemble("\n", (title, "bold"), (f"  {note}" if note else "", "dim"))
