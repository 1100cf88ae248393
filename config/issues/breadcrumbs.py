"""What happened before an error, a line each: how long before, what kind, how grave, what."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from rich.console import Group, RenderableType
from rich.text import Text

from ...storage.issue_details import Breadcrumb
from .texts import counted, grid, line, milliseconds, section, style_of

SHOWN: Final = 15
"""Unless everything is asked for."""
_LONGEST: Final = 200


def trail(breadcrumbs: Sequence[Breadcrumb], failed_at: datetime | None, *, full: bool) -> RenderableType:
    """The oldest first; without `full` the last ones alone."""
    if not breadcrumbs:
        return Group()
    shown = breadcrumbs if full else breadcrumbs[-SHOWN:]
    left_out = len(breadcrumbs) - len(shown)
    table = grid(">before", "kind", "message")
    services = {crumb.service_name for crumb in shown}
    for crumb in shown:
        message = Text(line(crumb.message, 2_000 if full else _LONGEST), style=style_of(crumb.level))
        notes = [milliseconds(crumb.duration_ms), line(crumb.service_name or "") if len(services) > 1 else ""]
        message.append("".join(f"  {note}" for note in notes if note), style="dim")
        table.add_row(Text(_before(crumb.timestamp, failed_at), style="dim"), Text(line(crumb.kind, 20), style="dim"), message)
    return Group(section("Breadcrumbs", f"{counted(left_out, 'earlier one')}: --full" if left_out else ""), table)


def _before(instant: datetime | None, failed_at: datetime | None) -> str:
    """How long before the error it was."""
    if instant is None or failed_at is None:
        return ""
    seconds = (failed_at - instant).total_seconds()
    if abs(seconds) < 120:
        return f"{-seconds:+.3f} s"
    return f"{-seconds / 60:+.0f} min"
