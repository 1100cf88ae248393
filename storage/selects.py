"""One table's SELECT, made ready once and run for every batch; derive keeps one of these a table.

Planning the 8 SELECTs that compute something costs 100 ms, running them over 50,000 items 35 ms: so they are prepared, and read the
batch through `Relation`, whose rows change while its registration stays. A scan converts every column it reads for every row of
the relation, and the result is converted back: so columns that a row-wise SELECT only copies are taken in Arrow by row number.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass

import duckdb
import pyarrow as pa

from .executed import executed
from .gather import positions, taken_column
from .quoting import quoted
from .schema import Column, TableSchema, decoded_schemas

REFUSAL = "_refusal"
_ROW = "_row_id"
_SETTING = re.compile(r"getvariable\(\s*'(\w+)'\s*\)", re.IGNORECASE)
_SELECT = re.compile(r"(\s*(?:--[^\n]*\n\s*)*select\b)", re.IGNORECASE)


class Relation:
    """A decoded relation as DuckDB sees it: registered once, its rows exchanged with every batch."""

    def __init__(self, schema: pa.Schema) -> None:
        self._schema = pa.schema([field.with_type(pa.string_view()) if field.type == pa.string() else field for field in schema])
        self._empty = self.rows = self._schema.empty_table()

    def exchange(self, *parts: pa.Table) -> None:
        """Show these rows from now on; strings become string views, which the prepared plans were made for."""
        rows = parts[0] if len(parts) == 1 else pa.concat_tables([part.cast(self._schema) for part in parts])
        self.rows = rows if rows.schema.types == self._schema.types else rows.cast(self._schema)

    def clear(self) -> None:
        """Let go of the batch."""
        self.rows = self._empty

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return self.rows.__arrow_c_stream__(requested_schema)


@dataclass(frozen=True, slots=True)
class _RowWise:
    """A SELECT that gives at most one row for each row of one relation.

    Attributes:
        relation: its name, without `decoded_`.
        alias: what the SELECT calls it.
        copied: columns that are copied as they are, output name to the relation's name.
    """

    relation: str
    alias: str
    copied: Mapping[str, str]


class TableSelect:
    """A table's SELECT, prepared on a connection where the relations are registered."""

    def __init__(self, con: duckdb.DuckDBPyConnection, table: TableSchema, settings: Mapping[str, int]) -> None:
        self.table = table
        self._con = con
        text = _SETTING.sub(lambda found: str(settings.get(found[1], "null")), (table.select_sql or "").strip().rstrip(";"))
        self._row_wise = _row_wise(con, text, table)
        if self._row_wise:
            text = _SELECT.sub(rf"\1 {self._row_wise.alias}.row_id as {_ROW}, ", text, count=1)
        con.execute(f"prepare fill_{table.name} as {self._query(text)}")

    def _query(self, text: str) -> str:
        """The computed columns in stored types, and why a row is refused, else NULL."""
        given = {name: str(kind) for name, kind, *_ in self._con.sql(text).description}
        copied = self._row_wise.copied if self._row_wise else {}
        columns = [_stored(column, given[column.name]) for column in self.table.stored if column.name not in copied]
        return f"select {', '.join([_ROW] * bool(self._row_wise) + columns)}, {refusal(self.table, set(copied))} as {REFUSAL} from ({text})"  # noqa: S608

    def rows(self, relations: Mapping[str, Relation]) -> pa.Table:
        """The rows of the present batch: the stored columns in documented order, and `REFUSAL`.

        Raises:
            duckdb.Error: the SELECT failed.
        """
        computed = executed(self._con, f"fill_{self.table.name}")
        if self._row_wise is None:
            return computed
        source = relations[self._row_wise.relation].rows
        where = positions(source["row_id"], computed[_ROW])
        copied = {name: taken_column(source[origin], where) for name, origin in self._row_wise.copied.items()}
        names = [*self.table.arrow.names, REFUSAL]
        return pa.table([copied[name] if name in copied else computed[name] for name in names], names=names)


def _row_wise(con: duckdb.DuckDBPyConnection, text: str, table: TableSchema) -> _RowWise | None:
    """Whether the SELECT is row-wise, by its parse tree: one relation, no grouping, ordering, sampling or common table expression."""
    parsed = json.loads(con.execute("select json_serialize_sql(?)", [text]).fetchall()[0][0])
    node = parsed["statements"][0]["node"] if parsed.get("statements") else {}
    origin = node.get("from_table", {})
    relation = origin.get("table_name", "").removeprefix("decoded_")
    schema = decoded_schemas().get(relation)
    plain = node.get("type") == "SELECT_NODE" and origin.get("type") == "BASE_TABLE" and schema is not None and "row_id" in schema.names
    beyond = ("modifiers", "group_expressions", "group_sets", "having", "sample", "qualify")
    if not plain or schema is None or any(node[part] for part in beyond) or node["cte_map"]["map"]:
        return None
    references = {
        item["alias"] or item["column_names"][-1]: item["column_names"][-1] for item in node["select_list"] if item["class"] == "COLUMN_REF"
    }
    copied = {column.name: references[column.name] for column in table.stored if _is_copy(column, references.get(column.name), schema)}
    return _RowWise(relation, origin["alias"] or origin["table_name"], copied) if copied else None


def _is_copy(column: Column, origin: str | None, schema: pa.Schema) -> bool:
    if origin is None or origin not in schema.names:
        return False
    field = schema.field(origin)
    return bool(field.type == column.arrow_type) and (column.nullable or not field.nullable)


def _stored(column: Column, given: str) -> str:
    name = f'"{column.name}"'
    return name if given == column.stored_type else f"try_cast({name} as {column.stored_type}) as {name}"


def refusal(table: TableSchema, copied: set[str]) -> str:
    """The reason to refuse a row, from the table's own NOT NULL and CHECK; copied columns are not null because the decoder says so."""
    rules = [
        (f'"{column.name}" is null', f"{column.name} is NULL")
        for column in table.stored
        if not column.nullable and column.name not in copied
    ]
    rules += [(f"not ({check})", f"check {check} failed") for check in table.checks]
    branches = " ".join(f"when {condition} then {quoted(reason)}" for condition, reason in rules)
    return f"case {branches} end" if rules else "null"
