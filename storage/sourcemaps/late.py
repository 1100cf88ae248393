"""Resolves stacks that were stored before their source map came: `otelpond sourcemaps upload` calls it when the maps are kept.

Stored rows are never changed: what their distinct stacks are with the sources goes to `mapped_stacks`, which the views of the error
tables read. The grouper is the collector's own, so that an error is grouped alike whether its map came before it or after.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from ..grouping.columns import TABLES, WRITTEN
from ..grouping.grouper import Grouper
from ..lake.lake import Lake
from ..locks import locked
from ..query import connect

_SQL: Final = Path(__file__).parent / "stored_stacks.sql"
TABLE: Final = "mapped_stacks"
STREAM: Final = "mapped-stacks"
"""The application transaction of every append."""
MOST_STACKS: Final = 100_000
"""Distinct stacks of a release and table that are looked at, the newest first."""
_AT_ONCE: Final = 5_000
_KEPT: Final = ("fingerprint", "grouping_version", "previous_fingerprint", "grouping")
"""What stays where a sender has said what its errors are grouped by: how it is put together is not stored."""


def remap(lake: Lake, grouper: Grouper, release: str, service: str = "") -> int:
    """Resolve the stored stacks of a release; how many are others now. May run beside a collector, and again.

    Args:
        lake: of the pond, opened for writing; `pond.duckdb` shows what is to be resolved.
        grouper: that knows the pond's source maps and the settings.
        release: whose maps were uploaded.
        service: whose stacks are looked at; empty: any service's.

    Raises:
        LakeError: the table cannot be written.
    """
    with locked(lake.data / "sourcemaps" / ".late.lock"), connect(lake.data) as con:
        found = [rows for table in TABLES for rows in _mapped(con, grouper, table, release, service)]
        if not found:
            return 0
        con.register("found", pa.concat_tables(found))
        rows = con.sql(
            "select distinct on (tenant_id, service_name, stack_hash, stored_fingerprint) * from found order by stack_hash, fingerprint"
        ).to_arrow_table()
        _append(lake, rows, release)
    return int(rows.num_rows)


def _mapped(con: duckdb.DuckDBPyConnection, grouper: Grouper, table: str, release: str, service: str) -> Iterator[pa.Table]:
    """What the stacks of a table are now and were not before, some rows at a time."""
    _show(con, table)
    given = {"release": release, "service": service, "most": MOST_STACKS}
    for batch in con.sql(_SQL.read_text(encoding="utf-8"), params=given).to_arrow_reader(_AT_ONCE):
        stored = pa.Table.from_batches([batch])
        rows = _as_asked(stored, grouper.annotate(table, stored))
        is_known = pc.and_(pc.equal(rows["mapped_stack"], rows["known_stack"]), pc.equal(rows["fingerprint"], rows["known_fingerprint"]))
        changed = rows.filter(pc.and_(pc.and_(rows["mapped_stack"].is_valid(), rows["fingerprint"].is_valid()), pc.invert(is_known)))
        if changed.num_rows:
            yield changed.select(["tenant_id", "service_name", "stack_hash", "stored_fingerprint", *WRITTEN.names])


def _show(con: duckdb.DuckDBPyConnection, table: str) -> None:
    """Have the view `reported` show what is read of a table's rows, its stack and release also under these names."""
    read = TABLES[table]
    names = dict.fromkeys((*read.names, "tenant_id", read.release, "ingested_at", *WRITTEN.names))
    columns = ", ".join([*names, f"{read.stack} as stack", f"{read.release} as release"])
    con.view(f"{table}_files").project(columns).create_view("reported", replace=True)


def _as_asked(stored: pa.Table, rows: pa.Table) -> pa.Table:
    """The rows as they are grouped now; those whose sender has said by what, as they were."""
    is_asked = pc.starts_with(stored["stored_grouping"].fill_null(""), '{"by": "attribute"')
    for name in _KEPT:
        before = stored["stored_grouping" if name == "grouping" else name].cast(rows.schema.field(name).type)
        rows = rows.set_column(rows.schema.get_field_index(name), name, pc.if_else(is_asked, before, rows[name]))
    return rows


def _append(lake: Lake, rows: pa.Table, release: str) -> None:
    """Store rows of `mapped_stacks` durably and let `pond.duckdb` show them."""
    now = datetime.now(UTC)
    same = {"release": release, "environment": "", "dt": now.date(), "time_suspect": False, "ingested_at": now}
    schema = lake.schemas[TABLE].arrow
    columns = {"organization_id": rows["tenant_id"], **{name: rows[name] for name in rows.column_names}}
    columns |= {name: pa.array([value] * rows.num_rows, schema.field(name).type) for name, value in same.items()}
    appended = pa.table([columns[name].cast(schema.field(name).type) for name in schema.names], schema=schema)
    lake.publish_rows([(TABLE, appended)], STREAM, lake.committed(TABLE, STREAM) + 1)
    lake.refresh()
