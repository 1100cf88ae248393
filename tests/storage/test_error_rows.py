"""The rows that tell of an error, told by columns, are those that a plain SELECT gives."""

from __future__ import annotations

import random

import duckdb
import pyarrow as pa
import pytest
from otelpond.storage.error_rows import error_rows

SPANS = pa.schema(
    [("row_id", pa.int64()), ("status_code", pa.string_view()), ("http_response_status_code", pa.int64()), ("kept", pa.bool_())]
)
EVENTS = pa.schema([("span_row_id", pa.int64()), ("event_name", pa.string_view()), ("exception_type", pa.string_view())])
LOGS = pa.schema(
    [
        ("event_name", pa.string_view()),
        ("exception_type", pa.string_view()),
        ("exception_message", pa.string_view()),
        ("severity_number", pa.int32()),
    ]
)
OF_LOGS = """
    select rowid from logs where exception_type is not null or exception_message is not null or severity_number >= 17
        or event_name in ('error', 'exception', 'app.crash', 'device.crash') order by all"""
OF_SPANS = """
    select place from (select *, row_number() over (order by row_id) - 1 as place from spans) where status_code = 'ERROR'
        or http_response_status_code >= 400
        or row_id in (select span_row_id from events where event_name = 'exception' or exception_type is not null) order by all"""


def told(select: str, **tables: pa.Table) -> list[int]:
    """What DuckDB says."""
    with duckdb.connect() as con:
        for name, rows in tables.items():
            con.register("given", rows)
            con.execute(f"create table {name} as from given")
        return [row for (row,) in con.sql(select).fetchall()]


@pytest.mark.parametrize("seed", range(8))
def test_spans_are_told_by_status_and_by_their_exceptions(seed: int) -> None:
    """Where rules dropped some, their events name nobody else."""
    some = random.Random(seed)
    rows = [(number, some.choice(["ERROR", "OK", None]), some.choice([200, 399, 400, None]), some.random() < 0.8) for number in range(60)]
    spans = pa.Table.from_pylist([dict(zip(SPANS.names, row, strict=True)) for row in rows if row[3] or seed == 0], SPANS)
    names = [(some.randrange(60), some.choice(["exception", "retry", None]), some.choice(["ValueError", None])) for _ in range(5)]
    events = pa.Table.from_pylist([dict(zip(EVENTS.names, row, strict=True)) for row in names], EVENTS)

    assert told(OF_SPANS, spans=spans, events=events) == error_rows("spans", {"spans": spans, "span_events": events}).tolist()
    assert told(OF_SPANS, spans=spans, events=events.slice(0, 0)) == error_rows("spans", {"spans": spans}).tolist()


@pytest.mark.parametrize("seed", range(8))
def test_log_records_are_told_by_exception_severity_and_name(seed: int) -> None:
    """Absent values tell nothing."""
    some = random.Random(seed)
    names = ["error", "errors", "exception", "app.crash", "device.crash", "device.crash.handled", None, None, None]
    rows = [
        {
            "event_name": some.choice(names),
            "exception_type": some.choice(["KeyError", None, None, None]),
            "exception_message": some.choice(["", None, None, None]),
            "severity_number": some.choice([9, 16, 17, 24, None, None]),
        }
        for _ in range(60)
    ]
    logs = pa.Table.from_pylist(rows, LOGS)

    assert told(OF_LOGS, logs=logs) == error_rows("logs", {"logs": logs}).tolist()
