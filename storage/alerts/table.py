"""The table `alerts`: what becomes of alerts is published as plans of a stream of its own, each once however often it is repeated."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from typing import Any, Final

import duckdb
import pyarrow as pa

from ..lake.lake import Lake
from ..quoting import quoted
from ..schema import TableSchema
from .dispatches import Dispatches

TABLE: Final = "alerts"


def publish(lake: Lake, dispatches: Dispatches) -> int:
    """Publish the rows that are waiting; how many.

    Raises:
        LakeError: the table cannot be written now; nothing is lost.
        OSError: the same.
    """
    published = 0
    while (plan := dispatches.next_plan()) is not None:
        files = lake.open_batch(plan.stream, plan.number, time.time_ns())
        try:
            files.append(TABLE, _rows(lake.schemas[TABLE], plan.rows))
            written = files.close()
        except BaseException:
            files.abandon()
            raise
        lake.publish(written, plan.stream, plan.number)
        dispatches.finish_plan(plan.number)
        published += len(plan.rows)
    if published:
        lake.refresh()
    return published


def _rows(table: TableSchema, rows: Sequence[Mapping[str, Any]]) -> pa.Table:
    types = json.dumps({column.name: column.stored_type for column in table.stored})
    given = pa.table({"content": [json.dumps(row) for row in rows], "place": range(len(rows))})
    with duckdb.connect() as con:
        con.execute("set timezone='UTC'")
        con.register("given", given)
        read = f"select unnest(json_transform(content, {quoted(types)})) from (from given order by place)"  # noqa: S608 - types of our table
        return con.sql(read).to_arrow_table().select(table.arrow.names).cast(table.arrow)
