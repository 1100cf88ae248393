"""Decoded signals to documented rows: runs the tables' SELECTs in DuckDB over Arrow; the pipeline hands it decoded batches.

What the rows of a table are stands in its `.sql` file. Here is only what holds for all of them: statements are sanitised before any
table sees them, a table that copies columns is passed on without DuckDB, a row that breaks NOT NULL or CHECK goes to
`rejected_records`, and a SELECT that fails costs its own table's rows of this batch and nothing else.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass

import duckdb
import pyarrow as pa

from .rules import RecordRules
from .schema import TableSchema, decoded_schemas
from .statements import StatementReader

REJECTED = "rejected_records"
_REFUSAL = "_refusal"
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class DeriveSettings:
    """What the tables' SELECTs read by getvariable().

    Attributes:
        slow_api_ms: a request that took longer is slow.
        slow_query_ms: a database operation that took longer is slow.
    """

    slow_api_ms: int = 500
    slow_query_ms: int = 1000


class Deriver:
    """Derives documented rows from decoded batches; to be used from one thread."""

    def __init__(
        self,
        tables: Mapping[str, TableSchema],
        settings: DeriveSettings | None = None,
        rules: RecordRules | None = None,
        *,
        threads: int = 2,
    ) -> None:
        self._tables = tables
        self._rules = rules or RecordRules()
        self._statements = StatementReader()
        self._empty = {name: schema.empty_table() for name, schema in decoded_schemas().items()}
        self._con = _connection(settings or DeriveSettings(), threads)
        self._register(self._empty)
        self._queries = {name: _query(self._con, table) for name, table in tables.items() if table.select_sql}

    @property
    def dropped(self) -> int:
        """How many records the user's rules have dropped so far."""
        return self._rules.dropped

    def derive(self, decoded: Mapping[str, pa.Table]) -> dict[str, pa.Table]:
        """Derive every table's rows from one batch.

        Args:
            decoded: relations as in `decode.columns.RELATIONS`; a missing one is empty.

        Returns:
            Rows by table, the stored columns in documented order, strings as `string` or `string_view`; tables without rows are left out.
        """
        relations = self._relations(decoded)
        self._register(relations)
        rejected: list[pa.Table] = []
        derived: dict[str, pa.Table] = {}
        for name, table in self._tables.items():
            if any(relations[source].num_rows for source in table.sources):
                derived[name] = self._rows(table, relations, rejected)
        self._register(self._empty)
        return {name: rows for name, rows in self._with_rejected(derived, rejected).items() if rows.num_rows}

    def _relations(self, decoded: Mapping[str, pa.Table]) -> dict[str, pa.Table]:
        given = {**self._empty, **{name: table for name, table in decoded.items() if table.num_rows}}
        given = self._rules.apply(self._con, given)
        if given["spans"].num_rows:
            given["spans"] = self._statements.annotate(given["spans"])
        return given

    def _register(self, relations: Mapping[str, pa.Table]) -> None:
        for name, table in relations.items():
            self._con.register(f"decoded_{name}", table)

    def _rows(self, table: TableSchema, relations: Mapping[str, pa.Table], rejected: list[pa.Table]) -> pa.Table:
        if table.plain_source:
            rows = relations[table.plain_source].select(table.arrow.names)
            if not any(rows[column.name].null_count for column in table.stored if not column.nullable):
                return rows
        try:
            rows = self._con.sql(self._queries[table.name]).to_arrow_table()
        except duckdb.Error as error:
            _log.exception("the SELECT of table %s (%s) failed; its rows of this batch are in %s", table.name, table.path, REJECTED)
            rejected.append(self._failed(table, relations, error))
            return table.arrow.empty_table()
        if rows[_REFUSAL].null_count == rows.num_rows:
            return rows.drop_columns([_REFUSAL])
        return self._accepted(table, rows, rejected)

    def _accepted(self, table: TableSchema, rows: pa.Table, rejected: list[pa.Table]) -> pa.Table:
        """Part the rows: the refused ones join `rejected`, the others are returned."""
        self._con.register("derived", rows)
        try:
            rejected.append(self._con.sql(_refused_rows(table)).to_arrow_table())
            return self._con.sql(f"select * exclude ({_REFUSAL}) from derived where {_REFUSAL} is null").to_arrow_table()  # noqa: S608
        finally:
            self._con.unregister("derived")

    def _failed(self, table: TableSchema, relations: Mapping[str, pa.Table], error: duckdb.Error) -> pa.Table:
        """One rejected record a tenant: what failed, and how many rows of the sources it read."""
        sources = [f"select tenant_id, ingested_at from decoded_{name}" for name in sorted(table.sources) if relations[name].num_rows]  # noqa: S608
        return self._con.sql(
            "select ? as table_name, ? as reason, json_object('error', ?, 'source_rows', count(*)) as content,"  # noqa: S608
            " tenant_id as organization_id,"
            " try_cast(min(ingested_at) as date) as dt, false as time_suspect, min(ingested_at) as ingested_at, tenant_id"
            f" from ({' union all '.join(sources)}) group by tenant_id order by tenant_id",
            params=[table.name, f"the SELECT in {table.path.name} failed", str(error)],
        ).to_arrow_table()

    def _with_rejected(self, derived: dict[str, pa.Table], rejected: list[pa.Table]) -> dict[str, pa.Table]:
        if REJECTED not in self._tables or not rejected:
            return derived
        schema = self._tables[REJECTED].arrow
        parts = [derived[REJECTED], *rejected] if REJECTED in derived else rejected
        return {**derived, REJECTED: pa.concat_tables([_conformed(part, schema) for part in parts])}


