"""What of the demo arrived: waits for it, shows it, and says what is missing; the `demo` command hands over what was sent."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

import duckdb
from rich.console import Console
from rich.text import Text

from ...storage.query import PondNotFoundError, connect
from ..commands.freshness import publish
from ..commands.rows import Rows, grid

QUERIES = Path(__file__).parent / "queries"
WAIT_S = 300.0
"""The first start on a slow machine compiles the decoders before anything can be published."""

EXPECTED: Final[dict[str, str]] = {
    "a slow request": "select count(*) from api_performance_metrics where slow_api and ingested_at >= $since",
    "a slow query": "select count(*) from database_performance_metrics where slow_query and ingested_at >= $since",
    "a request that failed": "select count(*) from api_error_logs where status_code = 500 and ingested_at >= $since",
    "a query that failed": "select count(*) from database_error_logs where ingested_at >= $since",
    "an error nobody handled": "select count(*) from error_logs where error_message = 'division by zero' and ingested_at >= $since",
    "an error the shop handled": "select count(*) from error_logs where error_message like '%was declined' and ingested_at >= $since",
    "the worker's crash": "select count(*) from crash_reports where service_name = 'shop-worker' and ingested_at >= $since",
    "the shop's health": "select count(*) from server_performance_metrics where service_name = 'shop' and ingested_at >= $since",
    "the shop's log": "select count(*) from logs where service_name = 'shop' and ingested_at >= $since",
}
"""What must have arrived, and the statement that counts it."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """What should have arrived.

    Attributes:
        since: when the demo started; a pond may hold older demos.
        requests: how many requests the shop answered, each of which is one row.
    """

    since: datetime
    requests: int


def wait_for_arrival(data: Path, arrival: Arrival) -> None:
    """Ask for publishes until every request is in its table, or too much time has passed, which `missing` will tell."""
    deadline = time.monotonic() + WAIT_S
    while _requests(data, arrival) < arrival.requests and time.monotonic() < deadline:
        publish(data)


def print_report(console: Console, data: Path, arrival: Arrival) -> None:
    """Show every query of the folder, in the order of their names."""
    with connect(data) as connection:
        for file in sorted(QUERIES.glob("*.sql")):
            statement = file.read_text(encoding="utf-8")
            connection.execute(statement, {"since": arrival.since})
            console.print(Text("\n" + statement.partition("\n")[0].removeprefix("-- "), style="bold cyan"))
            console.print(grid(Rows(connection), limit=20)[0])


def missing(data: Path, arrival: Arrival) -> list[str]:
    """What did not arrive as it was sent, a line each; empty where all is well."""
    with connect(data) as connection:

        def count(statement: str) -> int:
            return _count(connection, statement, arrival)

        problems = [f"missing: {what}; nothing comes of: {statement}" for what, statement in EXPECTED.items() if not count(statement)]
        if rejected := count("select count(*) from rejected_records where ingested_at >= $since"):
            problems.append(f"{rejected} records were refused: select * from rejected_records")
    if (arrived := _requests(data, arrival)) != arrival.requests:
        problems.append(f"{arrival.requests} requests were answered, and {arrived} are in api_performance_metrics")
    return problems


def _requests(data: Path, arrival: Arrival) -> int:
    try:
        with connect(data) as connection:
            return _count(
                connection, "select count(*) from api_performance_metrics where service_name = 'shop' and ingested_at >= $since", arrival
            )
    except PondNotFoundError:
        return 0


def _count(connection: duckdb.DuckDBPyConnection, statement: str, arrival: Arrival) -> int:
    found = connection.execute(statement, {"since": arrival.since}).fetchone()
    return int(found[0]) if found else 0
