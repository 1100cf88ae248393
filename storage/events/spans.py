"""Spans that are events: clicks and page loads as OpenTelemetry's older browser packages tell them; derive hands them on as log records."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import duckdb
import pyarrow as pa

from ..executed import executed
from ..selects import Relation

_SQL: Final = Path(__file__).parent / "span_records.sql"


def prepare_span_records(con: duckdb.DuckDBPyConnection) -> None:
    """Prepare what `event_records` executes, on the connection where the relations are registered."""
    con.execute(f"prepare span_records as {_SQL.read_text(encoding='utf-8')}")


def event_records(con: duckdb.DuckDBPyConnection, relations: Mapping[str, Relation]) -> pa.Table:
    """The log records of the batch, and behind them its spans that are events, in the columns of `decoded_logs`."""
    records = relations["logs"].rows
    if not relations["browser_spans"].rows.num_rows:
        return records
    told = executed(con, "span_records").select(records.schema.names)
    return pa.concat_tables([records, told.cast(records.schema)])
