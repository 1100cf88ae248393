"""Import: every record of a file once in the tables, however often it is ended and started again."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from otelpond.storage.decode import reference
from otelpond.storage.decode.payloads import Payloads, Rules
from otelpond.storage.derive import Deriver
from otelpond.storage.lake.lake import Lake
from otelpond.storage.pipeline import importer as importer_module
from otelpond.storage.pipeline.importer import Importer, Record
from otelpond.storage.query import connect
from otelpond.storage.schema import load_tables
from otelpond.storage.signals import Signal

DAY_NS = 86_400_000_000_000
START_NS = 1_700_000_000_000_000_000
RULES = Rules(hash_address=lambda address, _: address, keep_dates=True)


class KilledError(BaseException):
    """Stands for the end of the process."""


def spans(count: int, *, days: int = 1) -> list[Record]:
    """Records of one span each, over some days."""
    records = []
    for number in range(1, count + 1):
        request = ExportTraceServiceRequest()
        span = request.resource_spans.add().scope_spans.add().spans.add(name="work")
        span.trace_id, span.span_id = number.to_bytes(16, "big"), number.to_bytes(8, "big")
        span.start_time_unix_nano = START_NS + (number % days) * DAY_NS
        records.append(Record(number, Signal.TRACES, request.SerializeToString(), "", (number, number)))
    return records


def importer(data: Path, *, kernels: Any = reference.decode) -> Importer:
    """An importer into that pond, as a new process would make it."""
    tables = {name: table for name, table in load_tables().items() if name in ("spans", "span_events", "rejected_records")}
    return Importer(data, Lake(data, tables), Deriver(tables), kernels=kernels, plain=reference.decode, rules=RULES)


def after(records: Iterable[Record], place: tuple[int, int]) -> list[Record]:
    """What a reader would give from that place on."""
    return [record for record in records if record.place > place]


def names(data: Path, column: str = "span_id", table: str = "spans") -> list[Any]:
    """One column of a table, sorted."""
    with connect(data) as con:
        return [value for (value,) in con.execute(f"select {column} from {table} order by all").fetchall()]


def test_killed_at_every_publish_the_file_is_there_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before and after each table's commit the process may end; the next run goes on exactly there."""
    monkeypatch.setattr(importer_module, "_CHUNK_BYTES", 300)
    records = spans(40)
    records.insert(7, Record(41, None, b"{bad", "not JSON", (7, 7)))
    publish = Lake.publish
    lives = [1, 1, 2, 3, 1, 0]
    publishes_left = 0

    def killed_half_way(lake: Lake, files: Any, stream: str, plan: int) -> None:
        nonlocal publishes_left
        publishes_left -= 1
        if publishes_left == 0:
            publish(lake, type(files)(dict(list(files.files.items())[:1])), stream, plan)
            raise KilledError
        publish(lake, files, stream, plan)

    monkeypatch.setattr(Lake, "publish", killed_half_way)
    while lives:
        publishes_left = lives.pop(0)
        run = importer(tmp_path)
        with contextlib.suppress(KilledError):
            run.run("digest", after(records, run.state("digest").place))

    assert [f"{number:016x}" for number in range(1, 41)] == names(tmp_path)
    assert ["record 41: not JSON"] == names(tmp_path, "reason", "rejected_records")


def test_a_record_that_no_decoder_takes_costs_only_itself(tmp_path: Path) -> None:
    """It is found by halving, and kept in rejected_records."""
    records = spans(10)
    records[4] = Record(5, Signal.TRACES, b"\xff\xff", "", (5, 5))

    state = importer(tmp_path).run("digest", records)

    assert 9 == len(names(tmp_path))
    assert 1 == len(names(tmp_path, "reason", "rejected_records"))
    assert state.complete


def test_a_record_that_only_the_kernels_fail_on_is_decoded_plainly(tmp_path: Path) -> None:
    """The plain decoder is the fallback of an import too."""

    def failing(signal: Signal, payloads: Payloads, rules: Rules) -> Any:
        if any(b"\x00\x03" in payloads.payload(index) for index in range(len(payloads))):
            raise ValueError
        return reference.decode(signal, payloads, rules)

    importer(tmp_path, kernels=failing).run("digest", spans(5))

    assert 5 == len(names(tmp_path))


def test_own_dates_are_kept_and_bounded_in_one_plan(tmp_path: Path) -> None:
    """Old rows lie under their own dates; a chunk with too many of them becomes several plans."""
    state = importer(tmp_path).run("digest", spans(200, days=100))

    assert 200 == len(names(tmp_path))
    assert 100 == len(set(names(tmp_path, "dt")))
    assert state.chunk > 1
