"""Asks one of the statements of this folder of a pond; `finding.py` and `details.py` do."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias

import duckdb
import orjson

Row: TypeAlias = dict[str, Any]
"""A row by its columns' names; JSON columns as Python values."""


def ask(con: duckdb.DuckDBPyConnection, name: str, **parameters: Any) -> list[Row]:
    """The rows of the statement in the file of that name.

    Args:
        con: knows the pond's tables by their names, as that of `query.connect` does.
        name: the file's name, without `.sql`.
        parameters: each that the statement has.
    """
    return rows(con.execute(statement(name), parameters))


def rows(answer: duckdb.DuckDBPyConnection) -> list[Row]:
    """All rows of what was executed."""
    columns = [(name, str(kind) == "JSON") for name, kind, *_ in answer.description or []]
    return [_row(columns, values) for values in answer.fetchall()]


def _row(columns: list[tuple[str, bool]], values: tuple[Any, ...]) -> Row:
    return {
        name: _document(value) if is_json and value is not None else value for (name, is_json), value in zip(columns, values, strict=True)
    }


def _document(text: str) -> Any:
    """What a JSON text says; what others cannot be told, such as half a surrogate pair or a thousand levels, stays text."""
    try:
        document = json.loads(text)
        orjson.dumps(document)
    except (ValueError, TypeError, RecursionError):
        return text
    return document


@cache
def statement(name: str) -> str:
    """The text of the file of that name."""
    return (Path(__file__).parent / f"{name}.sql").read_text(encoding="utf-8")
