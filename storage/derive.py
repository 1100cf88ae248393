"""Decoded signals to documented rows: runs the tables' SELECTs in DuckDB over Arrow; the pipeline hands it decoded batches.

What the rows of a table are stands in its `.sql` file. Here is only what holds for all of them: statements and error texts are sanitised
before any table sees them, a table that copies columns is passed on without DuckDB, a row that breaks NOT NULL or CHECK goes to
`rejected_records`, and a SELECT that fails costs its own table's rows of this batch and nothing else.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass

import duckdb
import pyarrow as pa

from .arrays import in_one_chunk
from .bound_values import ERROR_TEXTS, without_values_in
from .cuts import cut, may_fill, prepare_cuts
from .events.reading import EventReader, EventSettings, events_of
from .events.spans import event_records, prepare_span_records
from .grouping.grouper import Grouper
from .quoting import quoted
from .rules import RecordRules
from .schema import TableSchema, create_macros, decoded_schemas
from .scrubbing.columns import Scrubber
from .selects import REFUSAL, Relation, TableSelect
from .statements import StatementReader

REJECTED = "rejected_records"
EVENTS = "events"
_MOST_HALVINGS = 200
"""Of one batch: where more of it cannot be read, the guilty records are not sought one by one."""
_LONGEST_REASON = 300
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class DeriveSettings:
    """What the tables' SELECTs read by getvariable('...').

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
        events: EventSettings | None = None,
        grouper: Grouper | None = None,
        scrubber: Scrubber | None = None,
    ) -> None:
        self._tables = tables
        self._rules = rules or RecordRules()
        self._grouper = grouper or Grouper()
        self._scrubber = scrubber or Scrubber()
        self._statements = StatementReader()
        self._con = _connection()
        self._aside = _connection()  # what it registers does not touch the plans prepared on the other
        self._relations = {name: Relation(schema) for name, schema in decoded_schemas().items()}
        for name, relation in self._relations.items():
            self._con.register(f"decoded_{name}", relation)
        create_macros(self._con)
        prepare_cuts(self._con)
        prepare_span_records(self._con)
        self._events = EventReader(self._con, events)
        self._selects = {
            name: TableSelect(self._con, table, asdict(settings or DeriveSettings()))
            for name, table in tables.items()
            if table.select_sql and not table.plain_source
        }

    @property
    def dropped(self) -> int:
        """How many records the user's rules have dropped so far."""
        return self._rules.dropped

    @property
    def dropped_events(self) -> int:
        """How many events the policy has kept nowhere so far."""
        return self._events.dropped

    def event_refusals(self, rows: pa.Table) -> list[str | None]:
        """Why the catalogue refuses stored rows of `events`; None where it does not."""
        return self._events.refusals(rows)

    def grouped(self, table: str, rows: pa.Table) -> pa.Table:
        """Rows of a table with what errors are grouped by; rows of other tables as they are."""
        return self._grouper.annotate(table, rows)

    def derive(self, decoded: Mapping[str, pa.Table]) -> dict[str, pa.Table]:
        """Derive every table's rows from one batch.

        Args:
            decoded: relations as in `decode.columns.RELATIONS`; a missing one is empty.

        Returns:
            Rows by table, the stored columns in documented order, strings as `string` or `string_view`; tables without rows are left out.
        """
        rejected: list[pa.Table] = []
        self._exchange(decoded, rejected)
        derived: dict[str, pa.Table] = {}
        for name, table in self._tables.items():
            if may_fill(name, table.sources, self._relations):
                derived[name] = self.grouped(name, self._rows(table, rejected))
        for relation in self._relations.values():
            relation.clear()
        return {name: rows for name, rows in self._with_rejected(derived, rejected).items() if rows.num_rows}

    def _exchange(self, decoded: Mapping[str, pa.Table], rejected: list[pa.Table]) -> None:
        """Show the batch to the prepared SELECTs, rules applied, statements and error texts sanitised; refused events join `rejected`."""
        given = self._rules.apply(self._aside, {name: in_one_chunk(rows) for name, rows in decoded.items() if rows.num_rows})
        if "spans" in given and given["spans"].num_rows:
            given["spans"] = self._statements.annotate(given["spans"])
        for name in ("logs", "span_events"):
            if name in given:
                given[name] = self._statements.sanitise_attributes(given[name])
        for name in ERROR_TEXTS.keys() & given.keys():
            given[name] = without_values_in(name, given[name])
        given = self._scrubber.scrub(given)
        for name, relation in self._relations.items():
            relation.exchange(given[name]) if name in given else relation.clear()
        cut(self._con, self._relations, "spans", "span_events", "logs")
        if EVENTS in self._tables:
            self._read_events(self._tables[EVENTS], rejected)
            cut(self._con, self._relations, EVENTS)

    def _read_events(self, table: TableSchema, rejected: list[pa.Table]) -> None:
        """Show the events among the log records; those that the catalogue refuses, or that no statement can read, join `rejected`."""
        parts, halvings = [events_of(event_records(self._con, self._relations))], _MOST_HALVINGS
        accepted = []
        while parts:
            records = parts.pop()
            try:
                read = self._events.read(records)
            except (duckdb.IOException, duckdb.OutOfMemoryException):
                raise
            except duckdb.Error as error:
                half = records.num_rows // 2
                if half and halvings:
                    halvings -= 1
                    parts += [records.slice(half), records.slice(0, half)]
                else:
                    rejected.append(self._unread(table, error, records))
                continue
            accepted.append(read.accepted)
            if read.refused.num_rows:
                refused = read.refused.select(table.arrow.names).append_column(REFUSAL, read.refused["refusal"])
                self._accepted(table, refused, rejected)
        if accepted:
            self._relations[EVENTS].exchange(*accepted)

    def _unread(self, table: TableSchema, error: duckdb.Error, records: pa.Table) -> pa.Table:
        """A rejected record for each log record whose event could not be read."""
        _log.error("%d events could not be read (%s); they are in %s", records.num_rows, type(error).__name__, REJECTED)
        self._aside.register("unread", records)
        try:
            return self._aside.sql(
                "select ? as table_name, ? as reason, json_object('error', ?, 'source_rows', 1, 'event_name', event_name,"
                " 'attributes', coalesce(try_cast(attributes as json), to_json(attributes)), 'body', body) as content,"
                " payload_digest, item_index, organization_id, service_name, service_version, environment, trace_id, span_id,"
                " try_cast(ingested_at as date) as dt, false as time_suspect, ingested_at, tenant_id from unread",
                params=[table.name, _not_selected(table), str(error)],
            ).to_arrow_table()
        finally:
            self._aside.unregister("unread")

    def _rows(self, table: TableSchema, rejected: list[pa.Table]) -> pa.Table:
        if table.plain_source:
            return self._relations[table.plain_source].rows.select(table.arrow.names)
        try:
            rows = self._selects[table.name].rows(self._relations)
        except (duckdb.IOException, duckdb.OutOfMemoryException):
            raise  # a disk that is full and a batch that is too large say nothing of the SELECT
        except duckdb.Error as error:
            what = type(error).__name__  # its text, which may repeat what was sent, stands with the rows
            _log.error("the SELECT of table %s (%s) failed (%s); its rows of this batch are in %s", table.name, table.path, what, REJECTED)
            rejected.append(self._failed(table, error, table.sources))
            return table.arrow.empty_table()
        if rows[REFUSAL].null_count == rows.num_rows:
            return rows.drop_columns([REFUSAL])
        return self._accepted(table, rows, rejected)

    def _accepted(self, table: TableSchema, rows: pa.Table, rejected: list[pa.Table]) -> pa.Table:
        """Part the rows: the refused ones join `rejected`, the others are returned."""
        self._aside.register("derived", rows)
        try:
            rejected.append(self._aside.sql(_refused_rows(table)).to_arrow_table())
            return self._aside.sql(f"select * exclude ({REFUSAL}) from derived where {REFUSAL} is null").to_arrow_table()  # noqa: S608
        finally:
            self._aside.unregister("derived")

    def _failed(self, table: TableSchema, error: duckdb.Error, read: Iterable[str]) -> pa.Table:
        """One rejected record a tenant: what failed, and how many rows of the relations it read."""
        sources = " union all ".join(f"select tenant_id, ingested_at from decoded_{name}" for name in sorted(read))  # noqa: S608
        return self._con.sql(
            "select ? as table_name, ? as reason, json_object('error', ?, 'source_rows', count(*)) as content,"  # noqa: S608
            " tenant_id as organization_id,"
            " try_cast(min(ingested_at) as date) as dt, false as time_suspect, min(ingested_at) as ingested_at, tenant_id"
            f" from ({sources}) group by tenant_id order by tenant_id",
            params=[table.name, _not_selected(table), str(error)],
        ).to_arrow_table()

    def _with_rejected(self, derived: dict[str, pa.Table], rejected: list[pa.Table]) -> dict[str, pa.Table]:
        if REJECTED not in self._tables or not rejected:
            return derived
        schema = self._tables[REJECTED].arrow
        parts = [derived[REJECTED], *rejected] if REJECTED in derived else rejected
        return {**derived, REJECTED: pa.concat_tables([_conformed(part, schema) for part in parts])}


