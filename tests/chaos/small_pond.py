"""A pond in one process, small and quick: what is killed and cut thousands of times. Payloads and their ids follow from numbers."""

from __future__ import annotations

import os
import threading
import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import duckdb
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from otelpond.storage.addresses import AddressHasher
from otelpond.storage.decode import reference
from otelpond.storage.decode.payloads import Rules
from otelpond.storage.derive import Deriver
from otelpond.storage.inbox.log import Inbox, Limits
from otelpond.storage.lake import compaction, delta_table, maintenance
from otelpond.storage.lake.lake import Lake
from otelpond.storage.pipeline.control import Control
from otelpond.storage.pipeline.pipeline import Options, Pipeline
from otelpond.storage.pipeline.plans import PlanStore
from otelpond.storage.schema import TABLES_FOLDER, TableSchema, load_tables
from otelpond.storage.signals import Inspection, Signal, UnavailableError

TABLES = ("spans", "api_performance_metrics", "logs", "rejected_records")
"""Two tables of one signal, so that a plan has several commits, and few, so that a recovery is quick."""
ITEMS = 4
EVERY_N_IS_LOGS = 3
LIMITS = Limits(segment_bytes=20_000, segment_age_s=0.4)
OPTIONS = Options(batch_interval_s=0.02, commit_interval_s=0.1, retry_window_s=120.0)
"""The window is shorter than the time until a cut is recovered: a retry counts from when it was accepted."""


def payload(number: int, now_ns: int) -> tuple[Signal, bytes]:
    """The n-th payload; equal bytes for equal arguments."""
    ids = [identifier.to_bytes(8, "big") for identifier in identifiers(number)]
    if number % EVERY_N_IS_LOGS == 0:
        logs = ExportLogsServiceRequest()
        scope_logs = logs.resource_logs.add().scope_logs.add()
        for span_id in ids:
            record = scope_logs.log_records.add(time_unix_nano=now_ns + number, span_id=span_id, trace_id=bytes(8) + span_id)
            record.body.string_value = "a line"
        return Signal.LOGS, logs.SerializeToString()
    traces = ExportTraceServiceRequest()
    scope_spans = traces.resource_spans.add().scope_spans.add()
    for span_id in ids:
        span = scope_spans.spans.add(trace_id=bytes(8) + span_id, span_id=span_id, name="GET /", kind=Span.SPAN_KIND_SERVER)
        span.start_time_unix_nano, span.end_time_unix_nano = now_ns + number, now_ns + number + 1_000_000
        span.attributes.append(KeyValue(key="http.request.method", value=AnyValue(string_value="GET")))
        span.attributes.append(KeyValue(key="client.address", value=AnyValue(string_value="192.0.2.1")))
    return Signal.TRACES, traces.SerializeToString()


def identifiers(number: int) -> range:
    """The span ids of the n-th payload, as integers."""
    return range(number * 16 + 1, number * 16 + 1 + ITEMS)


def tables_of(number: int) -> tuple[str, ...]:
    """The tables in which each of its ids must be found."""
    return ("logs",) if number % EVERY_N_IS_LOGS == 0 else ("spans", "api_performance_metrics")


def documented_tables() -> dict[str, TableSchema]:
    """The few tables."""
    tables = load_tables([TABLES_FOLDER])
    return {name: tables[name] for name in TABLES}


class Until(Control):
    """Lets a pipeline run until told to stop."""

    def __init__(self, stop: threading.Event) -> None:
        self._stop = stop

    def wait(self, timeout_s: float) -> None:
        """Sleep."""
        self._stop.wait(min(timeout_s, 0.02))

    def stopping(self) -> bool:
        """Whether it is told to."""
        return self._stop.is_set()


def pipeline(data: Path, tables: dict[str, TableSchema], deriver: Deriver) -> Pipeline:
    """What `config/pond.py` opens, with the plain decoder and without a maintenance child."""
    lake = Lake(data, tables)
    return Pipeline(
        data,
        lake,
        deriver,
        kernels=reference.decode,
        plain=reference.decode,
        rules=Rules(hash_address=AddressHasher(data / "keys")),
        options=OPTIONS,
        remove_orphans=lambda: maintenance.remove_orphans(lake, PlanStore(data / "plans").stream),
    )


def recover(data: Path, tables: dict[str, TableSchema], deriver: Deriver) -> None:
    """Start on what is there, publish all of it and end."""
    stop = threading.Event()
    stop.set()
    inbox = Inbox(data / "inbox" / "receiver", LIMITS)
    try:
        pipeline(data, tables, deriver).run(Until(stop))
    finally:
        inbox.close()


def found(data: Path) -> dict[str, Counter[int]]:
    """How often each id stands in each table, as everybody sees it."""
    with duckdb.connect(str(data / "pond.duckdb"), read_only=True) as con:
        return {
            table: Counter(dict(con.execute(f"select ('0x' || span_id)::bigint, count(*) from {table} group by all").fetchall()))
            for table in TABLES
            if table != "rejected_records"
        }


def maintain_often(data: Path, tables: dict[str, TableSchema], stop: threading.Event) -> None:
    """Compaction, checkpoints and log clean-up as after hours: small merges, and old log entries."""
    compaction.FAN_IN = 4
    maintenance.CHECKPOINT_COMMITS = delta_table.CHECKPOINT_COMMITS = 6
    lake = Lake(data, tables, writer=False)
    while not stop.wait(0.3):
        for table in lake.tables.values():
            for entry in sorted(table.log.glob("*.json"))[:-2]:
                os.utime(entry, (time.time() - 7200,) * 2)
        maintenance.maintain(lake, keep_days={}, vacuum_after_h=0, cpu_s=1e9, now=datetime.now(UTC))


def send(inbox: Inbox, number: int, now_ns: int) -> None:
    """Send a payload until it is acknowledged, as clients do."""
    signal, body = payload(number, now_ns)
    while True:
        try:
            inbox.append("default", signal, body, Inspection(ITEMS)).result()
        except UnavailableError:
            time.sleep(0.02)
        else:
            return
