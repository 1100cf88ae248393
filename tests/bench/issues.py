# ruff: noqa: T201 - it prints figures
"""Issues over a million rows of errors: what the views of issues take, and what they add to those of errors; run by `run`.

python tests/bench/issues.py [--rows 1000000]        a pond of its own, in half a minute
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from hashlib import md5
from pathlib import Path
from typing import Any, Final
from uuid import UUID, uuid4

import duckdb
import figures
import pyarrow as pa
from figures import Figure
from otelpond.storage import connect
from otelpond.storage.issues.activity import Activity, append
from otelpond.storage.lake.lake import Lake
from otelpond.storage.schema import load_tables

ROWS: Final = 1_000_000
ISSUES: Final = 5_000
STATES: Final = 500
"""Issues that something was done about."""
SHARES: Final = {"error_logs": 0.7, "api_error_logs": 0.2, "database_error_logs": 0.08, "crash_reports": 0.02}
TRIES: Final = 5
_SAME: Final = f"""
    n,
    md5('issue ' || try_cast(floor({ISSUES} * pow(random(), 3)) as bigint)) as fingerprint,
    1 as grouping_version, '{{"by":"in_app_frames","parts":["ValueError","shop.orders total: return a / b"]}}' as grouping,
    'total in shop.orders' as culprit, timestamptz '2026-03-01' + to_microseconds(n * 2000000) as moment,
    'boom ' || n as message, 'ValueError' as exception_type, 'u' || try_cast(floor(20000 * random()) as bigint) as user_id,
    's' || n // 3 as session_id, 'customer' as user_role, 'acme' as organization_id, 'acme' as tenant_id, 'shop' as service_name,
    '1.' || (n // 50000) as service_version, if(n % 5 = 0, 'test', 'production') as environment, false as time_suspect,
    md5('trace ' || n) as trace_id, left(md5('span ' || n), 16) as span_id, md5('payload ' || n // 500) as payload_digest, n % 500 as place
"""
_ROWS: Final = {
    "error_logs": """
        *, message as error_message, 'Application' as error_type, moment as error_timestamp,
        epoch_us(moment) * 1000 as error_time_unix_nano,
        repeat('  File "/app/shop/orders.py", line 12, in total' || chr(10), 20) as error_stack,
        if(n % 10 < 4, 'log', 'span_event') as report_source, md5('error ' || n - if(n % 10 < 3, 5, 0)) as error_key, place as report_index,
        if(report_source = 'span_event', error_time_unix_nano - 1000000, null) as span_start_unix_nano,
        span_start_unix_nano + 2000000 as span_end_unix_nano
    """,
    "api_error_logs": """
        *, message as error_message, '/orders/{id}' as endpoint_path, 'GET' as http_method, if(n % 2 = 0, 404, 500) as status_code,
        moment as error_timestamp, 1000000 as duration_ns
    """,
    "database_error_logs": """
        *, message as error_message, 'query' as error_type, 'SELECT' as query_type, 'orders' as table_name, 'postgresql' as db_system,
        moment as error_timestamp, 1000000 as duration_ns
    """,
    "crash_reports": """
        *, try_cast(uuid() as text) as crash_id, message as crash_message, 'abort' as crash_type, '' as crash_stack,
        moment as crash_timestamp, service_version as release_version, place as item_index
    """,
}
QUERIES: Final = {
    figures.ISSUES: "select * from issues order by last_seen desc limit 100",
    figures.ISSUE_ROWS: "select * from error_logs limit 10",
    figures.ISSUE_COUNT: "select count(*) from error_logs",
    figures.ISSUE_RESOLVED: "select count(*) from error_logs where resolved",
    figures.ISSUE_REPORTS: "select count(*) from errors_once where error_type <> ''",
}


def made_up(table: str, rows: int, schema: pa.Schema) -> Iterator[pa.Table]:
    """Rows of a table, 100,000 at once."""
    with duckdb.connect() as con:
        con.execute("set timezone = 'UTC'")
        con.execute("select setseed(0.5)").fetchall()
        for first in range(0, rows, 100_000):
            told = f"select {_ROWS[table]} from (select {_SAME} from range({first}, {min(first + 100_000, rows)}) each(n))"
            made = con.sql(f"select *, cast(moment as date) as dt, moment as ingested_at from ({told})").to_arrow_table()
            yield pa.table([_column(made, field) for field in schema], schema)


def _column(rows: pa.Table, field: pa.Field) -> pa.ChunkedArray:
    return rows[field.name].cast(field.type) if field.name in rows.column_names else pa.chunked_array([pa.nulls(rows.num_rows, field.type)])


def fill(lake: Lake, rows: int) -> None:
    """Publish a pond of errors in ten plans."""
    for table, share in SHARES.items():
        for plan, part in enumerate(made_up(table, round(rows * share), lake.schemas[table].arrow)):
            batch = lake.open_batch(f"bench-{table}", plan, 0)
            batch.append(table, part)
            lake.publish(batch.close(), f"bench-{table}", plan)
    lake.refresh()


def act(lake: Lake) -> None:
    """Something is done about the issues with most events."""
    kinds: list[dict[str, Any]] = [
        {"activity": "resolved", "resolved_in": "now"},
        {"activity": "resolved", "resolved_in": "release", "release": "1.9"},
        {"activity": "ignored", "ignored_count": 100},
        {"activity": "ignored", "ignored_users": 100},
    ]
    common = {"activity_timestamp": datetime(2026, 3, 10, tzinfo=UTC), "actor": "ada", "tenant_id": "acme", "service_name": "shop"}
    append(lake, [Activity(activity_id=uuid4(), issue_id=_issue(n), **common, **kinds[n % len(kinds)]) for n in range(STATES)])


def _issue(number: int) -> UUID:
    fingerprint = md5(f"issue {number}".encode(), usedforsecurity=False).hexdigest()
    return UUID(md5(f"acme/shop/{fingerprint}".encode(), usedforsecurity=False).hexdigest())


def best_ms(con: duckdb.DuckDBPyConnection, sql: str) -> float:
    """The quickest of several tries, in milliseconds."""
    times = []
    for _ in range(TRIES):
        started = time.perf_counter()
        con.execute(sql).fetchall()
        times.append(time.perf_counter() - started)
    return min(times) * 1000


def measure(folder: Path, rows: int = ROWS) -> list[Figure]:
    """Fill a pond and ask it, before and after something was done about its issues."""
    lake = Lake(folder / "pond", load_tables())
    fill(lake, rows)
    with connect(lake.data) as con:
        untouched = {target: best_ms(con, sql) for target, sql in QUERIES.items()}
    act(lake)
    with connect(lake.data) as con:
        touched = {target: best_ms(con, sql) for target, sql in QUERIES.items()}
    for target in QUERIES:
        print(f"{target.name}: {untouched[target]:.0f} ms untouched, {touched[target]:.0f} ms with {STATES} activities")
    acted = Figure(figures.ISSUES_ACTED, touched[figures.ISSUES] / untouched[figures.ISSUES])
    return [acted, *(Figure(target, touched[target]) for target in QUERIES)]


def main() -> None:
    """Print the figures as a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=ROWS)
    with tempfile.TemporaryDirectory() as folder:
        print(figures.table(measure(Path(folder), parser.parse_args().rows)))


if __name__ == "__main__":
    main()
