"""The options of `otelpond issues`; `cli.py` adds the group. The work is in `commands/issues.py` and `commands/issue_activity.py`.

The light install has no DuckDB, so that this module imports typer and nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from .options import Config, Data, Form, PondOptions, SchemaFormat, Tenant
from .shared_options import with_options

if TYPE_CHECKING:
    from .commands.issue_deeds import Request

app = typer.Typer(
    name="issues",
    help="Errors that are alike: list them, look at one, say what is done about it.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


class Status(StrEnum):
    """How an issue stands."""

    unresolved = "unresolved"
    open = "open"
    reopened = "reopened"
    resolved = "resolved"
    ignored = "ignored"
    all = "all"


class Order(StrEnum):
    """What comes first in a list."""

    last_seen = "last-seen"
    first_seen = "first-seen"
    events = "events"
    users = "users"


class Level(StrEnum):
    """How grave an error is."""

    fatal = "fatal"
    error = "error"
    warning = "warning"


Issue = Annotated[str, typer.Argument(help="An issue's id or its beginning, as `otelpond issues list` shows it.", metavar="ISSUE")]
Issues = Annotated[
    list[str], typer.Argument(help="Ids of issues or their beginnings, as `otelpond issues list` shows them.", metavar="ISSUE...")
]
Actor = Annotated[str | None, typer.Option(help="Who does it. [default: $USER]", metavar="NAME")]
Comment = Annotated[str | None, typer.Option("--comment", "-m", help="What to say of it.", metavar="TEXT")]


@dataclass(frozen=True, slots=True)
class ActivityOptions:
    """Who does something about issues of which pond, and says what of it."""

    actor: Actor = None
    comment: Comment = None
    data: Data = None
    config: Config = None
    tenant: Tenant = "default"
    format: Form = SchemaFormat.table


@dataclass(frozen=True, slots=True)
class CommentOptions:
    """The same, where what is said is all there is."""

    actor: Actor = None
    data: Data = None
    config: Config = None
    tenant: Tenant = "default"
    format: Form = SchemaFormat.table


@app.command("list")
@with_options(PondOptions)
def issues_list(
    pond: PondOptions,
    status: Annotated[
        Status, typer.Option(help="How they stand. [default: unresolved]", metavar="unresolved|open|reopened|resolved|ignored|all")
    ] = Status.unresolved,
    service: Annotated[str | None, typer.Option(help="Of this service.", metavar="NAME")] = None,
    release: Annotated[str | None, typer.Option(help="Seen in this release.", metavar="RELEASE")] = None,
    environment: Annotated[str | None, typer.Option(help="Seen in this environment.", metavar="NAME")] = None,
    level: Annotated[Level | None, typer.Option(help="So grave.", metavar="fatal|error|warning")] = None,
    assignee: Annotated[str | None, typer.Option(help="That this person sees to.", metavar="NAME")] = None,
    query: Annotated[str | None, typer.Option("--query", "-q", help="With this in title, culprit or type.", metavar="TEXT")] = None,
    sort: Annotated[
        Order, typer.Option(help="What comes first. [default: last-seen]", metavar="last-seen|first-seen|events|users")
    ] = Order.last_seen,
    limit: Annotated[int, typer.Option(help="How many at most.", min=1, metavar="N")] = 25,
) -> None:
    """Show issues, those that wait for somebody first of all. A collector that runs on the same directory is asked to publish first."""
    from ..storage.issue_details import Filters, Sort
    from .commands import issues as command

    filters = Filters(service=service, release=release, environment=environment, level=level and level.value, assignee=assignee, text=query)
    command.list_all(
        pond.config, pond.settings, pond.tenant, pond.format.value, status=status.value, filters=filters, sort=Sort(sort.value), limit=limit
    )


@app.command("show")
@with_options(PondOptions)
def issues_show(
    pond: PondOptions,
    issue: Issue,
    full: Annotated[bool, typer.Option("--full", help="Every frame, breadcrumb and span.")] = False,
) -> None:
    """Show an issue: its latest event with stack, breadcrumbs and trace, whom it hurts, and what was done about it."""
    from .commands import issues as command

    command.show(issue, pond.config, pond.settings, pond.tenant, pond.format.value, full=full)


@app.command("explain")
@with_options(PondOptions)
def issues_explain(
    pond: PondOptions,
    issue: Issue,
) -> None:
    """Show why events are one issue: what their fingerprint is made of."""
    from .commands import issues as command

    command.explain(issue, pond.config, pond.settings, pond.tenant, pond.format.value)


@app.command("resolve")
@with_options(ActivityOptions)
def issues_resolve(
    options: ActivityOptions,
    issues: Issues,
    in_release: Annotated[
        str | None, typer.Option(help="The release that mends it; older ones may still report it.", metavar="RELEASE")
    ] = None,
    in_next_release: Annotated[bool, typer.Option("--in-next-release", help="What comes after the newest release mends it.")] = False,
) -> None:
    """Say that issues are mended. Where one comes back, it is a regression."""
    from .commands import issue_activity as command

    command.resolve(_request(issues, options, options.comment), in_release, in_next_release=in_next_release)


@app.command("ignore")
@with_options(ActivityOptions)
def issues_ignore(
    options: ActivityOptions,
    issues: Issues,
    until: Annotated[str | None, typer.Option(help="12h, 90d, 52w, or a date.", metavar="WHEN")] = None,
    events: Annotated[int | None, typer.Option(help="Until it was seen so many more times.", min=1, metavar="N")] = None,
    users: Annotated[int | None, typer.Option(help="Until so many users have met it from now on.", min=1, metavar="N")] = None,
) -> None:
    """Let issues rest, for ever or until the first of what is given."""
    from .commands import issue_activity as command

    command.ignore(_request(issues, options, options.comment), until, events, users)


@app.command("reopen")
@with_options(ActivityOptions)
def issues_reopen(
    options: ActivityOptions,
    issues: Issues,
) -> None:
    """Take back that issues are resolved or ignored."""
    from .commands import issue_activity as command

    command.reopen(_request(issues, options, options.comment))


@app.command("assign")
@with_options(ActivityOptions)
def issues_assign(
    options: ActivityOptions,
    issues: Issues,
    to: Annotated[str | None, typer.Option(help="Who. [default: nobody]", metavar="NAME")] = None,
) -> None:
    """Say who sees to issues."""
    from .commands import issue_activity as command

    command.assign(_request(issues, options, options.comment), to or None)


@app.command("merge")
@with_options(ActivityOptions)
def issues_merge(
    options: ActivityOptions,
    issues: Issues,
    into: Annotated[str, typer.Option(help="The issue that they become part of.", metavar="ISSUE")],
) -> None:
    """Make issues one: their events, past and to come, count for another."""
    from .commands import issue_activity as command

    command.merge(_request(issues, options, options.comment), into)


@app.command("split")
@with_options(ActivityOptions)
def issues_split(
    options: ActivityOptions,
    issue: Issue,
    fingerprints: Annotated[
        list[str],
        typer.Argument(help="Fingerprints or their beginnings, as `otelpond issues explain` shows them.", metavar="FINGERPRINT..."),
    ],
) -> None:
    """Take fingerprints out of an issue: each is an issue of its own again."""
    from .commands import issue_activity as command

    command.split(_request([issue], options, options.comment), fingerprints)


@app.command("comment")
@with_options(CommentOptions)
def issues_comment(
    options: CommentOptions,
    issue: Issue,
    text: Annotated[str, typer.Argument(help="What to say of it.", metavar="TEXT")],
) -> None:
    """Say something about an issue."""
    from .commands import issue_activity as command

    command.comment(_request([issue], options, text))


def _request(issues: Sequence[str], options: CommentOptions | ActivityOptions, comment: str | None) -> Request:
    from .commands.issue_deeds import Request

    pond = {"data": options.data}
    return Request(issues, options.config, pond, options.tenant, options.actor, comment, options.format.value)
