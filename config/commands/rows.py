"""Prints the rows of a query as a table, as JSON or as CSV; `sql` hands them over."""

from __future__ import annotations

import base64
import csv
import json
import math
from collections.abc import Callable, Iterator
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from itertools import count, islice
from typing import Any, Final, TextIO
from uuid import UUID

import duckdb
import orjson
from rich.console import Console
from rich.table import Table
from rich.text import Text

BATCH = 2_000
TABLE_ROWS = 1_000
"""A table's column widths need every row in memory, and nobody reads more than this."""

NUMBERS = frozenset({"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UBIGINT", "UHUGEINT", "FLOAT", "DOUBLE"})


class Rows:
    """The rows of an executed statement, fetched as they are asked for.

    Attributes:
        names: of the columns; equal ones are numbered (`a`, `a_1`), so that a JSON object holds them all.
        types: DuckDB's names of the columns' types.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection
        description = connection.description or []
        self.types = [str(column[1]) for column in description]
        self.names = _distinct([str(column[0]) for column in description])

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        while batch := self._connection.fetchmany(BATCH):
            yield from batch


def print_table(rows: Rows, out: TextIO) -> None:
    """Readable columns; wider than the window they wrap, and into a file nothing is cut or wrapped."""
    console = Console(file=out, width=None if out.isatty() else 10_000, highlight=False, soft_wrap=False)
    table, more = grid(rows, TABLE_ROWS)
    console.print(table)
    if more:
        console.print(f"the first {TABLE_ROWS} rows; --format csv or json gives all", style="dim")


def grid(rows: Rows, limit: int) -> tuple[Table, bool]:
    """The first rows as a table without lines, numbers to the right; and whether there are more."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name, kind in zip(rows.names, rows.types, strict=True):
        table.add_column(Text(name), justify="right" if _is_number(kind) else "left", overflow="fold")
    fetched = iter(rows)
    for row in islice(fetched, limit):
        table.add_row(*(Text(_plain(value)) for value in row))
    return table, next(fetched, None) is not None


def print_json(rows: Rows, out: TextIO) -> None:
    """One array of objects, a row a line.

    Times are ISO 8601, decimals and integers plain numbers however large, columns of type JSON the JSON itself, UUIDs text, blobs
    base64, and what JSON has no number for is the text NaN, Infinity or -Infinity, as in OTLP.
    """
    json_columns = [kind == "JSON" for kind in rows.types]
    separator = "["
    for row in rows:
        values = (_json(value, parsed) for value, parsed in zip(row, json_columns, strict=True))
        out.write(separator + "\n" + orjson.dumps(dict(zip(rows.names, values, strict=True))).decode())
        separator = ","
    out.write("[]\n" if separator == "[" else "\n]\n")


def print_document(document: Any, out: TextIO) -> None:
    """Lists and objects of values as a query gives them, as indented JSON; they are told as `print_json` tells them."""
    out.write(orjson.dumps(_json(document), option=orjson.OPT_INDENT_2).decode() + "\n")


def print_csv(rows: Rows, out: TextIO) -> None:
    """A header and a line a row ; NULL is empty, lists and structs are JSON."""
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(rows.names)
    for row in rows:
        writer.writerow([_plain(value) for value in row])


PRINTERS: Final[dict[str, Callable[[Rows, TextIO], None]]] = {"table": print_table, "json": print_json, "csv": print_csv}


def _distinct(names: list[str]) -> list[str]:
    taken: list[str] = []
    for name in names:
        numbered = (f"{name}_{number}" if number else name for number in count())
        taken.append(next(free for free in numbered if free not in taken))
    return taken


def _is_number(kind: str) -> bool:
    return kind in NUMBERS or kind.startswith("DECIMAL")


def _json(value: Any, parsed: bool = False) -> Any:
    """A value as orjson takes it."""
    match value:
        case bool() | None:
            return value
        case str():
            return orjson.Fragment(value) if parsed else value
        case int():
            return value if -(2**63) <= value < 2**63 else orjson.Fragment(str(value))
        case float():
            return value if math.isfinite(value) else _special(value)
        case Decimal():
            return orjson.Fragment(format(value, "f")) if value.is_finite() else str(value)
        case dict():
            return {str(key): _json(item) for key, item in value.items()}
        case list() | tuple():
            return [_json(item) for item in value]
        case _:
            return _plain(value)


def _special(value: float) -> str:
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def _plain(value: Any) -> str:
    """A value as text, the same in tables, CSV and JSON strings."""
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case float() if not math.isfinite(value):
            return _special(value)
        case Decimal():
            return format(value, "f")
        case datetime() | date() | time():
            return value.isoformat().replace("+00:00", "Z")
        case timedelta():
            return str(value)
        case bytes() | bytearray() | memoryview():
            return base64.b64encode(value).decode()
        case dict() | list() | tuple():
            return orjson.dumps(_json(value)).decode()
        case UUID() | str() | int() | float():
            return str(value)
        case _:
            return json.dumps(value, default=str)
