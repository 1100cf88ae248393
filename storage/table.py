"""What a documented table is: its columns, what fills or shows it, and how it stands in files; `schema` reads them from `.sql` files."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import deltalake
import pyarrow as pa

from .cuts import CUTS
from .decode.columns import RELATIONS
from .events.columns import EVENTS
from .statements import STATEMENT_COLUMNS

STORED_TYPES: Mapping[str, tuple[pa.DataType, str]] = {
    "VARCHAR": (pa.string(), "VARCHAR"),
    "UUID": (pa.string(), "VARCHAR"),
    "JSON": (pa.string(), "VARCHAR"),
    "BOOLEAN": (pa.bool_(), "BOOLEAN"),
    "SMALLINT": (pa.int16(), "SMALLINT"),
    "INTEGER": (pa.int32(), "INTEGER"),
    "BIGINT": (pa.int64(), "BIGINT"),
    "FLOAT": (pa.float32(), "FLOAT"),
    "DOUBLE": (pa.float64(), "DOUBLE"),
    "DATE": (pa.date32(), "DATE"),
    "TIMESTAMP WITH TIME ZONE": (pa.timestamp("us", "UTC"), "TIMESTAMP WITH TIME ZONE"),
}
"""Documented type to the type in files, as Arrow and in DuckDB. Spark refuses whole files for UUID, unsigned and nanosecond types."""

_DECIMAL = re.compile(r"DECIMAL\((\d+),(\d+)\)")
_STRING_OR_COMMENT = re.compile(r"'(?:[^']|'')*'|--[^\n]*|/\*.*?\*/", re.DOTALL)
_PLAIN_LIST = re.compile(r"select\s+(\w+(?:\s*,\s*\w+)*)\s+from\s+decoded_(\w+)\s*;?\s*", re.IGNORECASE)


class TableError(ValueError):
    """A table's file breaks a rule; the text names file and line, and says what was expected."""

    def __init__(self, path: Path, line: int, problem: str) -> None:
        super().__init__(f"{path}:{line}: {problem}")


@dataclass(frozen=True, slots=True)
class Column:
    """One column as documented.

    Attributes:
        name: its name.
        sql_type: the documented DuckDB type, as views show it.
        nullable: whether NULL is allowed; a row that breaks this goes to `rejected_records`.
        default: the documented default as an SQL expression; a SELECT applies it itself.
        comment: what it holds, its unit, the attribute it comes from.
        generated: the SQL expression over stored columns that views compute; such a column is not stored.
    """

    name: str
    sql_type: str
    nullable: bool
    default: str | None
    comment: str
    generated: str | None

    @property
    def arrow_type(self) -> pa.DataType:
        """The type in files."""
        return stored_type(self.sql_type)[0]

    @property
    def stored_type(self) -> str:
        """The type in files, by DuckDB's name for it."""
        return stored_type(self.sql_type)[1]


@dataclass(frozen=True)
class TableSchema:
    """One documented table.

    Attributes:
        name: the table's name, and its file's.
        comment: the file's opening comment, without the dashes.
        columns: in documented order, generated ones among them.
        checks: CHECK expressions that a row must not fail.
        select_sql: the statement that fills the table from `decoded_*` relations; None where the collector fills it itself, and of a view.
        view_sql: the statement over documented tables that is shown, of a table without files; else None.
        sources: names of the decoded relations the statement reads, without `decoded_`.
        path: the file.
        waits_for: the table that must have rows before this view is shown; None where it always is.
    """

    name: str
    comment: str
    columns: tuple[Column, ...]
    checks: tuple[str, ...]
    select_sql: str | None
    sources: frozenset[str]
    path: Path
    view_sql: str | None = None
    waits_for: str | None = None

    @property
    def stored(self) -> tuple[Column, ...]:
        """The columns that files hold."""
        return tuple(column for column in self.columns if column.generated is None)

    @cached_property
    def arrow(self) -> pa.Schema:
        """The stored columns. All nullable: files of an older release lack columns, and then hold NULL."""
        return pa.schema([pa.field(column.name, column.arrow_type) for column in self.stored])

    @cached_property
    def delta(self) -> deltalake.Schema:
        """The stored columns as Delta Lake knows them."""
        return deltalake.Schema.from_arrow(self.arrow)

    @cached_property
    def plain_source(self) -> str | None:
        """The decoded relation whose columns are passed on as they are, where the SELECT is such a list; DuckDB is not asked then."""
        match = _PLAIN_LIST.fullmatch(without_comments(self.select_sql or "").strip())
        if match is None or self.checks or match[2] not in self.sources:
            return None
        decoded = decoded_schemas()[match[2]]
        alike = (decoded.field(column.name).type == column.arrow_type for column in self.stored)
        never_null = (column.nullable or not decoded.field(column.name).nullable for column in self.stored)
        return match[2] if all(alike) and all(never_null) else None

    @property
    def empty(self) -> str:
        """A SELECT of its columns and no row."""
        columns = ", ".join(f'cast(null as {column.sql_type}) as "{column.name}"' for column in self.columns)
        return f"select {columns} where false"

    def shown(self, source: str) -> str:
        """The SELECT that shows the files' rows as documented: types cast, generated columns computed, documented order.

        Args:
            source: what to select from, as SQL: a view's name, or a call of read_parquet in the FROM clause.
        """
        casts = ", ".join(_shown_column(column) for column in self.stored)
        generated = {column.name: f'({column.generated}) as "{column.name}"' for column in self.columns if column.generated is not None}
        listed = ", ".join(generated.get(column.name, f'"{column.name}"') for column in self.columns)
        return f"select {listed} from (select {casts} from {source})"  # noqa: S608 - names and types come from the tables' own DDL


def decoded_schemas() -> dict[str, pa.Schema]:
    """The schemas of the relations a SELECT may read, by name without `decoded_`: the decoder's columns and what derive adds."""
    spans = pa.schema([*RELATIONS["spans"], *STATEMENT_COLUMNS])
    given = {**RELATIONS, "spans": spans, "events": EVENTS}
    return {**given, **{name: given[cut.source] for name, cut in CUTS.items()}}


def stored_type(sql_type: str) -> tuple[pa.DataType, str]:
    """Arrow's and DuckDB's type in files for a documented type; KeyError where files cannot hold it."""
    if sql_type.endswith("[]"):
        arrow, name = stored_type(sql_type[:-2])
        return pa.list_(arrow), f"{name}[]"
    decimal = _DECIMAL.fullmatch(sql_type)
    return (pa.decimal128(int(decimal[1]), int(decimal[2])), sql_type) if decimal else STORED_TYPES[sql_type]


def _shown_column(column: Column) -> str:
    return f'cast("{column.name}" as {column.sql_type}) as "{column.name}"'


def without_comments(sql: str) -> str:
    """The statement with strings and comments blanked, positions and line breaks kept."""
    return _STRING_OR_COMMENT.sub(lambda found: re.sub(r"[^\n]", " ", found[0]), sql)
