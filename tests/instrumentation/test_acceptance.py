"""An unmodified FastAPI and SQLAlchemy service under `otelpond run`, 1,000 mixed requests: every row once, and no column empty.

The share of filled values of every column is printed (`pytest -s`).
"""

from __future__ import annotations

import random
import sqlite3
import sys
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

BIN = Path(sys.executable).parent
OTELPOND = (sys.executable, "-m", "otelpond.config.cli")
REQUESTS = 1000
SEEDED = 100
"""Items that exist before the service starts."""
SETTINGS = {"OTELPOND_ENVIRONMENT": "acceptance", "OTELPOND_SERVICE_VERSION": "1.2.3", "OTELPOND_DETAILS_FROM_STATUS": "400"}

MAY_BE_EMPTY = {
    *("resolved", "resolved_at", "resolved_by", "error_code", "request_body", "response_body", "page_slug", "device_info"),
    *("previous_fingerprint", "mapped_stack"),
}
"""In any table; the user is asked of rows that have one only, and other exceptions stand at their tables."""
USER = ("user_id", "session_id")


@dataclass(frozen=True)
class Kind:
    """A kind of request, what is answered, and what must come of it; `{n}` is the request's number."""

    method: str
    path: str
    status: int = 200
    statements: tuple[str, ...] = ()
    error: str | None = None
    body: str | None = None


READ = Kind("GET", "/items/{existing}?page=2", statements=("SELECT",))
LIST = Kind("GET", "/items", statements=("SELECT",))
RENAME = Kind("PUT", "/items/{other}", statements=("UPDATE", "SELECT"), body='{{"name": "renamed {n}"}}')
ADD = Kind("POST", "/items", 201, ("INSERT",), body='{{"name": "new {n}"}}')
STREAM = Kind("GET", "/stream")
KINDS = (
    *(READ, READ, READ, READ, LIST, LIST, LIST, RENAME, RENAME, ADD, ADD, STREAM, STREAM),
    Kind("GET", "/items/99999", 404, ("SELECT",)),
    Kind("GET", "/nowhere", 404),
    Kind("POST", "/items", 422, body='{{"wrong": 1}}'),
    Kind("GET", "/fails", 500, error="LookupError"),
    Kind("GET", "/refuses", 503, error="HTTPException"),
    Kind("POST", "/items", 500, ("INSERT",), "IntegrityError", '{{"name": "item 1"}}'),
    Kind("GET", "/recovers", error="ConnectionError"),
)


@dataclass
class Traffic:
    """What is asked, and what must come of it."""

    kinds: tuple[Kind, ...]

    def __post_init__(self) -> None:
        self.statuses = Counter(kind.status for kind in self.kinds)
        self.statements = Counter(statement for kind in self.kinds for statement in kind.statements)
        self.errors = Counter(kind.error for kind in self.kinds if kind.error is not None)
        self.users = sum(user(number) is not None for number in range(len(self.kinds)))


def user(number: int) -> str | None:
    """Two of three requests are somebody's."""
    return f"user{number % 7}" if number % 3 else None


def mixed() -> Traffic:
    """1,000 requests of every kind, in a shuffled but always the same order."""
    kinds = [KINDS[number % len(KINDS)] for number in range(REQUESTS)]
    random.Random(7).shuffle(kinds)
    return Traffic(tuple(kinds))


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """The service's file, with the items that exist."""
    path = tmp_path / "store.db"
    with sqlite3.connect(path) as connection:
        connection.execute("pragma journal_mode=wal")
        connection.execute("create table items (id integer primary key, name text not null unique)")
        connection.executemany("insert into items (id, name) values (?, ?)", [(n, f"item {n}") for n in range(1, SEEDED + 1)])
    connection.close()
    return path


def put(traffic: Traffic, address: str) -> None:
    """Ask all of it, by eight clients at once."""

    def ask(number: int) -> int:
        kind, who = traffic.kinds[number], user(number)
        path = kind.path.format(existing=1 + number % SEEDED, other=2 + number % 90)
        headers = {"user-agent": "acceptance/1", "content-type": "application/json", **({"x-user": who} if who else {})}
        body = kind.body.format(n=number) if kind.body else None
        return clients.request(kind.method, f"http://{address}{path}", headers=headers, content=body).status_code

    alone = httpx.Limits(max_keepalive_connections=0)  # uvicorn resets a connection behind an exception
    with httpx.Client(timeout=60, limits=alone) as clients, ThreadPoolExecutor(8) as pool:
        assert traffic.statuses == Counter(pool.map(ask, range(REQUESTS)))


def shares(collector: Any, table: str, where: str) -> dict[str, float]:
    """The share of filled values of every column; text that says nothing is not filled."""
    columns = collector.rows(f"select column_name from information_schema.columns where table_name = '{table}' order by ordinal_position")
    filled = ", ".join(f"avg(case when coalesce({name}::text, '') in ('', 'unknown') then 0 else 1 end)" for (name,) in columns)
    (row,) = collector.rows(f"select count(*), {filled} from {table} where {where}")
    assert row[0], f"no rows in {table} where {where}"
    return {name: share for (name,), share in zip(columns, row[1:], strict=True)}


def assert_filled(collector: Any, table: str, where: str, *, but: set[str] | None = None) -> None:
    """Print the shares, and fail for a column below 99 %."""
    found = shares(collector, table, where)
    sys.stdout.write(f"\n{table} where {where}:\n" + "".join(f"  {share:7.1%}  {name}\n" for name, share in found.items()))
    allowed = MAY_BE_EMPTY | {*USER} | (but or set())
    assert [] == [f"{table}.{name}: {share:.1%}" for name, share in found.items() if share < 0.99 and name not in allowed]
    with_user = shares(collector, table, f"{where} and user_id is not null") if "user_id" in found else {}
    assert all(share >= 0.99 for name, share in with_user.items() if name in USER)


