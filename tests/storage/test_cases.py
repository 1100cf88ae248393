"""Every case folder: OTLP/JSON requests in, rows of the documented tables and views out.

A case is `tests/cases/<name>/request.json` (one Export request, or a list of them, accepted 30 s apart) and `expected/<table>.json`
(the table's rows; of each row the columns worth saying). A derived table without a file is expected to be empty, but for those
of nearly everything.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import duckdb
import numpy as np
import pyarrow as pa
import pytest
from otelpond.receivers.otlp_json import to_protobuf
from otelpond.storage.decode import reference
from otelpond.storage.decode.payloads import Payloads, Rules
from otelpond.storage.derive import Deriver
from otelpond.storage.query import views_of
from otelpond.storage.schema import TableSchema, create_macros, load_tables
from otelpond.storage.signals import Signal

CASES = Path(__file__).parent.parent / "cases"
FOLDERS = sorted(path for path in CASES.iterdir() if path.name != "grouping")
"""Of all cases but those of grouping, which `grouping/test_pairs.py` reads."""
FIRST_ACCEPTED = 1_772_366_410_000_000_000  # 2026-03-01 12:00:10 UTC
SIGNALS = {"resourceSpans": Signal.TRACES, "resourceLogs": Signal.LOGS, "resourceMetrics": Signal.METRICS}
RULES = Rules(hash_address=lambda address, _: f"hash of {address}")
TABLES = load_tables()
UNSAID = {"spans", "span_events", "logs", "metric_points", "events", "user_sessions"}
"""Tables of nearly everything that is sent, which a case may pass over, as it may the views over events."""


def decoded(requests: Iterable[tuple[int, Mapping[str, Any]]]) -> dict[str, pa.Table]:
    """The decoded relations of numbered requests, each a payload of its own."""
    relations: dict[str, list[pa.Table]] = {}
    for index, request in requests:
        signal = next(SIGNALS[key] for key in request if key in SIGNALS)
        wire = np.frombuffer(to_protobuf(signal, json.dumps(request).encode()), np.uint8)
        payloads = Payloads(
            wire=wire,
            starts=np.array([0]),
            ends=np.array([len(wire)]),
            accepted_unix_nano=np.array([FIRST_ACCEPTED + index * 30_000_000_000]),
            tenants=["default"],
            digests=[index.to_bytes(16, "big")],
        )
        for name, table in reference.decode(signal, payloads, RULES).items():
            relations.setdefault(name, []).append(table)
    return {name: _renumbered(name, tables) for name, tables in relations.items()}


def _renumbered(name: str, tables: list[pa.Table]) -> pa.Table:
    """One relation of several payloads, as if they had been decoded together: row ids count on."""
    table = pa.concat_tables(tables)
    if name == "span_events":
        assert sum(part.num_rows > 0 for part in tables) <= 1, "a case holds span events in one request"
        return table
    return table.set_column(0, "row_id", pa.array(range(table.num_rows), pa.int64())) if "row_id" in table.schema.names else table


@pytest.fixture(scope="module")
def deriver() -> Deriver:
    """One for all cases: preparing its SELECTs takes longer than a case."""
    return Deriver(TABLES)


@pytest.fixture(scope="module")
def pond() -> duckdb.DuckDBPyConnection:
    """A connection with every table and view, over tables instead of files."""
    con = duckdb.connect(config={"threads": 1})  # a second one takes longer to begin than a case's rows to be read
    con.execute("set timezone='UTC'")
    create_macros(con)
    con.execute("create schema files")
    for name, table in TABLES.items():
        con.register("empty", table.arrow.empty_table())
        con.execute(f"create table files.{name} as select * from empty")
    con.execute("create view files.events_open as select * from files.events")  # no day's sessions are stored
    for name, select in views_of(TABLES, without_rows={"issue_activity"}):
        con.execute(f"create view {name} as {select}")
    return con


@contextmanager
def published(pond: duckdb.DuckDBPyConnection, batches: Iterable[Mapping[str, pa.Table]]) -> Iterator[None]:
    """The tables hold the rows of these batches, and afterwards none."""
    pond.execute("begin")
    try:
        for batch in batches:
            for name, rows in batch.items():
                pond.register("part", rows.cast(TABLES[name].arrow))
                pond.execute(f"insert into files.{name} select * from part")
        yield
    finally:
        pond.execute("rollback")


def rows_of(con: duckdb.DuckDBPyConnection, table: TableSchema) -> list[dict[str, Any]]:
    """A table's rows as JSON would have them."""
    result = con.execute(f"select * from {table.name}")
    types = {column.name: column.sql_type for column in table.columns}
    names = [name for name, *_ in result.description or []]
    return [{name: _plain(value, types[name]) for name, value in zip(names, row, strict=True)} for row in result.fetchall()]


def _plain(value: object, sql_type: str) -> object:
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, date | UUID):
        return str(value)
    if isinstance(value, Decimal):
        return float(value)
    return json.loads(value) if sql_type == "JSON" and isinstance(value, str) else value


def _order(row: Mapping[str, Any]) -> str:
    return json.dumps(row, sort_keys=True)


@pytest.mark.parametrize("batching", ["together", "one by one"])
@pytest.mark.parametrize("case", [path.name for path in FOLDERS])
def test_case_gives_the_expected_rows(case: str, batching: str, deriver: Deriver, pond: duckdb.DuckDBPyConnection) -> None:
    """The rows of every table and view are those of the case, whether its requests share a batch or not."""
    loaded = json.loads((CASES / case / "request.json").read_text())
    requests = list(enumerate(loaded if isinstance(loaded, list) else [loaded]))
    batches = [requests] if batching == "together" else [[request] for request in requests]
    given = {path.stem: json.loads(path.read_text()) for path in (CASES / case / "expected").glob("*.json")}
    assert set() == set(given) - set(TABLES)
    derived = [deriver.derive(decoded(batch)) for batch in batches]
    assert set() == {name for batch in derived for name, rows in batch.items() if rows.num_rows} - UNSAID - set(given)
    with published(pond, derived):
        actual = {name: rows_of(pond, TABLES[name]) for name in given}
    for name, expected in given.items():
        columns = sorted(set().union(*expected))
        assert sorted(expected, key=_order) == sorted(({key: row[key] for key in columns} for row in actual[name]), key=_order), name


def test_every_case_says_what_it_expects() -> None:
    """A case without a request or without any expected table is a mistake."""
    for case in FOLDERS:
        assert (case / "request.json").is_file()
        assert list((case / "expected").glob("*.json"))


def test_a_crash_of_very_many_attributes_is_a_row(deriver: Deriver) -> None:
    """Those of the record and of its resource are read in a time that grows with them, and not with one times the other."""
    own, of_resource = (
        [{"key": f"device.{kind}{number}", "value": {"stringValue": "x"}} for number in range(20_000)] for kind in ("own", "of_resource")
    )
    exception = {"key": "exception.type", "value": {"stringValue": "MemoryError"}}
    record = {"timeUnixNano": "1772366400000000000", "eventName": "app.crash", "severityNumber": 21, "attributes": [*own, exception]}
    request = {"resourceLogs": [{"resource": {"attributes": of_resource}, "scopeLogs": [{"logRecords": [record]}]}]}
    rows = deriver.derive(decoded([(0, request)]))
    assert (1, 1) == (rows["crash_reports"].num_rows, rows["error_logs"].num_rows)
    assert 20_000 <= len(json.loads(rows["crash_reports"]["device_info"][0].as_py()))
