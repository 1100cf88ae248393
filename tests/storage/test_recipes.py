"""Every recipe gives what was computed by hand: rows of documented tables in, rows out.

A case is `tests/recipes/<recipe>/<case>.json`: `tables` (of each the header, then rows; what is not said has its default), `expected`
(the header, then rows in order) and, where a recipe is to be asked otherwise, `parameters` and `timezone`.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import duckdb
import pytest
from otelpond.storage.events.catalogue import load_catalogue
from otelpond.storage.query import views_of
from otelpond.storage.recipes import ParameterError, RecipeError, load_recipes, narrow, set_parameters
from otelpond.storage.schema import create_macros, load_tables

CASES: Final = Path(__file__).parent.parent / "recipes"
RECIPES: Final = load_recipes()
TABLES: Final = load_tables()
FILLED: Final = {
    "tenant_id": "'default'",
    "organization_id": "'default'",
    "service_name": "'app'",
    "environment": "'production'",
    "time_suspect": "false",
    "is_known": "true",
    "is_bot": "false",
    "sample_rate": "1",
    "event_type": "'user.engagement'",
}
"""What columns of any table hold where a case does not say it and the DDL has no default."""


@pytest.fixture(scope="module")
def pond() -> Iterator[duckdb.DuckDBPyConnection]:
    """The documented tables as plain and empty ones, whatever they are made of, and the views beside them."""
    with duckdb.connect() as con:
        con.execute("set threads = 1")
        create_macros(con)
        for table in TABLES.values():
            columns = ", ".join(
                f'"{column.name}" {column.sql_type} default {column.default or FILLED.get(column.name, "null")}' for column in table.columns
            )
            con.execute(f"create table {table.name} ({columns})")
        for name in TABLES:
            con.execute(f"create view {name}_files as select * from {name}")
        views = {name: select for name, select in views_of(TABLES) if name not in TABLES and not name.endswith("_files")}
        for name in _needed(views):
            con.execute(f"create view {name} as {views[name]}")
        yield con


def _needed(views: Mapping[str, str]) -> list[str]:
    """The views that recipes read, and those that these read, each after what it reads itself."""
    found: set[str] = set()
    reading = [recipe.sql for recipe in RECIPES.values()]
    for text in reading:  # grows while it is walked
        names = set(re.findall(r"\w+", text)) & views.keys() - found
        found |= names
        reading += [views[name] for name in sorted(names)]
    return [name for name in views if name in found]


@pytest.fixture(autouse=True)
def _fresh(pond: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Nothing stays in the tables, or set."""
    pond.execute("begin")
    pond.execute("set timezone = 'UTC'")
    yield
    pond.execute("rollback")
    for (name,) in pond.execute("select name from duckdb_variables()").fetchall():
        pond.execute(f"reset variable {name}")


def _insert(con: duckdb.DuckDBPyConnection, table: str, rows: Sequence[Sequence[Any]]) -> None:
    header, *values = rows
    plain = [[json.dumps(value) if isinstance(value, dict) else value for value in row] for row in values]
    con.executemany(f"insert into {table} ({', '.join(header)}) values ({', '.join('?' * len(header))})", plain)


def _answer(con: duckdb.DuckDBPyConnection, sql: str) -> list[list[Any]]:
    """The header, then the rows as JSON would have them."""
    found = con.execute(sql)
    description = found.description or []
    json_columns = [str(column[1]) == "JSON" for column in description]
    rows = [[_plain(value, parsed) for value, parsed in zip(row, json_columns, strict=True)] for row in found.fetchall()]
    return [[column[0] for column in description], *rows]


def _plain(value: object, parsed: bool = False) -> object:
    match value:
        case datetime():
            return value.isoformat().replace("+00:00", "Z")
        case date() | UUID():
            return str(value)
        case Decimal():
            return float(value)
        case list() | tuple():
            return [_plain(item) for item in value]
        case str() if parsed:
            return json.loads(value)
        case _:
            return value


@pytest.mark.parametrize("case", [f"{path.parent.name}/{path.stem}" for path in sorted(CASES.glob("*/*.json"))])
def test_case_gives_the_expected_answer(case: str, pond: duckdb.DuckDBPyConnection) -> None:
    """The very rows, in order."""
    recipe = RECIPES[case.partition("/")[0]]
    said = json.loads((CASES / f"{case}.json").read_text())
    pond.execute(f"set timezone = '{said.get('timezone', 'UTC')}'")
    for table, rows in said["tables"].items():
        _insert(pond, table, rows)
    set_parameters(pond, recipe, said.get("parameters", {}))
    assert said["expected"] == _answer(pond, recipe.sql)


def test_every_recipe_has_a_case() -> None:
    """And every case a recipe."""
    assert (
        set(RECIPES) == {path.parent.name for path in CASES.glob("*/case.json")} == {path.name for path in CASES.iterdir() if path.is_dir()}
    )


def test_every_key_metric_has_a_recipe() -> None:
    """What the documents ask to be measured: of forms and pages, roles and times, engagement, features, performance, errors."""
    answered = {number for recipe in RECIPES.values() for number in recipe.ledger}
    assert set() == {*range(20, 30), *range(34, 55), *range(56, 67), *range(187, 213)} - answered


def test_every_named_usage_has_a_recipe() -> None:
    """Of every event of the catalogue; and no recipe names a usage that is none."""
    named = {f"U-{event.name}-{number}" for event in load_catalogue().events.values() for number, _ in enumerate(event.usages, 1)}
    assert 118 == len(named)
    assert named == {usage for recipe in RECIPES.values() for usage in recipe.usages}


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_answers_where_nothing_has_arrived_yet(name: str, pond: duckdb.DuckDBPyConnection) -> None:
    """Empty tables are no error, and nothing is divided by nothing."""
    _, *rows = _answer(pond, RECIPES[name].sql)
    assert [] == [row for row in rows for value in row if isinstance(value, float) and not math.isfinite(value)]


