"""Rows are printed so that programs and people read the same values."""

from __future__ import annotations

import csv
import io
import json

import duckdb
import pytest
from otelpond.config.commands.rows import PRINTERS, Rows


def _printed(form: str, statement: str) -> str:
    out = io.StringIO()
    with duckdb.connect() as connection:
        connection.execute("set timezone = 'UTC'")
        connection.execute(statement)
        PRINTERS[form](Rows(connection), out)
    return out.getvalue()


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("timestamptz '2026-01-02 03:04:05.123456+01'", '"2026-01-02T02:04:05.123456Z"'),
        ("timestamp '2026-01-02 03:04:05'", '"2026-01-02T03:04:05"'),
        ("date '2026-01-02'", '"2026-01-02"'),
        ("12.50::decimal(10, 2)", "12.50"),
        ("170141183460469231731687303715884105727::hugeint", "170141183460469231731687303715884105727"),
        ("'8e2b6a1e-0000-4000-8000-000000000001'::uuid", '"8e2b6a1e-0000-4000-8000-000000000001"'),
        ("['a', null]", '["a",null]'),
        ("{'k': 1.5::decimal(5, 1), 'm': [date '2026-01-02']}", '{"k":1.5,"m":["2026-01-02"]}'),
        ("map {'a': 1}", '{"a":1}'),
        ("""'{"a":[1,null]}'::json""", '{"a":[1,null]}'),
        ("'nan'::double", '"NaN"'),
        ("'-infinity'::double", '"-Infinity"'),
        ("1.5::double", "1.5"),
        ("true", "true"),
        ("null", "null"),
        ("'ab'::blob", '"YWI="'),
        ("'quote \" and ü'", '"quote \\" and ü"'),
    ],
)
def test_json_values(sql: str, expected: str) -> None:
    """Each kind of value has one form in JSON, and the whole is one array of objects."""
    printed = _printed("json", f"select {sql} as x")
    assert f'[\n{{"x":{expected}}}\n]\n' == printed
    assert 1 == len(json.loads(printed))


def test_no_rows_are_an_empty_array() -> None:
    """A program that parses the answer gets an array in any case."""
    assert "[]\n" == _printed("json", "select 1 as x where false")


def test_equal_column_names_are_numbered() -> None:
    """No column is lost in a JSON object."""
    assert [{"a": 1, "a_1": 2, "a_2": 3}] == json.loads(_printed("json", "select 1 as a, 2 as a, 3 as a"))


def test_many_rows_are_all_there() -> None:
    """Rows are fetched in batches, and none is left out."""
    assert list(range(5000)) == [row["i"] for row in json.loads(_printed("json", "select i from range(5000) t(i)"))]


def test_csv_is_read_back() -> None:
    """NULL is empty, lists are JSON, commas and line breaks survive."""
    printed = _printed("csv", "select 1 as a, null as b, ['x', 'y'] as c, 'p,q' || chr(10) || 'r' as d, true as e")
    assert [["a", "b", "c", "d", "e"], ["1", "", '["x","y"]', "p,q\nr", "true"]] == list(csv.reader(io.StringIO(printed)))


def test_a_table_into_a_file_is_not_cut() -> None:
    """A long value stands on one line when nobody's window limits it."""
    assert "x" * 500 in _printed("table", "select repeat('x', 500) as a, 1 as b")


def test_a_table_takes_no_markup_from_data() -> None:
    """What telemetry says is text, not formatting."""
    assert "[bold]x[/bold]" in _printed("table", "select '[bold]x[/bold]' as a")


def test_a_table_says_where_it_ends() -> None:
    """The first rows of a large answer are shown, and the user is told how to get all."""
    assert "the first 1000 rows" in _printed("table", "select i from range(1001) t(i)")
