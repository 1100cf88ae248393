"""`otelpond alerts list|test`: what rules found and whom it was told, and whether a channel can be reached."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from difflib import get_close_matches
from pathlib import Path
from typing import Any
from uuid import uuid4

from rich.table import Table
from rich.text import Text

from ...exporters.destination import Refused, TryLater
from ...exporters.notifications.channels import channel
from ...exporters.notifications.notification import Message, Notification
from ...exporters.notifications.target import Target
from ...storage.issue_details import Row, ask
from ...storage.issue_details.finding import short
from ..collector.notifying import check_channels, targets
from ..errors import CommandError
from ..issues.texts import ago, console, grid, line
from ..settings import Settings
from ..sources import load
from .issues import found, pond
from .rows import print_document

_STATUSES = {"sent": "green", "failed": "red", "suppressed": "dim", "fired": "yellow"}


def list_all(
    config: Path | None,
    options: Mapping[str, Any],
    tenant: str,
    form: str,
    *,
    rule: str | None,
    issue: str | None,
    status: str | None,
    limit: int,
) -> None:
    """Print alerts, each with what became of it at which channel.

    Args:
        config: the configuration file.
        options: settings given on the command line.
        tenant: whose pond it is.
        form: table or json.
        rule: whose alerts; None for all.
        issue: an issue's id or its beginning; None for all.
        status: `fired`, `sent`, `failed` or `suppressed`, as it was last at any channel; None for all.
        limit: how many at most.

    Raises:
        CommandError: there is no pond, or no such issue.
    """
    settings = load(config, options)
    with pond(settings, tenant) as con:
        issue_id = None if issue is None else found(con, issue)["issue_id"]
        alerts = ask(con, "alerts", rule=rule, issue_id=issue_id, status=status, limit=limit)
    if form == "json":
        print_document(alerts, sys.stdout)
        return
    console().print(_table(alerts, datetime.now(UTC)) if alerts else _nothing(settings, narrowed=bool(rule or issue or status)))


def test(name: str, config: Path | None) -> None:
    """Send a message to a channel, once.

    Args:
        name: of the channel.
        config: the configuration file.

    Raises:
        CommandError: there is no such channel, or it has not taken the message.
    """
    settings = load(config)
    target = _target(settings, name)
    check_channels(settings)
    match channel(target).send(Message((_test_of(name),))):
        case TryLater(reason=reason):
            raise CommandError(f"{name}: not sent, and an alert would be tried again: {reason}")
        case Refused(reason=reason):
            raise CommandError(f"{name}: refused, and an alert would not be tried again: {reason}")
        case sent:
            print(f"{name}: sent" + (f"; {line(sent.remark)}" if sent.remark else ""))


def _test_of(name: str) -> Notification:
    return Notification(
        alert_id=str(uuid4()),
        rule="test",
        kind="test",
        title=f"A test of the channel {name}",
        text="otelpond alerts test sent this. Alerts will look like it.",
        fired_at=datetime.now(UTC),
        severity="info",
    )


def _target(settings: Settings, name: str) -> Target:
    known = {target.name: target for target in targets(settings)}
    if name in known:
        return known[name]
    if not known:
        raise CommandError(f"{name}: no such channel: the configuration has no [[notify]]", exit_code=2)
    close = get_close_matches(name, known, n=1)
    hint = f"did you mean {close[0]}?" if close else f"there are {', '.join(known)}"
    raise CommandError(f"{name}: no such channel; {hint}", exit_code=2)


def _table(alerts: list[Row], now: datetime) -> Table:
    table = grid("fired", "rule", "alert", "issue", "told", header=True)
    for alert in alerts:
        about = short(alert["issue_id"]) if alert["issue_id"] else ""
        cells = [ago(alert["fired_at"], now), line(alert["rule"]), line(alert["title"]), about]
        table.add_row(*map(Text, cells), _told(alert["channels"] or []))
    return table


def _told(channels: list[Row]) -> Text:
    """What each channel has made of it; nobody is told where no channel is named."""
    lines = [
        Text.assemble(
            (f"{line(told['channel'])} {told['status']}", _STATUSES.get(told["status"], "")),
            f": {line(told['error'])}" if told["error"] else "",
        )
        for told in channels
    ]
    return Text("\n").join(lines) if lines else Text("nobody", style="dim")


def _nothing(settings: Settings, *, narrowed: bool) -> str:
    if narrowed:
        return "no alert matches; with fewer filters there may be some"
    return "no alert has fired" if settings.alerts else "no alert has fired: the configuration has no rules ([[alerts]])"
