"""The collector's own metrics: what its processes report, under documented names, as Prometheus reads it."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest
from otelpond.config.operations.metrics import METRICS, Observed, ProcessFigures, process_figures, samples
from otelpond.config.operations.prometheus import rendered
from otelpond.config.operations.receiver_report import ReceiverReport
from otelpond.exporters.forwarder import Counts
from otelpond.exporters.forwarding import plain
from otelpond.storage.counters import Counters, Received
from otelpond.storage.inbox.log import InboxState
from otelpond.storage.inbox.segments import Position
from otelpond.storage.pipeline.control import Progress
from otelpond.storage.pipeline.tally import Tally
from otelpond.storage.signals import Inspection, Signal
from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_openmetrics
from prometheus_client.parser import text_string_to_metric_families as read_text

NOW_NS = 1_700_000_000_000_000_000


def _report() -> ReceiverReport:
    counters = Counters()
    Received(counters, Signal.TRACES, "grpc").accepted(Inspection(items=7, rejected=2))
    state = InboxState(unread_bytes=500, stored_bytes=900, in_flight_bytes=30, oldest_unread_unix_nano=NOW_NS - 2_000_000_000, problem="")
    return ReceiverReport(counters.samples(), {"default": state})


def _progress() -> dict[str, Any]:
    """As the pipeline's process sends it."""
    progress = Progress(
        positions={"receiver": Position(1, 2)},
        plans=4,
        published=Tally({"spans": 5, "rejected_records": 2}, {"spans": {'span_id has N "bytes"\n': 2}}, quarantined=1, retries=3),
        live_files={"spans": 6},
        unpublished_since_unix_nano=NOW_NS - 9_000_000_000,
        commit_lag_s=8.5,
        recovery_s=0.25,
    )
    sent: dict[str, Any] = json.loads(json.dumps(dataclasses.asdict(progress)))
    return sent


def _forwarded() -> dict[str, Any]:
    """What the forwarder tells of a destination."""
    counts = Counts(sent={Signal.TRACES: 10}, rejected={Signal.TRACES: 1}, refused={Signal.TRACES: 2}, lost={Signal.LOGS: 3}, put_off=4)
    return plain(counts) | {"unread_bytes": 700}


@pytest.fixture
def observed() -> Observed:
    """A collector with one receiver process and one pond."""
    return Observed(
        reports=[_report()],
        progress={"default": _progress()},
        pipeline_up=True,
        pipeline_restarts=2,
        receiver_restarts=1,
        capacity_bytes=4_000,
        processes=ProcessFigures(cpu_s=1.5, memory_bytes=1_000_000, uptime_s=60.0),
        now_unix_nano=NOW_NS,
        forwarded={"backend": _forwarded()},
        kept_bytes=9_000,
        alerts={"default": {"alerts": [["new", "fired", 3]], "waiting": {"ops": 2}}},
    )


def _values(observed: Observed) -> dict[str, float]:
    return {" ".join([name, *(value for _, value in labels)]): value for name, labels, value in samples(observed)}


def test_every_metric_has_a_value_and_every_value_a_metric(observed: Observed) -> None:
    """Names and label keys are those that are documented."""
    progress = {**observed.progress["default"]}
    known = {metric.name: metric.labels for metric in METRICS}
    given = {name: tuple(key for key, _ in labels) for name, labels, _ in samples(observed)}
    of_others = {name for name in known if name.startswith("otelcol_receiver_") and name.endswith(("_points", "_records"))}
    assert known == given | {name: known[name] for name in of_others}
    assert {f"{stage}_s" for stage in ("decode", "derive", "write", "publish")} < progress.keys()


def test_values_come_from_receivers_inbox_and_pipeline(observed: Observed) -> None:
    """Each figure is what the process that knows it said; lag and age are of the oldest."""
    values = _values(observed)
    assert (3, 2) == (values["otelpond_alerts default new fired"], values["otelpond_alerts_waiting default ops"])
    assert 5 == values["otelcol_receiver_accepted_spans otlp grpc"]
    assert 2 == values["otelcol_receiver_refused_spans otlp grpc"]
    assert 5 == values["otelcol_exporter_sent_spans pond"]
    assert (500, 4_000) == (values["otelcol_exporter_queue_size pond"], values["otelcol_exporter_queue_capacity pond"])
    assert (2.0, 9.0) == (values["otelpond_inbox_age_seconds default"], values["otelpond_commit_lag_seconds default"])
    assert 2 == values['otelpond_rejected_rows default spans span_id has N "bytes"\n']
    assert (1, 3) == (values["otelpond_quarantined_payloads default"], values["otelpond_retries_left_out default"])


def test_a_destinations_items_are_sent_failed_or_lost(observed: Observed) -> None:
    """What it rejects of a request that it takes was not sent either."""
    values = _values(observed)
    assert (9, 3) == (values["otelcol_exporter_sent_spans forward/backend"], values["otelcol_exporter_send_failed_spans forward/backend"])
    assert 3 == values["otelcol_exporter_enqueue_failed_log_records forward/backend"]
    assert (700, 9_000) == (
        values["otelcol_exporter_queue_size forward/backend"],
        values["otelcol_exporter_queue_capacity forward/backend"],
    )
    assert 4 == values["otelpond_forward_put_off_requests forward/backend"]


def test_receiver_processes_add_up(observed: Observed) -> None:
    """Reports of workers arrive as JSON."""
    other = ReceiverReport.from_json(json.loads(json.dumps(_report().to_json())))
    values = _values(dataclasses.replace(observed, reports=[*observed.reports, other]))
    assert 10 == values["otelcol_receiver_accepted_spans otlp grpc"]
    assert (1_000, 8_000) == (values["otelcol_exporter_queue_size pond"], values["otelcol_exporter_queue_capacity pond"])


def test_nothing_waits_where_the_pipeline_has_said_nothing_yet(observed: Observed) -> None:
    """The first scrape may come before the first progress."""
    values = _values(dataclasses.replace(observed, reports=[], progress={"default": {}}))
    assert (0, 0) == (values["otelpond_commit_lag_seconds default"], values["otelcol_exporter_queue_size pond"])


@pytest.mark.parametrize(
    ("accept", "read"),
    [("text/plain", read_text), ("application/openmetrics-text; version=1.0.0", read_openmetrics)],
    ids=["text", "openmetrics"],
)
def test_prometheus_reads_what_is_rendered(observed: Observed, accept: str, read: Any) -> None:
    """By the client library's own parsers: every sample, label and type survives, whatever a reason holds."""
    text, media = rendered(samples(observed), accept)
    assert media.startswith(accept.partition(";")[0])
    families = list(read(text.decode()))
    kinds = {metric.name: metric.kind for metric in METRICS}
    assert all(family.type == kinds[family.name.removesuffix("_total")] for family in families)
    shown = {
        (sample.name.removesuffix("_total"), tuple(sorted(sample.labels.items()))): sample.value for f in families for sample in f.samples
    }
    assert {(name, tuple(sorted(labels))): value for name, labels, value in samples(observed)} == shown


def test_the_processes_figures_are_of_the_whole_family() -> None:
    """This process has used some CPU time and memory."""
    figures = process_figures(now_s=4e9)
    assert figures.cpu_s > 0
    assert figures.memory_bytes > 1_000_000
    assert figures.uptime_s > 1e6