@pytest.fixture(scope="module")
def new_pond() -> Iterator[duckdb.DuckDBPyConnection]:
    """The views of a pond, over empty tables instead of files."""
    with duckdb.connect() as con:
        create_macros(con)
        con.execute("create schema files")
        for name, table in TABLES.items():
            con.register("empty", table.arrow.empty_table())
            con.execute(f"create table files.{name} as select * from empty")
        con.execute("create view files.events_open as select * from files.events")
        for name, select in views_of(TABLES):
            con.execute(f"create view {name} as {select}")
        yield con


@pytest.mark.parametrize("name", RECIPES)
def test_a_pond_has_every_column_that_a_recipe_reads(name: str, new_pond: duckdb.DuckDBPyConnection) -> None:
    """Its views may show other columns than a table's DDL."""
    new_pond.sql(RECIPES[name].sql)


@pytest.fixture
def written(tmp_path: Path) -> Callable[..., Path]:
    """Writes files into a folder and gives it."""

    def write(**files: str) -> Path:
        for name, text in files.items():
            (tmp_path / f"{name}.sql").write_text(text)
        return tmp_path

    return write


def test_a_file_is_taken_apart(written: Callable[..., Path]) -> None:
    """Comment, usages, ledger, parameters, statement."""
    text = "-- How many.\n-- Of all.\n-- usages: U-user.login-3, U-x.y_z-1\n-- ledger: 187, 190-192\n"
    sql = "select coalesce(getvariable('top'), 10), coalesce(getvariable('zone'), 'it''s'), coalesce(getvariable('top'), 10)"
    recipe = load_recipes([written(many=f"{text}{sql};\n")])["many"]
    assert ("many", "How many.", "How many.\nOf all.") == (recipe.name, recipe.title, recipe.comment)
    assert ("U-user.login-3", "U-x.y_z-1") == recipe.usages
    assert (187, 190, 191, 192) == recipe.ledger
    assert {"top": "10", "zone": "it's"} == recipe.parameters
    assert text + sql == recipe.sql


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("select 1", "expected an opening comment"),
        ("-- One.\nselect 1", "expected an opening comment"),
        ("-- One, two,\n-- three.\n-- ledger: 1\nselect 1", "expected a first line that is a sentence of its own"),
        ("-- ledger: 1\n-- One.\nselect 1", "behind them stands: One."),
        ("-- One.\n-- usages: user.login-3\nselect 1", "usages: 'user.login-3': expected U-<event name>-<number>, such as U-user.login-3"),
        ("-- One.\n-- ledger: x\nselect 1", "ledger: 'x': expected a number or a range"),
        ("-- One.\n-- ledger: 1\nselect 1; select 2", "expected one SELECT"),
        ("-- One.\n-- ledger: 1\ncreate table t (x int)", "expected one SELECT"),
        ("-- One.\n-- ledger: 1\nselec 1", 'Parser Error: syntax error at or near "selec"'),
        ("-- One.\n-- ledger: 1\nselect now()", "now(: an answer must follow from the tables alone"),
        ("-- One.\n-- ledger: 1\nselect getvariable('x')", "x: expected coalesce(getvariable('x'), a text or number as its default)"),
    ],
)
def test_a_file_that_breaks_a_rule_is_named(text: str, problem: str, written: Callable[..., Path]) -> None:
    """With what was expected."""
    folder = written(one=text)
    with pytest.raises(RecipeError, match=rf"^{re.escape(str(folder / 'one.sql'))}: .*{re.escape(problem)}"):
        load_recipes([folder])


def test_a_parameter_that_is_not_there_is_named(written: Callable[..., Path], pond: duckdb.DuckDBPyConnection) -> None:
    """With those that are."""
    recipe = load_recipes([written(one="-- One.\n-- ledger: 1\nselect coalesce(getvariable('top'), 10)")])["one"]
    with pytest.raises(ParameterError, match="one has no parameter 'tip'; its parameters: top"):
        set_parameters(pond, recipe, {"tip": "1"})
    set_parameters(pond, recipe, {"top": "3"})
    assert [(3,)] == pond.execute(recipe.sql).fetchall()


def test_a_recipe_can_be_asked_about_some_days(written: Callable[..., Path], tmp_path: Path) -> None:
    """Of every table that it names, both ends included."""
    with duckdb.connect(str(tmp_path / "pond.duckdb")) as con:
        con.execute("create view fish as select cast(range as date) as dt from range(date '2026-03-01', date '2026-03-08', interval 1 day)")
    recipe = load_recipes([written(one="-- One.\n-- ledger: 1\nselect count(*) from fish")])["one"]
    counts = []
    for since, until in [(None, None), (date(2026, 3, 3), None), (date(2026, 3, 3), date(2026, 3, 4))]:
        with duckdb.connect() as con:
            con.execute(f"attach '{tmp_path / 'pond.duckdb'}' as pond (read_only)")
            con.execute("set search_path='memory.main,pond.main'")
            narrow(con, recipe, since, until)
            counts += con.execute(recipe.sql).fetchall()
    assert [(7,), (5,), (2,)] == counts


def test_a_count_of_what_people_did_reads_only_what_tells_who(pond: duckdb.DuckDBPyConnection) -> None:
    """Not every column of each event, which takes gigabytes."""
    ((_, plan),) = pond.execute("explain (format json) select count(*) from user_activity").fetchall()
    assert "anonymous_id" in plan
    assert "utm_content" not in plan
