"""The options of `otelpond alerts`; `cli.py` adds the group. The work is in `commands/alerts.py`.

The light install has no DuckDB, so that this module imports typer and nothing else.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from .options import Config, PondOptions
from .shared_options import with_options

app = typer.Typer(
    name="alerts",
    help="What the rules of the configuration found, and whom it was told.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


class Fate(StrEnum):
    """What became of an alert."""

    fired = "fired"
    sent = "sent"
    failed = "failed"
    suppressed = "suppressed"


@app.command("list")
@with_options(PondOptions)
def alerts_list(
    pond: PondOptions,
    rule: Annotated[str | None, typer.Option(help="Of this rule.", metavar="NAME")] = None,
    issue: Annotated[str | None, typer.Option(help="About this issue: its id, or the beginning.", metavar="ISSUE")] = None,
    status: Annotated[Fate | None, typer.Option(help="What became of it last.", metavar="fired|sent|failed|suppressed")] = None,
    limit: Annotated[int, typer.Option(help="How many at most.", min=1, metavar="N")] = 25,
) -> None:
    """Show alerts, the newest first, and which channels have them. A running collector is asked to publish first."""
    from .commands import alerts as command

    command.list_all(
        pond.config,
        pond.settings,
        pond.tenant,
        pond.format.value,
        rule=rule,
        issue=issue,
        status=None if status is None else status.value,
        limit=limit,
    )


@app.command("test")
def alerts_test(
    channel: Annotated[str, typer.Argument(help="The name of a [[notify]] of the configuration.", metavar="CHANNEL")],
    config: Config = None,
) -> None:
    """Send a message to a channel now, past its quiet hours and cap, and say what came of it. No collector is needed."""
    from .commands import alerts as command

    command.test(channel, config)
