"""The `otelpond` command: its options, and how it fails. The work is in `commands/`, imported only by the command that needs it.

The light install has no DuckDB, no pydantic-settings and no server, so that these modules import typer and nothing else.
"""

from __future__ import annotations

import os
import sys
import traceback
from enum import StrEnum
from importlib.metadata import version as installed_version
from pathlib import Path
from typing import Annotated

import typer

from . import alerts_cli, issues_cli
from .errors import CommandError
from .options import Config, Data, Format, SchemaFormat, Tenant

app = typer.Typer(
    name="otelpond",
    help="OpenTelemetry in; documented APM and crash tables in Delta Lake out; SQL on top.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


class RoleName(StrEnum):
    """What the bearer of a token may do."""

    ingest = "ingest"
    viewer = "viewer"
    analyst = "analyst"
    admin = "admin"


Grpc = Annotated[str | None, typer.Option(help="Where OTLP/gRPC listens. [default: 127.0.0.1:4317]", metavar="HOST:PORT")]
Http = Annotated[str | None, typer.Option(help="Where OTLP/HTTP listens. [default: 127.0.0.1:4318]", metavar="HOST:PORT")]
Admin = Annotated[str | None, typer.Option(help="Where health and metrics are answered. [default: 127.0.0.1:13133]", metavar="HOST:PORT")]
Workers = Annotated[int | None, typer.Option(help="Processes that receive. [default: 1]", min=1, metavar="N")]
Insecure = Annotated[bool, typer.Option("--insecure", help="Allow listening beyond this machine, although nobody has to show a token.")]


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(installed_version("otelpond"))
        raise typer.Exit


@app.callback()
def otelpond(
    version: Annotated[bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")] = False,
) -> None:
    """OpenTelemetry in; documented APM and crash tables in Delta Lake out; SQL on top."""


@app.command()
def serve(
    data: Data = None,
    config: Config = None,
    grpc: Grpc = None,
    http: Http = None,
    admin: Admin = None,
    workers: Workers = None,
    insecure: Insecure = False,
) -> None:
    """Receive OTLP and keep the tables, until Ctrl-C or SIGTERM."""
    from .commands import serve as command

    command.run(config, {"data": data, "grpc": grpc, "http": http, "admin": admin, "workers": workers, "insecure": insecure or None})


@app.command()
def sql(
    statement: Annotated[str, typer.Argument(help="What to ask; - reads it from standard input.", metavar="STATEMENT")],
    data: Data = None,
    config: Config = None,
    tenant: Tenant = "default",
    format: Annotated[Format, typer.Option("--format", "-f", help="How rows are printed.", metavar="table|json|csv")] = Format.table,  # noqa: A002 - the option's name
) -> None:
    """Ask the tables. A collector that runs on the same directory is asked to publish first."""
    from .commands import sql as command

    command.run(statement, config, {"data": data}, tenant, format.value)


@app.command()
def tables(
    name: Annotated[str | None, typer.Argument(help="One table, with its columns.", metavar="NAME")] = None,
    config: Config = None,
    format: Annotated[SchemaFormat, typer.Option("--format", "-f", help="How it is printed.", metavar="table|json")] = SchemaFormat.table,  # noqa: A002
) -> None:
    """Show the documented tables, or the columns of one."""
    from .commands import tables as command

    command.run(name, config, format.value)


@app.command("import")
def import_files(
    files: Annotated[list[Path], typer.Argument(help="OTLP JSON lines or length-prefixed protobuf, also .gz and .zst.", metavar="FILE...")],
    data: Data = None,
    config: Config = None,
    tenant: Tenant = "default",
) -> None:
    """Store OTLP files. May be ended and started again; a file that is in the pond already is not stored twice."""
    from .commands import import_files as command

    command.run(files, config, {"data": data}, tenant)


@app.command(context_settings={"allow_interspersed_args": False})
def run(
    command: Annotated[list[str], typer.Argument(help="The service's own command, any that runs Python.", metavar="-- COMMAND...")],
    service: Annotated[str | None, typer.Option(help="The service's name. [default: made from the command]", metavar="NAME")] = None,
    endpoint: Annotated[
        str | None, typer.Option(help="The collector's OTLP/HTTP listener. [default: http://localhost:4318]", metavar="URL")
    ] = None,
) -> None:
    """Run a service, instrumented, with nothing changed in its code: requests, queries, server health, errors and crashes."""
    from .commands import run as runner

    runner.run(command, service, endpoint)


@app.command()
def demo(
    seconds: Annotated[float | None, typer.Option(help="End after this long. [default: at Ctrl-C]", min=1, metavar="N")] = None,
    data: Annotated[Path, typer.Option(help="Where the demo's pond stays.", metavar="DIR")] = Path("pond-demo"),
) -> None:
    """Run a sample shop and show what arrives. A collector, a shop with a few things wrong, its customers; the pond stays."""
    from .commands import demo as command

    command.run(seconds, data)


@app.command()
def check(config: Config = None) -> None:
    """Check the configuration and print it. Own tables, events and rules are checked too; secrets are masked."""
    from .commands import check as command

    command.run(config)


token_app = typer.Typer(
    name="token", help="Make, list, limit and revoke the tokens of a pond.", no_args_is_help=True, rich_markup_mode=None
)
app.add_typer(token_app)

ItemsPerS = Annotated[
    float | None, typer.Option(help="Items a second that may be sent with it. [default: no limit]", min=1e-3, metavar="N")
]
BytesPerS = Annotated[float | None, typer.Option(help="Bytes a second (protobuf, uncompressed). [default: no limit]", min=1, metavar="N")]
TokenId = Annotated[str, typer.Argument(help="The id that `otelpond token list` shows.", metavar="ID")]


@token_app.command("create")
def token_create(
    tenant: Annotated[str, typer.Option(help="Whose rows its payloads become.", metavar="NAME")],
    role: Annotated[RoleName, typer.Option(help="What its bearer may do.", metavar="ingest|viewer|analyst|admin")],
    expires: Annotated[str | None, typer.Option(help="12h, 90d, 52w, or a date. [default: never]", metavar="WHEN")] = None,
    items_per_s: ItemsPerS = None,
    bytes_per_s: BytesPerS = None,
    note: Annotated[str, typer.Option(help="What it is for.", metavar="TEXT")] = "",
    data: Data = None,
    config: Config = None,
) -> None:
    """Make a token and print it, this once. Only a hash of it is kept; the first one of a pond ends sending without."""
    from ..storage.access.rate_limits import Rate
    from .commands import token as command

    rate = Rate(items_per_s, bytes_per_s)
    command.create(config, {"data": data}, tenant=tenant, role=role.value, expires=expires, rate=rate, note=note)


@token_app.command("list")
def token_list(
    format: Annotated[SchemaFormat, typer.Option("--format", "-f", help="How it is printed.", metavar="table|json")] = SchemaFormat.table,  # noqa: A002
    data: Data = None,
    config: Config = None,
) -> None:
    """Show the tokens of a pond: ids, tenants, roles, whether they are valid. A token itself cannot be shown again."""
    from .commands import token as command

    command.listing(config, {"data": data}, format.value)


@token_app.command("limit")
def token_limit(
    name: TokenId, items_per_s: ItemsPerS = None, bytes_per_s: BytesPerS = None, data: Data = None, config: Config = None
) -> None:
    """Agree on another rate with a token. What is not given is not limited."""
    from ..storage.access.rate_limits import Rate
    from .commands import token as command

    command.limit(config, {"data": data}, name, Rate(items_per_s, bytes_per_s))


@token_app.command("revoke")
def token_revoke(name: TokenId, data: Data = None, config: Config = None) -> None:
    """Have a token refused from now on. A running collector heeds it within a second."""
    from .commands import token as command

    command.revoke(config, {"data": data}, name)


@app.command()
def warm() -> None:
    """Compile the decoders now, for images. The first start does not have to then."""
    from .commands import warm as command

    command.run()


rejected_app = typer.Typer(
    name="rejected", help="See what was received and not stored, and why; store it again.", no_args_is_help=True, rich_markup_mode=None
)
app.add_typer(rejected_app)


@rejected_app.command("list")
def rejected_list(
    data: Data = None,
    config: Config = None,
    tenant: Tenant = "default",
    format: Annotated[SchemaFormat, typer.Option("--format", "-f", help="How it is printed.", metavar="table|json")] = SchemaFormat.table,  # noqa: A002
) -> None:
    """Count what was rejected, by table and reason. What was replayed is left out."""
    from .commands import rejected as command

    command.list_all(config, {"data": data}, tenant, format.value)


@rejected_app.command("show")
def rejected_show(
    record: Annotated[str, typer.Argument(help="The id of a rejected record, or the digest of its payload.", metavar="ID")],
    data: Data = None,
    config: Config = None,
    tenant: Tenant = "default",
    format: Annotated[SchemaFormat, typer.Option("--format", "-f", help="How it is printed.", metavar="table|json")] = SchemaFormat.table,  # noqa: A002
) -> None:
    """Show one rejected record with its content. It is what somebody sent: mind who looks over your shoulder."""
    from .commands import rejected as command

    command.show(record, config, {"data": data}, tenant, format.value)


@rejected_app.command("replay")
def rejected_replay(
    records: Annotated[list[str] | None, typer.Argument(help="Ids of records, or digests of payloads.", metavar="[ID...]")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Everything that holds what a replay takes.")] = False,
    data: Data = None,
    config: Config = None,
    tenant: Tenant = "default",
) -> None:
    """Store rejected records again, once, when what rejected them is mended. May run beside a collector, and may be ended at any time."""
    from .commands import rejected as command

    command.replay(records or [], config, {"data": data}, tenant, everything=everything)


app.add_typer(issues_cli.app)
app.add_typer(alerts_cli.app)


sourcemaps_app = typer.Typer(
    name="sourcemaps",
    help="The source maps of releases: minified JavaScript stacks become stacks of the sources.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
app.add_typer(sourcemaps_app)

MapRelease = Annotated[str, typer.Option(help="What the service reports as service.version.", metavar="RELEASE")]


@sourcemaps_app.command("upload")
def sourcemaps_upload(
    paths: Annotated[list[Path], typer.Argument(help="A build's folder, or its files: *.js, and their *.map.", metavar="FILE|FOLDER...")],
    release: MapRelease,
    service: Annotated[str, typer.Option(help="Whose they are. [default: any service's of that release]", metavar="NAME")] = "",
    url_prefix: Annotated[
        str, typer.Option(help="Where they are served, where files of one name lie in several folders.", metavar="PREFIX")
    ] = "~/",
    data: Data = None,
    config: Config = None,
    tenant: Tenant = "default",
) -> None:
    """Keep the source maps of a build. Stacks that its release reports are resolved from now on, and those that are stored already."""
    from .commands import sourcemaps as command

    command.upload(paths, config, {"data": data}, tenant, release=release, service=service, prefix=url_prefix)


@sourcemaps_app.command("list")
def sourcemaps_list(
    release: Annotated[str | None, typer.Option(help="Only those of this release.", metavar="RELEASE")] = None,
    data: Data = None,
    config: Config = None,
    tenant: Tenant = "default",
    format: Annotated[SchemaFormat, typer.Option("--format", "-f", help="How it is printed.", metavar="table|json")] = SchemaFormat.table,  # noqa: A002
) -> None:
    """Show the source maps that are kept: of which release and service, and what each of them tells.

    A file finds its map by release and name; a debug id is shown where the bundler has given one.
    """
    from .commands import sourcemaps as command

    command.list_all(config, {"data": data}, tenant, release, format.value)


@sourcemaps_app.command("delete")
def sourcemaps_delete(
    release: MapRelease,
    names: Annotated[list[str] | None, typer.Argument(help="Only these, such as ~/assets/main.js.", metavar="[NAME...]")] = None,
    service: Annotated[str | None, typer.Option(help="Only those uploaded for this service.", metavar="NAME")] = None,
    data: Data = None,
    config: Config = None,
    tenant: Tenant = "default",
) -> None:
    """Delete source maps of a release. What they have resolved stays resolved."""
    from .commands import sourcemaps as command

    command.delete(config, {"data": data}, tenant, release=release, service=service, names=names or [])


recipes_app = typer.Typer(
    name="recipes",
    help="Statements that answer one question each: active users, funnels, costs.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
app.add_typer(recipes_app)

RecipeName = Annotated[str, typer.Argument(help="The name that `otelpond recipes list` shows.", metavar="NAME")]


@recipes_app.command("list")
def recipes_list(
    word: Annotated[str | None, typer.Argument(help="Only those that say this: `retention`, `U-user.login-3`.", metavar="WORD")] = None,
    format: Annotated[SchemaFormat, typer.Option("--format", "-f", help="How it is printed.", metavar="table|json")] = SchemaFormat.table,  # noqa: A002
) -> None:
    """Show recipes with what they answer. As JSON also with their definitions and statements."""
    from .commands import recipes as command

    command.list_all(word, format.value)


@recipes_app.command("show")
def recipes_show(name: RecipeName) -> None:
    """Print a recipe's statement, which can be changed and pasted. Its opening comment defines what it counts."""
    from .commands import recipes as command

    command.show(name)


@recipes_app.command("run")
def recipes_run(
    name: RecipeName,
    since: Annotated[str | None, typer.Option(help="The first day (UTC) to be looked at. [default: all]", metavar="DATE")] = None,
    until: Annotated[str | None, typer.Option(help="The last day (UTC) to be looked at. [default: all]", metavar="DATE")] = None,
    timezone: Annotated[str, typer.Option(help="In which days and hours are told.", metavar="NAME")] = "UTC",
    settings: Annotated[
        list[str] | None, typer.Option("--set", help="A parameter of the recipe; may be repeated.", metavar="NAME=VALUE")
    ] = None,
    data: Data = None,
    config: Config = None,
    tenant: Tenant = "default",
    format: Annotated[Format, typer.Option("--format", "-f", help="How rows are printed.", metavar="table|json|csv")] = Format.table,  # noqa: A002
) -> None:
    """Ask a recipe of the pond. A collector that runs on the same directory is asked to publish first."""
    from .commands import recipes as command

    days = (since, until)
    command.run(name, config, {"data": data}, tenant, format.value, days=days, timezone=timezone, settings=settings or [])


events_app = typer.Typer(
    name="events",
    help="The events catalogue: what events are called and hold.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
app.add_typer(events_app)


@events_app.command("list")
def events_list(
    config: Config = None,
    format: Annotated[SchemaFormat, typer.Option("--format", "-f", help="How it is printed.", metavar="table|json")] = SchemaFormat.table,  # noqa: A002
) -> None:
    """Show every event, own ones included. As JSON with all that is declared."""
    from .commands import events as command

    command.list_all(config, format.value)


@events_app.command("show")
def events_show(
    name: Annotated[str, typer.Argument(help="The name that `otelpond events list` shows.", metavar="NAME")],
    config: Config = None,
    format: Annotated[SchemaFormat, typer.Option("--format", "-f", help="How it is printed.", metavar="table|json")] = SchemaFormat.table,  # noqa: A002
) -> None:
    """Show an event's properties, base fields and usages. As JSON: its JSON Schema."""
    from .commands import events as command

    command.show(name, config, format.value)


@events_app.command("validate")
def events_validate(
    files: Annotated[
        list[Path],
        typer.Argument(help="Events as JSON (.jsonl: one a line), or declarations: .toml files, folders of them.", metavar="FILE..."),
    ],
    against: Annotated[
        Path | None, typer.Option(help="The declarations as they were: what changed needs its version.", metavar="FILE|FOLDER")
    ] = None,
    config: Config = None,
) -> None:
    """Check events by the catalogue, or declarations by its rules. What is wrong is said a line each, and the end is 1."""
    from .commands import events as command

    command.validate(files, against, config)


@events_app.command("docs")
def events_docs(config: Config = None) -> None:
    """Print the catalogue as Markdown, own events included."""
    from .commands import events as command

    command.docs(config)


def main() -> None:
    """Run the command; every failure is one line on standard error, and 2 where the request itself was wrong."""
    try:
        app()
    except CommandError as error:
        _fail(str(error), error.exit_code)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # the reader went away: nothing is left to say
        sys.exit(1)
    except Exception as error:  # noqa: BLE001 - a traceback is for whoever asks for it
        if os.environ.get("OTELPOND_TRACEBACK"):
            traceback.print_exc()
        _fail(_explain(error), 1)


def _explain(error: Exception) -> str:
    if isinstance(error, ModuleNotFoundError) and error.name and not error.name.startswith("otelpond"):
        extra = "demo" if "demo" in sys.argv[1:2] else "collector"
        return f"this command needs more than is installed here (no {error.name.split('.')[0]}): pip install 'otelpond[{extra}]'"
    if type(error).__module__.startswith("otelpond."):
        return str(error)  # errors that have names of ours say what the user needs
    if isinstance(error, OSError) and error.filename:
        return f"{error.filename}: {error.strerror}"
    return f"a fault of otelpond: {type(error).__name__}: {error}; with OTELPOND_TRACEBACK=1 it says where, for a report"


def _fail(text: str, exit_code: int) -> None:
    for line in text.splitlines():
        typer.echo(f"otelpond: {line}", err=True)
    sys.exit(exit_code)


if __name__ == "__main__":
    main()