SERVERS = {
    "uvicorn": ("uvicorn", "store:app", "--workers", "2", "--host", "127.0.0.1", "--port", "{port}", "--log-level", "warning"),
    "gunicorn": (
        "gunicorn",
        "store:app",
        "--workers",
        "2",
        "--worker-class",
        "uvicorn.workers.UvicornWorker",
        "--bind",
        "{address}",
        "--no-control-socket",
    ),
}


@pytest.mark.timeout(300)
@pytest.mark.parametrize("server", ["uvicorn", pytest.param("gunicorn", marks=pytest.mark.long)])
def test_every_row_once_and_no_column_empty(
    server: str,
    *,
    collector: Any,
    serve: Callable[..., Any],
    free_address: Callable[[], str],
    eventually: Callable[..., Any],
    database: Path,
) -> None:
    """Two workers, sync and async engines, and nothing changed in the service's code."""
    address = free_address()
    command = [word.format(address=address, port=address.rpartition(":")[2]) for word in SERVERS[server]]
    service = f"store-{server}"
    launcher = (*OTELPOND, "run", "--service", service, "--endpoint", f"http://{collector.http}", "--")
    mine = f"service_name = '{service}'"
    traffic = mixed()
    asked = 0
    pids: set[int] = set()
    with serve(address, *launcher, str(BIN / command[0]), *command[1:], STORE_DATABASE=str(database), **SETTINGS) as ask:

        def both_answered() -> bool:
            nonlocal asked
            asked += 1
            pids.add(ask("/pid").json())
            return len(pids) == 2

        eventually(both_answered, "both workers answered")
        put(traffic, address)
        alive = f"select count(distinct service_instance_id) from server_performance_metrics where {mine} and request_rate > 0"
        eventually(lambda: collector.published(alive) == [(2,)], "both workers have told of their health")
    asked_for = f"{mine} and user_agent = 'acceptance/1'"
    collector.publish()
    assert_requests(collector, asked_for, traffic)
    assert_statements(collector, mine, traffic)
    assert_errors(collector, mine, traffic)
    assert_columns(collector, mine, asked_for)


def assert_requests(collector: Any, where: str, traffic: Traffic) -> None:
    """Exactly 1,000 rows, of exactly these answers."""
    found = collector.rows(f"select status_code, count(*) from api_performance_metrics where {where} group by all")
    assert traffic.statuses == dict(found)
    assert [(traffic.users,)] == collector.rows(
        f"select count(*) from api_performance_metrics where {where} and user_role = 'customer' and user_id like 'user%'"
    )
    failed = sum(count for status, count in traffic.statuses.items() if status >= 400)
    assert [(failed,)] == collector.rows(f"select count(*) from api_error_logs where {where}")
    kinds = "select count(*) from spans where {} and name like '% http %'"
    assert [(0,)] == collector.rows(kinds.format(where.partition(" and ")[0]))


def assert_statements(collector: Any, where: str, traffic: Traffic) -> None:
    """One row for each, whichever engine ran it."""
    found = collector.rows(
        f"select query_type, count(*) from database_performance_metrics where {where} and table_name = 'items' group by all"
    )
    assert dict(traffic.statements) == dict(found)
    assert [(traffic.errors["IntegrityError"],)] == collector.rows(f"select count(*) from database_error_logs where {where}")


def assert_errors(collector: Any, where: str, traffic: Traffic) -> None:
    """Each once, with its stack and what came before it."""
    found = collector.rows(f"select split_part(exception_type, '.', -1), count(*) from error_logs where {where} group by all")
    assert dict(traffic.errors) == dict(found)
    told = "error_stack like '%Traceback%' and json_array_length(breadcrumbs) > 0"
    assert [] == collector.rows(f"select exception_type, breadcrumbs from error_logs where {where} and not coalesce({told}, false) limit 5")
    whose = f"from error_logs e join api_performance_metrics a using (trace_id) where e.{where}"
    assert [(traffic.errors.total(), 0)] == collector.rows(
        f"select count(*), count(*) filter (e.user_id is distinct from a.user_id) {whose}"
    )


def assert_columns(collector: Any, mine: str, asked_for: str) -> None:
    """What the instrumentation can know is there."""
    assert_filled(collector, "api_performance_metrics", asked_for)
    assert_filled(collector, "database_performance_metrics", mine)
    workers = f"{mine} and service_instance_id in (select service_instance_id from spans where {mine} and kind = 'SERVER')"
    first = f"select min(timestamp) as first from database_performance_metrics where {mine} group by service_instance_id"
    last = f"select max(request_timestamp) from api_performance_metrics where {mine}"
    workers += f" and timestamp > (select max(first) from ({first})) and timestamp < ({last})"  # no loop runs, no pool is open else
    assert_filled(collector, "server_performance_metrics", workers, but={"trace_id", "span_id"})
    assert_filled(collector, "error_logs", mine, but={"severity_number", "span_start_unix_nano", "span_end_unix_nano"})
    assert_filled(collector, "api_error_logs", f"{asked_for} and status_code >= 500")
    assert_filled(collector, "api_error_logs", f"{asked_for} and status_code < 500", but={"error_stack"})
    assert_filled(collector, "database_error_logs", mine)
