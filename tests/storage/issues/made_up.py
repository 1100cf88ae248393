"""A pond whose files are tables of one connection, and what is written into them: errors, and what is done about their issues."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from hashlib import md5
from typing import Any, Final
from uuid import UUID

import duckdb
import pyarrow as pa
from otelpond.storage.query import views_of
from otelpond.storage.schema import create_macros, load_tables

START: Final = datetime(2026, 3, 1, 12, tzinfo=UTC)
TABLES: Final = load_tables()
_TIMES: Final = {"crash_reports": "crash_timestamp", "api_performance_metrics": "request_timestamp", "issue_activity": "activity_timestamp"}
_SAID: Final = {
    "tenant_id": "acme",
    "organization_id": "acme",
    "service_name": "shop",
    "environment": "production",
    "user_role": "anonymous",
    "time_suspect": False,
    "error_type": "Application",
    "error_message": "boom",
    "exception_type": "ValueError",
    "report_source": "log",
    "crash_type": "abort",
    "crash_message": "boom",
    "crash_stack": "",
    "endpoint_path": "/orders/{id}",
    "http_method": "GET",
    "status_code": 500,
    "db_system": "postgresql",
    "query_type": "SELECT",
    "table_name": "orders",
    "duration_ns": 1_000_000,
    "grouping_version": 1,
    "culprit": "total in shop.orders",
    "actor": "ada",
}


def at(minutes: float) -> datetime:
    """So long after the start."""
    return START + timedelta(minutes=minutes)


def issue_id(fingerprint: str, service: str = "shop", tenant: str = "acme") -> UUID:
    """The issue of a fingerprint."""
    return UUID(md5(f"{tenant}/{service}/{fingerprint}".encode(), usedforsecurity=False).hexdigest())


def number(value: int) -> UUID:
    """A UUID that counts."""
    return UUID(int=value)


class MadeUpPond:
    """Every documented table and view, over tables instead of files; to be emptied between tests."""

    def __init__(self) -> None:
        self.con = duckdb.connect(config={"threads": 1})
        self.con.execute("set timezone='UTC'")
        self.con.execute("create schema files")
        create_macros(self.con)
        for name, table in TABLES.items():
            self.con.register("empty", table.arrow.empty_table())
            self.con.execute(f"create table files.{name} as select * from empty")
        self.con.execute("create view files.events_open as select * from files.events")
        for name, select in views_of(TABLES):
            self.con.execute(f"create view {name} as {select}")
        self._written: set[str] = set()
        self._rows = 0

    def empty(self) -> None:
        """Forget all rows."""
        for name in self._written:
            self.con.execute(f"delete from files.{name}")
        self._written.clear()
        self._rows = 0

    def write(self, table: str, rows: Iterable[Mapping[str, Any]]) -> None:
        """Rows of a table; `minutes` says when, and what else a row does not say is made up."""
        self.con.register("given", pa.Table.from_pylist([self._row(table, row) for row in rows], TABLES[table].arrow))
        self.con.execute(f"insert into files.{table} select * from given")
        self._written.add(table)

    def _row(self, table: str, row: Mapping[str, Any]) -> dict[str, Any]:
        moment = at(row.get("minutes", 0))
        self._rows += 1
        key = f"{self._rows:032x}"
        told = {
            **_SAID,
            _TIMES.get(table, "error_timestamp"): moment,
            "timestamp": moment,
            "error_time_unix_nano": int(moment.timestamp() * 1e6) * 1000,
            "error_key": key,
            "payload_digest": key,
            "report_index": 0,
            "item_index": 0,
            "trace_id": key,
            "span_id": key[16:],
            "crash_id": str(number(self._rows)),
            "activity_id": str(number(self._rows)),
            "ingested_at": moment,
            "dt": moment.date(),
            **row,
        }
        return {name: str(value) if isinstance(value, UUID) else value for name, value in told.items()}

    def errors(self, *rows: Mapping[str, Any]) -> None:
        """Log records with an exception, one report each."""
        self.write("error_logs", rows)

    def act(self, activity: str, of: str, minutes: float, **fields: Any) -> None:
        """Something is done about the issue of a fingerprint."""
        self.write("issue_activity", [{"activity": activity, "issue_id": issue_id(of), "minutes": minutes, **fields}])

    def ask(self, sql: str, *values: object) -> list[dict[str, Any]]:
        """The answer, a dictionary a row; JSON parsed."""
        found = self.con.execute(sql, list(values))
        columns = [(column[0], str(column[1]) == "JSON") for column in found.description or []]
        return [
            {name: json.loads(value) if parsed and value else value for (name, parsed), value in zip(columns, row, strict=True)}
            for row in found.fetchall()
        ]

    def issue(self, fingerprint: str) -> dict[str, Any]:
        """The row of `issues`."""
        (row,) = self.ask("select * from issues where issue_id = ?", issue_id(fingerprint))
        return row

    def status(self, fingerprint: str) -> tuple[str, str | None]:
        """Of the issue: its status and the reason."""
        row = self.issue(fingerprint)
        return row["status"], row["status_reason"]
