"""`otelpond recipes`: the statements that answer one question each; lists them, shows one, asks one of a pond."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from datetime import date
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import duckdb
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ...storage.query import PondNotFoundError, connect
from ...storage.recipes import ParameterError, Recipe, load_recipes, narrow, set_parameters
from ..errors import CommandError
from ..sources import load
from .freshness import publish
from .rows import PRINTERS, Rows
from .tenant import pond_of


def list_all(word: str | None, form: str) -> None:
    """Print recipes with what they answer.

    Args:
        word: what the name, the definitions or the usages of a recipe must contain, in any case; None for every recipe.
        form: table or json.

    Raises:
        CommandError: no recipe contains it.
    """
    recipes = [recipe for recipe in load_recipes().values() if word is None or _is_about(recipe, word)]
    if not recipes:
        raise CommandError(f"{word}: no recipe says that; `otelpond recipes list` lists them all", exit_code=2)
    if form == "json":
        print(json.dumps([describe(recipe) for recipe in recipes], indent=2))
        return
    grid = Table(box=None, pad_edge=False, header_style="bold")
    for header in ("recipe", "what it answers"):
        grid.add_column(header)
    for recipe in recipes:
        grid.add_row(recipe.name, Text(recipe.title))
    Console(file=sys.stdout, highlight=False, width=None if sys.stdout.isatty() else 200).print(grid)


def show(name: str) -> None:
    """Print a recipe's statement, which can be pasted wherever the pond is open.

    Raises:
        CommandError: there is no such recipe.
    """
    print(_recipe(name).sql)


def run(
    name: str,
    config: Path | None,
    options: Mapping[str, Any],
    tenant: str,
    form: str,
    *,
    days: tuple[str | None, str | None] = (None, None),
    timezone: str = "UTC",
    settings: Sequence[str] = (),
) -> None:
    """Print a recipe's answer.

    Args:
        name: of the recipe.
        config: the configuration file.
        options: settings given on the command line.
        tenant: whose pond is asked.
        form: table, json or csv.
        days: the first and the last UTC day to be looked at, YYYY-MM-DD; None where there is no end.
        timezone: in which days and hours are told, such as Europe/Berlin.
        settings: parameters of the recipe, each `name=value`.

    Raises:
        CommandError: there is no such recipe, pond or parameter, or a value is not usable.
    """
    recipe = _recipe(name)
    since, until = (_day(option, text) for option, text in zip(("--since", "--until"), days, strict=True))
    values = dict(_setting(text) for text in settings)
    data = load(config, options).data
    pond = pond_of(data, tenant)
    publish(data, tenant)
    try:
        with connect(pond) as connection:
            connection.execute("set timezone = $1", [timezone])
            set_parameters(connection, recipe, values)
            narrow(connection, recipe, since, until)
            connection.execute(recipe.sql)
            PRINTERS[form](Rows(connection), sys.stdout)
    except ParameterError as error:
        raise CommandError(f"--set: {error}", exit_code=2) from None
    except PondNotFoundError as error:
        raise CommandError(str(error)) from None
    except duckdb.Error as error:
        raise CommandError(f"{name}: {str(error).strip()}") from None


def describe(recipe: Recipe) -> dict[str, Any]:
    """A recipe as JSON: its name, comment, the usages that it answers, its parameters with their defaults, and its statement."""
    return {
        "name": recipe.name,
        "comment": recipe.comment,
        "usages": recipe.usages,
        "parameters": recipe.parameters,
        "sql": recipe.sql,
    }


def _is_about(recipe: Recipe, word: str) -> bool:
    return word.lower() in " ".join([recipe.name, recipe.comment, *recipe.usages]).lower()


def _recipe(name: str) -> Recipe:
    recipes = load_recipes()
    if name not in recipes:
        close = get_close_matches(name, recipes, n=1)
        hint = f"did you mean {close[0]}?" if close else "`otelpond recipes list` lists them"
        raise CommandError(f"{name}: no such recipe; {hint}", exit_code=2)
    return recipes[name]


def _day(option: str, text: str | None) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise CommandError(f"{option}: expected a day such as 2026-03-01, got {text!r}", exit_code=2) from None


def _setting(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise CommandError(f"--set: expected NAME=VALUE, got {text!r}", exit_code=2)
    return name, value
