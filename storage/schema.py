"""Reads the tables' `.sql` files: what a table holds, its columns, and the SELECT that fills it; handed to derive, lake and docs.

A file holds, in this order: an opening comment that says what the table is, one CREATE TABLE, a COMMENT ON COLUMN for every
column, and one SELECT over `decoded_*` relations (a table that the collector fills itself has none). Where the SELECT reads documented
tables instead, the table is a view and has no files. DuckDB parses it all.
"""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import deltalake
import duckdb
import pyarrow as pa

from .cuts import CUTS
from .decode.columns import RELATIONS
from .events.columns import EVENTS
from .statements import STATEMENT_COLUMNS

TABLES_FOLDER = Path(__file__).parent / "tables"
MACROS_FOLDER = Path(__file__).parent / "macros"
VIEWS_FOLDER = Path(__file__).parent / "views"
REQUIRED_COLUMNS = {"tenant_id": "VARCHAR", "dt": "DATE", "ingested_at": "TIMESTAMP WITH TIME ZONE"}
"""What the lake needs of any table: whose row it is, its partition, and when it arrived."""

_STORED_TYPES: Mapping[str, tuple[pa.DataType, str]] = {
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
_PLAIN_CAST = re.compile(r"(?<!try_)\bcast\s*\(|::", re.IGNORECASE)
_IMPURE = re.compile(
    r"\b(now|random|uuid|gen_random_uuid|uuidv4|uuidv7|today|nextval|get_current_timestamp)\s*\(|\bcurrent_(date|time|timestamp)\b",
    re.IGNORECASE,
)
_PLAIN_LIST = re.compile(r"select\s+(\w+(?:\s*,\s*\w+)*)\s+from\s+decoded_(\w+)\s*;?\s*", re.IGNORECASE)
_LINE = re.compile(r"LINE (\d+):")


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
        return _stored(self.sql_type)[0]

    @property
    def stored_type(self) -> str:
        """The type in files, by DuckDB's name for it."""
        return _stored(self.sql_type)[1]


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
        match = _PLAIN_LIST.fullmatch(_without_comments(self.select_sql or "").strip())
        if match is None or self.checks or match[2] not in self.sources:
            return None
        decoded = decoded_schemas()[match[2]]
        alike = (decoded.field(column.name).type == column.arrow_type for column in self.stored)
        never_null = (column.nullable or not decoded.field(column.name).nullable for column in self.stored)
        return match[2] if all(alike) and all(never_null) else None

    def shown(self, source: str) -> str:
        """The SELECT that shows the files' rows as documented: types cast, generated columns computed, documented order.

        Args:
            source: what to select from, as SQL: a view's name, or a call of read_parquet in the FROM clause.
        """
        casts = ", ".join(_shown_column(column) for column in self.stored)
        generated = {column.name: f'({column.generated}) as "{column.name}"' for column in self.columns if column.generated is not None}
        listed = ", ".join(generated.get(column.name, f'"{column.name}"') for column in self.columns)
        return f"select {listed} from (select {casts} from {source})"  # noqa: S608 - names and types come from the tables' own DDL


def load_tables(folders: Sequence[Path] = (TABLES_FOLDER,)) -> dict[str, TableSchema]:
    """Read every `.sql` file of the folders, in the order of folders and names.

    Raises:
        TableError: a file breaks a rule, or two files make the same table.
    """
    tables: dict[str, TableSchema] = {}
    with duckdb.connect(":memory:") as ddl, duckdb.connect(":memory:") as relations:
        create_macros(relations)
        for name, schema in decoded_schemas().items():
            relations.register(f"decoded_{name}", schema.empty_table())
        for path in _files(folders):
            table = _table(_TableFile(path), ddl, relations)
            if table.name in tables:
                raise TableError(path, 1, f"table {table.name} is already made by {tables[table.name].path}")
            tables[table.name] = table
    _check_views(tables)
    return tables


def _table(file: _TableFile, ddl: duckdb.DuckDBPyConnection, relations: duckdb.DuckDBPyConnection) -> TableSchema:
    """What a file says, by DuckDB's own reading of it: the DDL in an empty database, the SELECT where the relations are."""
    file.create(ddl)
    name = file.path.stem
    columns = file.columns(ddl)
    checks = ddl.execute("select expression from duckdb_constraints() where constraint_type = 'CHECK' order by constraint_index").fetchall()
    ddl.execute(f'drop table "{name}"')
    select = file.select[1].strip().rstrip(";") if file.select else None
    return TableSchema(
        name=name,
        comment=file.comment,
        columns=columns,
        checks=tuple(check for (check,) in checks),
        select_sql=None if file.is_view else select,
        sources=frozenset() if file.is_view else file.check_select(relations, columns),
        path=file.path,
        view_sql=select if file.is_view else None,
    )


def _check_views(tables: Mapping[str, TableSchema]) -> None:
    """Bind the views without files against empty tables, and see that each gives its columns.

    Raises:
        TableError: one of them does not.
    """
    views = [table for table in tables.values() if table.view_sql is not None]
    with duckdb.connect(":memory:") as con:
        for table in tables.values() if views else ():
            columns = ", ".join(f'"{column.name}" {column.sql_type}' for column in table.columns)
            con.execute(f'create table "{table.name}" ({columns})')
        for path in (path for path in sorted(VIEWS_FOLDER.glob("*.sql")) if views and path.stem not in tables):
            text = path.read_text(encoding="utf-8")
            with contextlib.suppress(duckdb.Error):  # a view over tables that are not loaded
                con.execute(f'create view "{path.stem}" as {text}')
        for view in views:
            try:
                con.sql(view.shown(f"(\n{view.view_sql})"))
            except duckdb.Error as error:
                raise TableError(view.path, 1, str(error).split("\n", maxsplit=1)[0]) from error


def create_macros(con: duckdb.DuckDBPyConnection) -> None:
    """Make the macros of `macros/*.sql`, which several tables share, known to a connection."""
    for path in sorted(MACROS_FOLDER.glob("*.sql")):
        con.execute(path.read_text(encoding="utf-8"))


def decoded_schemas() -> dict[str, pa.Schema]:
    """The schemas of the relations a SELECT may read, by name without `decoded_`: the decoder's columns and what derive adds."""
    spans = pa.schema([*RELATIONS["spans"], *STATEMENT_COLUMNS])
    given = {**RELATIONS, "spans": spans, "events": EVENTS}
    return {**given, **{name: given[cut.source] for name, cut in CUTS.items()}}


class _TableFile:
    """One file taken apart into statements with their lines; knows how to blame a line."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.text = path.read_text(encoding="utf-8")
        self.comment = _opening_comment(self.text)
        if not self.comment:
            raise TableError(path, 1, "expected an opening comment (-- ...) that says what the table holds")
        self.ddl: list[tuple[int, str]] = []
        self.comments: list[tuple[int, str]] = []
        self.select: tuple[int, str] | None = None
        self._split()

    def _split(self) -> None:
        try:
            statements = duckdb.extract_statements(self.text)
        except duckdb.Error as error:
            raise self._blamed(1, error) from error
        position = 0
        for statement in statements:
            position = self.text.index(statement.query, position)
            self._sort(1 + self.text.count("\n", 0, position), statement.query, statement.type)
            position += len(statement.query)

    def _sort(self, line: int, query: str, kind: duckdb.StatementType) -> None:
        if kind == duckdb.StatementType.CREATE and not self.ddl:
            self.ddl.append((line, query))
        elif kind == duckdb.StatementType.ALTER and query.lower().startswith("comment"):
            self.comments.append((line, query))
        elif kind == duckdb.StatementType.SELECT and self.select is None:
            self.select = (line, query)
        else:
            raise TableError(self.path, line, "expected one CREATE TABLE, then COMMENT ON COLUMN statements, then at most one SELECT")

    def create(self, con: duckdb.DuckDBPyConnection) -> None:
        """Make the table, of the file's name and nothing else, and comment its columns."""
        for line, statement in self.ddl:
            self._execute(con, line, statement)
        made = [name for (name,) in con.execute("select table_name from duckdb_tables()").fetchall()]
        if made != [self.path.stem]:
            raise TableError(self.path, self.ddl[0][0] if self.ddl else 1, f"expected CREATE TABLE {self.path.stem}, as the file is named")
        try:
            con.execute("".join(statement for _, statement in self.comments))
        except duckdb.Error:
            for line, statement in self.comments:  # to find the one that fails
                self._execute(con, line, statement)

    def _execute(self, con: duckdb.DuckDBPyConnection, line: int, statement: str) -> None:
        try:
            con.execute(statement)
        except duckdb.Error as error:
            raise self._blamed(line, error) from error

    def _blamed(self, line: int, error: duckdb.Error) -> TableError:
        inner = _LINE.search(str(error))
        return TableError(self.path, line + int(inner[1]) - 1 if inner else line, str(error).split("\n", maxsplit=1)[0])

    @property
    def is_view(self) -> bool:
        """Whether the SELECT reads documented tables, and no decoded relation."""
        return self.select is not None and "decoded_" not in _without_comments(self.select[1])

    def columns(self, con: duckdb.DuckDBPyConnection) -> tuple[Column, ...]:
        """The table's columns, each with a comment and a type that files can hold."""
        rows = con.execute(
            "select column_name, data_type, is_nullable, column_default, comment, is_generated, generation_expression"
            " from duckdb_columns() where not internal order by column_index"
        ).fetchall()
        found = tuple(self._column(row) for row in rows)
        types = {column.name: column.sql_type for column in found if column.generated is None}
        for name, sql_type in REQUIRED_COLUMNS.items() if not self.is_view else ():
            if types.get(name) != sql_type:
                raise TableError(self.path, self.ddl[0][0], f"expected a stored column {name} {sql_type}")
        return found

    def _column(self, row: tuple[str, str, bool, str | None, str | None, bool, str | None]) -> Column:
        name, kind, nullable, default, comment, generated, expression = row
        if not comment:
            raise TableError(self.path, self._line_of(name), f"expected COMMENT ON COLUMN {self.path.stem}.{name}")
        try:
            _stored(kind)
        except KeyError:
            types = ", ".join([*_STORED_TYPES, "DECIMAL(p,s)"])
            raise TableError(
                self.path, self._line_of(name), f"column {name}: type {kind} is not one of {types}, or a list of one"
            ) from None
        return Column(name, kind, nullable, None if generated else default, comment, expression if generated else None)

    def _line_of(self, column: str) -> int:
        start = self.text.index(self.ddl[0][1])
        found = re.compile(rf'^\s*"?{re.escape(column)}"?\s', re.MULTILINE | re.IGNORECASE).search(self.text, start)
        return 1 + self.text.count("\n", 0, found.end() - 1 if found else start)

    def check_select(self, con: duckdb.DuckDBPyConnection, columns: tuple[Column, ...]) -> frozenset[str]:
        """Bind the SELECT against empty decoded relations, and see that it gives every stored column; the relations it reads."""
        if self.select is None:
            return frozenset()
        line, query = self.select
        self._forbid(_PLAIN_CAST, "a plain cast fails a whole batch for one value: expected try_cast(... as ...)")
        self._forbid(_IMPURE, "a row must follow from its payload alone, so that a replay gives the same row")
        schemas = decoded_schemas()
        try:
            read = _relations_read(con, query)
            self._require_relations(read, schemas)
            given = [column for column, *_ in con.sql(query).description]
        except duckdb.Error as error:
            raise self._blamed(line, error) from error
        wanted = [column.name for column in columns if column.generated is None]
        problems = [f"lacks {name}" for name in wanted if name not in given]
        problems += [f"gives {name}, which is no stored column" for name in given if name not in wanted]
        if problems or len(set(given)) != len(given):
            raise TableError(self.path, line, f"the SELECT {problems[0] if problems else 'gives a column twice'}")
        return frozenset(name.removeprefix("decoded_") for name in read if name.removeprefix("decoded_") in schemas)

    def _require_relations(self, read: set[str], schemas: Mapping[str, pa.Schema]) -> None:
        line, query = self.select or (1, "")
        for name in sorted(read - {f"decoded_{known}" for known in schemas}):
            found = max(query.find(name), 0)
            expected = ", ".join(f"decoded_{known}" for known in schemas)
            raise TableError(self.path, line + query.count("\n", 0, found), f"{name} is no relation a table can read: expected {expected}")

    def _forbid(self, pattern: re.Pattern[str], reason: str) -> None:
        line, query = self.select or (1, "")
        found = pattern.search(_without_comments(query))
        if found:
            raise TableError(self.path, line + query.count("\n", 0, found.start()), f"'{found[0].strip()}': {reason}")


def _files(folders: Iterable[Path]) -> list[Path]:
    missing = [folder for folder in folders if not folder.is_dir()]
    if missing:
        raise TableError(missing[0], 1, "expected a folder of .sql files")
    return [path for folder in folders for path in sorted(folder.glob("*.sql"))]


def _stored(sql_type: str) -> tuple[pa.DataType, str]:
    """Arrow's and DuckDB's type in files for a documented type; KeyError where files cannot hold it."""
    if sql_type.endswith("[]"):
        arrow, name = _stored(sql_type[:-2])
        return pa.list_(arrow), f"{name}[]"
    decimal = _DECIMAL.fullmatch(sql_type)
    return (pa.decimal128(int(decimal[1]), int(decimal[2])), sql_type) if decimal else _STORED_TYPES[sql_type]


def _shown_column(column: Column) -> str:
    return f'cast("{column.name}" as {column.sql_type}) as "{column.name}"'


def _relations_read(con: duckdb.DuckDBPyConnection, query: str) -> set[str]:
    """The tables that a query names, its own common table expressions left out; from its parse tree."""
    nodes = [json.loads(tree) for (tree,) in con.execute("select json_serialize_sql(?)", [query]).fetchall()]
    named: set[str] = set()
    expressions: set[str] = set()
    for node in nodes:  # grows while it is walked
        if isinstance(node, dict):
            if node.get("type") == "BASE_TABLE":
                named.add(node["table_name"])
            expressions |= {entry["key"] for entry in node.get("cte_map", {}).get("map", [])}
        nodes += node.values() if isinstance(node, dict) else node if isinstance(node, list) else []
    return named - expressions


def _opening_comment(text: str) -> str:
    lines = []
    for line in text.splitlines():
        if not line.startswith("--"):
            break
        lines.append(line[2:].strip())
    return "\n".join(lines).strip()


def _without_comments(sql: str) -> str:
    """The statement with strings and comments blanked, positions and line breaks kept."""
    return _STRING_OR_COMMENT.sub(lambda found: re.sub(r"[^\n]", " ", found[0]), sql)