def _connection(settings: DeriveSettings, threads: int) -> duckdb.DuckDBPyConnection:
    con = duckdb.connect(":memory:", config={"threads": threads, "autoinstall_known_extensions": False, "autoload_known_extensions": False})
    con.execute("set timezone='UTC'")
    con.execute("set arrow_output_version='1.4'")
    con.execute("set produce_arrow_string_view=true")  # handed to the Parquet writer as they are: no copy into offsets
    con.execute(f"set variable slow_api_ms = {int(settings.slow_api_ms)}")
    con.execute(f"set variable slow_query_ms = {int(settings.slow_query_ms)}")
    return con


def _query(con: duckdb.DuckDBPyConnection, table: TableSchema) -> str:
    """The table's SELECT with its columns in documented order and stored types, and why a row is refused, else NULL."""
    select = (table.select_sql or "").strip().rstrip(";")
    given = {name: str(kind) for name, kind, *_ in con.sql(select).description}
    columns = ", ".join(
        f'"{column.name}"'
        if given[column.name] == column.stored_type
        else f'try_cast("{column.name}" as {column.stored_type}) as "{column.name}"'
        for column in table.stored
    )
    return f"with rows as materialized ({select}) select *, {_refusal(table)} as {_REFUSAL} from (select {columns} from rows)"  # noqa: S608


def _refusal(table: TableSchema) -> str:
    rules = [(f'"{column.name}" is null', f"{column.name} is NULL") for column in table.stored if not column.nullable]
    rules += [(f"not ({check})", f"check {check} failed") for check in table.checks]
    branches = " ".join(f"when {condition} then {_quoted(reason)}" for condition, reason in rules)
    return f"case {branches} end" if rules else "null"


def _refused_rows(table: TableSchema) -> str:
    stored = {column.name for column in table.stored}
    kept = ["payload_digest", "item_index", "service_name", "service_version", "environment", "trace_id", "span_id"]
    columns = ", ".join(name if name in stored else f"null as {name}" for name in kept)
    organization = "coalesce(organization_id, tenant_id)" if "organization_id" in stored else "tenant_id"
    return (
        f"select {_quoted(table.name)} as table_name, {_REFUSAL} as reason, to_json(d) as content, {columns},"  # noqa: S608
        f" {organization} as organization_id,"
        f" try_cast(ingested_at as date) as dt, false as time_suspect, ingested_at, tenant_id from derived d where {_REFUSAL} is not null"
    )


def _conformed(part: pa.Table, schema: pa.Schema) -> pa.Table:
    columns = [
        part[field.name].cast(field.type) if field.name in part.schema.names else pa.nulls(part.num_rows, field.type) for field in schema
    ]
    return pa.table(columns, schema=schema)


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