def _connection() -> duckdb.DuckDBPyConnection:
    con = duckdb.connect(":memory:", config={"threads": 1, "autoinstall_known_extensions": False, "autoload_known_extensions": False})
    con.execute("set timezone='UTC'")
    con.execute("set arrow_output_version='1.4'")
    con.execute("set produce_arrow_string_view=true")  # handed to the Parquet writer as they are: no copy into offsets
    return con


def _not_selected(table: TableSchema) -> str:
    return f"the SELECT in {table.path.name} failed"


def _refused_rows(table: TableSchema) -> str:
    stored = {column.name for column in table.stored}
    kept = ["payload_digest", "item_index", "service_name", "service_version", "environment", "trace_id", "span_id"]
    columns = ", ".join(name if name in stored else f"null as {name}" for name in kept)
    organization = "coalesce(organization_id, tenant_id)" if "organization_id" in stored else "tenant_id"
    documents = ", ".join(
        f'coalesce(try_cast("{column.name}" as json), to_json("{column.name}")) as "{column.name}"'
        for column in table.stored
        if column.sql_type == "JSON"
    )
    shown = f"select * replace ({documents}) from derived" if documents else "select * from derived"  # noqa: S608 - of the table's DDL
    return (
        f"select {quoted(table.name)} as table_name, left({REFUSAL}, {_LONGEST_REASON}) as reason, to_json(d) as content, {columns},"  # noqa: S608
        f" {organization} as organization_id,"
        f" try_cast(ingested_at as date) as dt, false as time_suspect, ingested_at, tenant_id from ({shown}) d where {REFUSAL} is not null"
    )


def _conformed(part: pa.Table, schema: pa.Schema) -> pa.Table:
    columns = [
        part[field.name].cast(field.type) if field.name in part.schema.names else pa.nulls(part.num_rows, field.type) for field in schema
    ]
    return pa.table(columns, schema=schema)
