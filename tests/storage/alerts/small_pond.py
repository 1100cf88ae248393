"""Ponds with errors, for the rules of alerts: their rows are written as the pipeline would write them, without a collector."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import duckdb
from otelpond.storage.alerts.alert import Alert
from otelpond.storage.alerts.dispatches import Dispatches
from otelpond.storage.alerts.evaluator import Evaluator
from otelpond.storage.alerts.rules import Rule
from otelpond.storage.alerts.state_file import StateFile
from otelpond.storage.lake.lake import Lake
from otelpond.storage.schema import TableSchema, load_tables

START = datetime.now(UTC).replace(microsecond=0)
VIEWS = ("issue_events", "issue_links", "issue_changes", "issue_states", "issues", "releases")
TABLES = (
    "error_logs",
    "crash_reports",
    "api_error_logs",
    "database_error_logs",
    "api_performance_metrics",
    "server_performance_metrics",
    "database_performance_metrics",
    "events",
    "user_sessions",
    "issue_activity",
    "mapped_stacks",
    "alerts",
)
DEFAULTS: Mapping[str, Any] = {"TEXT": "", "VARCHAR": "", "BIGINT": 0, "INTEGER": 0, "BOOLEAN": False, "DOUBLE": 0.0}


def documented() -> dict[str, TableSchema]:
    """The tables that errors and rules are about, and the views over them."""
    tables = load_tables()
    return {name: tables[name] for name in (*TABLES, *VIEWS)}


def fingerprint(text: str) -> str:
    """That of an error with this text."""
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def issue_of(text: str, *, tenant: str = "default", service: str = "shop") -> str:
    """The issue of errors with this text."""
    return str(UUID(hashlib.md5(f"{tenant}/{service}/{fingerprint(text)}".encode(), usedforsecurity=False).hexdigest()))


class SmallPond:
    """A pond that a test publishes rows to, and evaluates rules over."""

    def __init__(self, data: Path, tables: Mapping[str, TableSchema]) -> None:
        self.data = data
        self.lake = Lake(data, tables)
        self.lake.refresh()
        self._plans = 0
        self._errors = 0

    def publish(self, *rows: tuple[str, Mapping[str, Any]]) -> None:
        """Publish rows, each with its table, as one plan."""
        self._plans += 1
        batch = self.lake.open_batch("inbox", self._plans, 0)
        for name in dict.fromkeys(name for name, _ in rows):
            batch.append(name, self._arrow(name, [row for table, row in rows if table == name]))
        written = batch.close()
        accepted = max(datetime.fromisoformat(row["ingested_at"]) for _, row in rows).timestamp()
        for name, files in written.files.items():
            for file in files:
                os.utime(self.lake.folder / name / file.path, (accepted, accepted))
        self.lake.publish(written, "inbox", self._plans)
        self.lake.refresh()

    def error(self, text: str = "boom", *, at: datetime = START, **more: Any) -> tuple[str, Mapping[str, Any]]:
        """A row of error_logs."""
        self._errors += 1
        return "error_logs", {
            "error_type": "Application",
            "exception_type": "ValueError",
            "error_message": text,
            "error_timestamp": at.isoformat(),
            "error_time_unix_nano": int(at.timestamp() * 1e9),
            "fingerprint": fingerprint(text),
            "trace_id": f"{self._errors:032x}",
            "span_id": f"{self._errors:016x}",
            "report_source": "span_event",
            "error_key": f"{self._errors:032x}",
            "payload_digest": f"{self._errors:032x}",
            "span_start_unix_nano": int(at.timestamp() * 1e9) - 1000,
            "span_end_unix_nano": int(at.timestamp() * 1e9),
            **self._common(at),
            **more,
        }

    def request(self, *, at: datetime = START, status: int = 200, duration_ms: float = 10.0, **more: Any) -> tuple[str, Mapping[str, Any]]:
        """A row of api_performance_metrics."""
        self._errors += 1
        return "api_performance_metrics", {
            "endpoint_path": "/orders",
            "http_method": "GET",
            "status_code": status,
            "error": status >= 500,
            "request_timestamp": at.isoformat(),
            "response_time_ms": int(duration_ms),
            "duration_ns": int(duration_ms * 1e6),
            "trace_id": f"{self._errors:032x}",
            "span_id": f"{self._errors:016x}",
            **self._common(at),
            **more,
        }

    def failed_request(self, text: str, *, at: datetime = START, **more: Any) -> tuple[str, Mapping[str, Any]]:
        """A row of api_error_logs."""
        self._errors += 1
        return "api_error_logs", {
            "endpoint_path": "/orders",
            "http_method": "GET",
            "status_code": 500,
            "error_message": text,
            "error_timestamp": at.isoformat(),
            "duration_ns": 1000,
            "fingerprint": fingerprint(text),
            "trace_id": f"{self._errors:032x}",
            "span_id": f"{self._errors:016x}",
            **self._common(at),
            **more,
        }

    def activity(self, issue: str, activity: str, *, at: datetime, number: int = 1, **more: Any) -> tuple[str, Mapping[str, Any]]:
        """A row of issue_activity."""
        name = str(UUID(int=number))
        return "issue_activity", {
            "activity_id": name,
            "issue_id": issue,
            "activity": activity,
            "activity_timestamp": at.isoformat(),
            "actor": "ana",
            **self._common(at),
            **more,
        }

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """What the pond answers."""
        with duckdb.connect() as con:
            con.execute("set timezone='UTC'")
            con.execute(f"attach '{self.data / 'pond.duckdb'}' as pond (read_only)")
            con.execute("use pond")
            return con.execute(sql).fetchall()

    @staticmethod
    def _common(at: datetime) -> dict[str, Any]:
        return {
            "organization_id": "default", "service_name": "shop", "service_version": "1.0", "environment": "production",
            "dt": at.date().isoformat(), "ingested_at": at.isoformat(), "tenant_id": "default", "user_role": "anonymous",
        }  # fmt: skip

    def _arrow(self, name: str, rows: Sequence[Mapping[str, Any]]) -> Any:
        table = self.lake.schemas[name]
        types = json.dumps({column.name: column.stored_type for column in table.stored})
        defaults = {column.name: DEFAULTS.get(column.sql_type) for column in table.stored if not column.nullable}
        with duckdb.connect() as con:
            con.execute("set timezone='UTC'")
            con.execute("create table given (content varchar)")
            con.executemany("insert into given values (?)", [[json.dumps({**defaults, **row})] for row in rows])
            read = con.sql(f"select unnest(json_transform(content, '{types}')) from given").to_arrow_table()
        return read.select(table.arrow.names).cast(table.arrow)


class Watch:
    """Rules over a small pond, as the collector's process has them; may be ended and begun again."""

    def __init__(self, pond: SmallPond, *rules: Rule, started: datetime = START - timedelta(hours=1)) -> None:
        self.file = StateFile(pond.data)
        self.dispatches = Dispatches(self.file, "default")
        self.evaluator = Evaluator(pond.data, rules, self.file, self.dispatches, started=started)

    def look(self, now: datetime = START) -> list[Alert]:
        """The alerts of an evaluation."""
        return [each.alert for each in self.evaluator.evaluate(now)]

    def end(self) -> None:
        """As a kill does."""
        self.file.close()
