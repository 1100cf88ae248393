"""`otelpond tables`: the documented tables, own ones included, as their `.sql` files say."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from ...storage.events.typed_views import with_event_views
from ...storage.schema import TABLES_FOLDER, TableError, TableSchema, load_tables
from ..catalogue import events_catalogue
from ..errors import CommandError
from ..sources import load


def run(name: str | None, config: Path | None, form: str) -> None:
    """Print every table, or the columns of one.

    Args:
        name: a table, or the view of an event; None lists all tables.
        config: the configuration file, which may name folders of own tables.
        form: table or json.

    Raises:
        CommandError: there is no such table, or an own table's file is wrong.
    """
    settings = load(config)
    known = documented_tables(settings.tables)
    if name is not None:
        known = with_event_views(known, events_catalogue(settings))
    if name is not None and name not in known:
        close = get_close_matches(name, known, n=1)
        hint = f"did you mean {close[0]}?" if close else "`otelpond tables` lists them"
        raise CommandError(f"{name}: no such table; {hint}", exit_code=2)
    if form == "json":
        described = [describe(table) for table in known.values()] if name is None else describe(known[name])
        print(json.dumps(described, indent=2))
    else:
        console = Console(file=sys.stdout, highlight=False, width=None if sys.stdout.isatty() else 200)
        console.print(*([_listing(known)] if name is None else [Text(known[name].comment + "\n"), _columns(known[name])]), sep="\n")


def documented_tables(own_folders: Sequence[Path]) -> dict[str, TableSchema]:
    """Our tables and own ones.

    Raises:
        CommandError: a file breaks a rule; it names the file and the line.
    """
    for folder in own_folders:
        if not folder.is_dir():
            raise CommandError(f"{folder}: no such folder, and the setting `tables` names it", exit_code=2)
    try:
        return load_tables((TABLES_FOLDER, *own_folders))
    except TableError as error:
        raise CommandError(str(error), exit_code=2) from None


def describe(table: TableSchema) -> dict[str, Any]:
    """A table as JSON: its name, comment and columns (name, type, whether NULL is allowed, default, comment)."""
    keys: Mapping[str, str] = {"name": "name", "sql_type": "type", "nullable": "nullable", "default": "default", "comment": "comment"}
    columns = [{key: getattr(column, attribute) for attribute, key in keys.items()} for column in table.columns]
    return {"name": table.name, "comment": table.comment, "columns": columns}


def _listing(tables: Mapping[str, TableSchema]) -> Table:
    grid = Table(box=None, pad_edge=False, header_style="bold")
    for header in ("table", "columns", "what it holds"):
        grid.add_column(header, justify="right" if header == "columns" else "left")
    for table in tables.values():
        grid.add_row(table.name, str(len(table.columns)), Text(table.comment.splitlines()[0]))
    return grid


def _columns(table: TableSchema) -> Table:
    grid = Table(box=None, pad_edge=False, header_style="bold")
    for header in ("column", "type", "comment"):
        grid.add_column(header, overflow="fold")
    for column in table.columns:
        grid.add_row(column.name, column.sql_type + ("" if column.nullable else " not null"), Text(column.comment))
    return grid
