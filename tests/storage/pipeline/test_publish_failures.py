"""A publish that fails behind the first commit, on a real lake: what was committed stays, the rest follows, each row once."""

from __future__ import annotations

import errno
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from otelpond.storage import connect
from otelpond.storage.decode import reference
from otelpond.storage.decode.payloads import Rules
from otelpond.storage.derive import Deriver
from otelpond.storage.inbox.log import Inbox
from otelpond.storage.lake.lake import Lake
from otelpond.storage.lake.maintenance import remove_orphans
from otelpond.storage.pipeline.pipeline import Options, Pipeline
from otelpond.storage.pipeline.plans import PlanStore
from otelpond.storage.schema import load_tables
from otelpond.storage.signals import Inspection, Signal

from ...chaos.small_pond import Until

TABLES = ("spans", "api_performance_metrics", "rejected_records")


def request(number: int) -> bytes:
    """One SERVER span."""
    message = ExportTraceServiceRequest()
    span = message.resource_spans.add().scope_spans.add().spans.add(name="work", kind=2, start_time_unix_nano=1_790_000_000 * 10**9)
    span.trace_id, span.span_id = number.to_bytes(16, "big"), number.to_bytes(8, "big")
    span.attributes.add(key="http.request.method").value.string_value = "GET"
    return message.SerializeToString()


def once(work: Callable[..., Any]) -> Callable[..., Any]:
    """The same, which the disk has no room for the first time."""
    failed = False

    def failing(*arguments: Any) -> Any:
        nonlocal failed
        if not failed:
            failed = True
            raise OSError(errno.ENOSPC, "No space left on device")
        return work(*arguments)

    return failing


class Pond:
    """A pipeline on a real lake with the plain decoder, and what it takes to make it anew, as after a restart."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.tables = {name: table for name, table in load_tables().items() if name in TABLES}
        self.lake = Lake(data, self.tables)
        self.pipeline = Pipeline(
            data,
            self.lake,
            Deriver(self.tables),
            kernels=reference.decode,
            plain=reference.decode,
            rules=Rules(lambda address, _: address),
            options=Options(batch_interval_s=0.0, commit_interval_s=0.0),
            remove_orphans=lambda: remove_orphans(self.lake, PlanStore(data / "plans").stream),
        )

    def run(self) -> None:
        """Publish what waits; ends at the first failure, as it is told to stop."""
        stop = threading.Event()
        stop.set()
        self.pipeline.run(Until(stop))


def _fail_at_the_second_table(pond: Pond) -> None:
    second = list(pond.lake.tables.values())[1]
    second.publish = once(second.publish)  # type: ignore[method-assign]


def _fail_at_the_refresh(pond: Pond) -> None:
    publish, refresh = pond.lake.publish, pond.lake.refresh

    def publish_then_fail(*arguments: Any) -> None:
        publish(*arguments)
        pond.lake.refresh = once(refresh)  # type: ignore[method-assign]

    pond.lake.publish = publish_then_fail  # type: ignore[method-assign]


def _fail_at_the_note_that_it_is_done(pond: Pond) -> None:
    pond.pipeline._store.mark_done = once(pond.pipeline._store.mark_done)  # type: ignore[method-assign]


def _fail_behind_that(pond: Pond) -> None:
    pond.pipeline._store.forget_before = once(pond.pipeline._store.forget_before)  # type: ignore[method-assign]


FAILURES = (_fail_at_the_second_table, _fail_at_the_refresh, _fail_at_the_note_that_it_is_done, _fail_behind_that)


@pytest.mark.parametrize("fail", FAILURES)
def test_what_a_failed_publish_has_committed_stays(fail: Callable[[Pond], None], tmp_path: Path) -> None:
    """The files that a table's log names are never removed, and no other file is left behind."""
    inbox = Inbox(tmp_path / "inbox" / "receiver")
    for number in range(1, 6):
        inbox.append("default", Signal.TRACES, request(number), Inspection(1)).result()
    inbox.close()
    pond = Pond(tmp_path)
    fail(pond)
    pond.run()
    pond = Pond(tmp_path)
    pond.run()

    with connect(tmp_path) as con:
        for table in ("spans", "api_performance_metrics"):
            assert [(5, 5)] == con.execute(f"select count(*), count(distinct span_id) from {table}").fetchall()
    for table in pond.lake.tables.values():
        named = {file.path for file in table.snapshot().files}
        assert named == {str(path.relative_to(table.folder)) for path in table.folder.glob("dt=*/*.parquet")}
