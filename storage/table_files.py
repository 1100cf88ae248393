"""One table's `.sql` file taken apart, checked and read by DuckDB; `schema` hands it the connections.

A file that breaks a rule is refused with its name and the line.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path

import duckdb
import pyarrow as pa

from .table import STORED_TYPES, Column, TableError, TableSchema, decoded_schemas, stored_type, without_comments

REQUIRED_COLUMNS = {"tenant_id": "VARCHAR", "dt": "DATE", "ingested_at": "TIMESTAMP WITH TIME ZONE"}
"""What the lake needs of any table: whose row it is, its partition, and when it arrived."""

_PLAIN_CAST = re.compile(r"(?<!try_)\bcast\s*\(|::", re.IGNORECASE)
_IMPURE = re.compile(
    r"\b(now|random|uuid|gen_random_uuid|uuidv4|uuidv7|today|nextval|get_current_timestamp)\s*\(|\bcurrent_(date|time|timestamp)\b",
    re.IGNORECASE,
)
_LINE = re.compile(r"LINE (\d+):")


def read_table(path: Path, ddl: duckdb.DuckDBPyConnection, relations: duckdb.DuckDBPyConnection) -> TableSchema:
    """What a file says, by DuckDB's own reading of it: the DDL in an empty database, the SELECT where the relations are."""
    file = _TableFile(path)
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
        return self.select is not None and "decoded_" not in without_comments(self.select[1])

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
            stored_type(kind)
        except KeyError:
            types = ", ".join([*STORED_TYPES, "DECIMAL(p,s)"])
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
        found = pattern.search(without_comments(query))
        if found:
            raise TableError(self.path, line + query.count("\n", 0, found.start()), f"'{found[0].strip()}': {reason}")


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
