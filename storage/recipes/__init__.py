"""Reads the recipes, statements that answer one question of product, performance or error analytics; handed to the command and the docs.

A `.sql` file of this folder holds one SELECT over documented tables and views. Its opening comment says what it answers and how it defines
what it counts, then which named usages of the catalogue it is for (`-- usages: U-user.login-3, ...`) and which entries of the
project's ledger (`-- ledger: 187, 209-212`). What whoever asks may set stands as `coalesce(getvariable('name'), default)`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

import duckdb

RECIPES_FOLDER: Final = Path(__file__).parent
_USAGE: Final = re.compile(r"U-[a-z_]+(?:\.[a-z_]+)*-[1-9]\d*")
_NUMBERS: Final = re.compile(r"(\d+)(?:-(\d+))?")
_VARIABLE: Final = re.compile(r"getvariable\('(\w+)'\)")
_PARAMETER: Final = re.compile(r"coalesce\(getvariable\('(\w+)'\), ('(?:[^']|'')*'|-?[\d.]+)\)")
_WORD: Final = re.compile(r"\w+")
_IMPURE: Final = re.compile(r"\b(?:now|today|random|get_current_timestamp)\s*\(|\bcurrent_(?:date|time|timestamp)\b", re.IGNORECASE)


class RecipeError(ValueError):
    """A recipe's file breaks a rule; the text names the file and says what was expected."""

    def __init__(self, path: Path, problem: str) -> None:
        super().__init__(f"{path}: {problem}")


class ParameterError(ValueError):
    """A recipe was given a parameter that it does not have; the text names those that it has."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """One question and the statement that answers it.

    Attributes:
        name: the file's name, without `.sql`.
        comment: what it answers and how it defines what it counts; its first line is a sentence of its own.
        usages: ids of the catalogue's named usages, `U-<event name>-<number from 1>`.
        ledger: numbers of the ledger.
        parameters: what may be set, with its default as text.
        sql: the statement, with its comments.
    """

    name: str
    comment: str
    usages: tuple[str, ...]
    ledger: tuple[int, ...]
    parameters: Mapping[str, str]
    sql: str

    @property
    def title(self) -> str:
        """The comment's first line."""
        return self.comment.partition("\n")[0]


def load_recipes(folders: Sequence[Path] = (RECIPES_FOLDER,)) -> dict[str, Recipe]:
    """Every recipe of the folders by name, in order of names.

    Raises:
        RecipeError: a file breaks a rule, or two files have the same name.
    """
    recipes: dict[str, Recipe] = {}
    for path in sorted((path for folder in folders for path in folder.glob("*.sql")), key=lambda path: path.stem):
        if path.stem in recipes:
            raise RecipeError(path, f"there is a recipe {path.stem} already")
        recipes[path.stem] = _read(path)
    return recipes


def _read(path: Path) -> Recipe:
    text = path.read_text(encoding="utf-8")
    comment, keys = _opening(path, text)
    _require_one_select(path, text)
    return Recipe(
        name=path.stem,
        comment=comment,
        usages=_usages(path, keys.get("usages", [])),
        ledger=_ledger(path, keys.get("ledger", [])),
        parameters=_parameters(path, text),
        sql=text.rstrip().removesuffix(";"),
    )


def _opening(path: Path, text: str) -> tuple[str, dict[str, list[str]]]:
    """The opening comment, and the entries of its keys."""
    lines: list[str] = []
    keys: dict[str, list[str]] = {}
    for line in text.splitlines():
        if not line.startswith("--"):
            break
        said = line[2:].strip()
        key, colon, entries = said.partition(":")
        if colon and key in {"usages", "ledger"}:
            keys.setdefault(key, []).extend(entry.strip() for entry in entries.split(",") if entry.strip())
        elif keys:
            raise RecipeError(path, f"expected `usages:` and `ledger:` at the end of the opening comment, and behind them stands: {said}")
        else:
            lines.append(said)
    if not lines or not keys:
        raise RecipeError(path, "expected an opening comment (-- ...): what it answers, then `-- usages: ...` or `-- ledger: ...` or both")
    if not lines[0].endswith("."):
        raise RecipeError(path, "expected a first line that is a sentence of its own: lists show it alone")
    return "\n".join(lines), keys


def _usages(path: Path, entries: Sequence[str]) -> tuple[str, ...]:
    for entry in entries:
        if not _USAGE.fullmatch(entry):
            raise RecipeError(path, f"usages: {entry!r}: expected U-<event name>-<number>, such as U-user.login-3")
    return tuple(entries)


def _ledger(path: Path, entries: Sequence[str]) -> tuple[int, ...]:
    numbers: list[int] = []
    for entry in entries:
        found = _NUMBERS.fullmatch(entry)
        if found is None:
            raise RecipeError(path, f"ledger: {entry!r}: expected a number or a range, such as 209-212")
        numbers += range(int(found[1]), int(found[2] or found[1]) + 1)
    return tuple(numbers)


def _parameters(path: Path, text: str) -> dict[str, str]:
    found = {name: value.strip("'").replace("''", "'") for name, value in _PARAMETER.findall(text)}
    for name in _VARIABLE.findall(text):
        if name not in found:
            raise RecipeError(path, f"{name}: expected coalesce(getvariable('{name}'), a text or number as its default)")
    return found


def _require_one_select(path: Path, text: str) -> None:
    try:
        kinds = [statement.type for statement in duckdb.extract_statements(text)]
    except duckdb.Error as error:
        raise RecipeError(path, str(error).split("\n", maxsplit=1)[0]) from error
    if kinds != [duckdb.StatementType.SELECT]:
        raise RecipeError(path, "expected one SELECT")
    if impure := _IMPURE.search(text):
        raise RecipeError(path, f"{impure[0]}: an answer must follow from the tables alone")


def set_parameters(con: duckdb.DuckDBPyConnection, recipe: Recipe, values: Mapping[str, str]) -> None:
    """Set parameters of a recipe in a connection; those that are not given keep their defaults.

    Raises:
        ParameterError: the recipe has no such parameter.
    """
    for name, value in values.items():
        if name not in recipe.parameters:
            known = ", ".join(recipe.parameters) or "none"
            raise ParameterError(f"{recipe.name} has no parameter {name!r}; its parameters: {known}")
        con.execute(f"set variable {name} = $1", [value])


def narrow(con: duckdb.DuckDBPyConnection, recipe: Recipe, since: date | None, until: date | None) -> None:
    """Let a recipe see only some days of the tables that it reads, both ends included; the connection is one of `query.connect`.

    Args:
        con: its own views, which come before the pond's, will hide them.
        recipe: whatever tables its statement names.
        since: the first UTC day; None for all that were before.
        until: the last UTC day; None for all that come after.
    """
    words = set(_WORD.findall(recipe.sql))
    tables = con.execute(
        "select table_name from duckdb_columns() where database_name = 'pond' and schema_name = 'main' and column_name = 'dt'"
    ).fetchall()
    bounds = f"date '{since or date.min}' and date '{until or date.max}'"
    for name in sorted(name for (name,) in tables if name in words):
        con.execute(f"create view memory.main.{name} as select * from pond.main.{name} where dt between {bounds}")  # noqa: S608 - documented names
