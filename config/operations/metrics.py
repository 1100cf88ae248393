"""The collector's own metrics: their names, and their values from what its processes report; shown as Prometheus text and sent as OTLP.

Names are the Go Collector's where it has them, so that its dashboards and alerts fit; what it does not know begins with `otelpond_`.
The list is the documentation: the metrics table in README.md of this room is generated from it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

import psutil

from ...storage.counters import EVENT_STAGES, ITEMS, REQUESTS, Labels, summed
from ...storage.signals import Signal
from .receiver_report import ReceiverReport

Sample = tuple[str, Labels, float]
"""A metric's name, its labels, its value."""
Kind = Literal["counter", "gauge"]

_OF_TRANSPORT: Final = ("receiver", "transport")
_POND: Final[Labels] = (("exporter", "pond"),)
_TABLES: Final = {Signal.TRACES: "spans", Signal.METRICS: "metric_points", Signal.LOGS: "logs"}


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric.

    Attributes:
        name: as in OTLP; Prometheus shows a counter with `_total` behind it.
        unit: in UCUM.
        labels: their keys.
        meaning: one sentence.
    """

    name: str
    kind: Kind
    unit: str
    labels: tuple[str, ...]
    meaning: str


def _received() -> Iterator[Metric]:
    meanings = {
        "accepted": "that were durable before the answer of success",
        "refused": "that break a rule of OTLP or of the events catalogue, or were read and turned away",
        "failed": "that met a fault of the collector",
    }
    for kind, meaning in meanings.items():
        for item in ITEMS.values():
            name = f"otelcol_receiver_{kind}_{item}"
            yield Metric(name, "counter", f"{{{item}}}", _OF_TRANSPORT, f"{item.replace('_', ' ').capitalize()} {meaning}.")


_NOT_SENT: Final = {
    "send": "that a destination refused for good",
    "enqueue": "that were not passed on, for more waited than is kept",
}


def _sent() -> Iterator[Metric]:
    for signal, item in ITEMS.items():
        meaning = f"Rows that came into the table `{_TABLES[signal]}` (exporter `pond`), or items that a destination took (`forward/NAME`)."
        yield Metric(f"otelcol_exporter_sent_{item}", "counter", f"{{{item}}}", ("exporter",), meaning)
    for kind, meaning in _NOT_SENT.items():
        for item in ITEMS.values():
            name = f"otelcol_exporter_{kind}_failed_{item}"
            yield Metric(name, "counter", f"{{{item}}}", ("exporter",), f"{item.replace('_', ' ').capitalize()} {meaning}.")


METRICS: Final = (
    *_received(),
    Metric(REQUESTS, "counter", "{request}", (*_OF_TRANSPORT, "outcome"), "Export requests by outcome: success, refused, failure."),
    *_sent(),
    Metric("otelcol_exporter_queue_size", "gauge", "By", ("exporter",), "Accepted bytes that the pipeline, or a destination, has not had."),
    Metric(
        "otelcol_exporter_queue_capacity",
        "gauge",
        "By",
        ("exporter",),
        "Bytes of all inboxes above which senders are told to try later, or that are kept for destinations.",
    ),
    Metric(
        "otelpond_forward_put_off_requests", "counter", "{request}", ("exporter",), "Requests to destinations that have to be sent again."
    ),
    Metric("otelcol_process_cpu_seconds", "counter", "s", (), "CPU time of all processes of the collector."),
    Metric("otelcol_process_memory_rss", "gauge", "By", (), "Resident memory of all processes of the collector."),
    Metric("otelcol_process_uptime", "counter", "s", (), "Seconds since the collector started."),
    Metric("otelpond_inbox_age_seconds", "gauge", "s", ("tenant",), "How long the oldest payload waits that the pipeline has not read."),
    Metric("otelpond_inbox_stored_bytes", "gauge", "By", ("tenant",), "Bytes of inbox segments on disk."),
    Metric("otelpond_inbox_in_flight_bytes", "gauge", "By", (), "Bytes of request bodies in memory that are not durable yet."),
    Metric("otelpond_commit_lag_seconds", "gauge", "s", ("tenant",), "How long the oldest accepted payload waits that is in no table yet."),
    Metric("otelpond_last_commit_lag_seconds", "gauge", "s", ("tenant",), "What the oldest payload of the last publish had waited."),
    Metric("otelpond_rows", "counter", "{row}", ("tenant", "table"), "Rows published, by table."),
    Metric("otelpond_rejected_rows", "counter", "{row}", ("tenant", "table", "reason"), "Rows that a table did not take, by reason."),
    Metric(
        "otelpond_events",
        "counter",
        "{event}",
        ("tenant", "stage"),
        "Events by stage: received, invalid (the catalogue refuses them), unknown (it does not know them), enriched, unenriched (user agent"
        " or page could not be read), dropped (by policy) and stored.",
    ),
    Metric("otelpond_quarantined_payloads", "counter", "{payload}", ("tenant",), "Payloads that no decoder takes."),
    Metric("otelpond_retries_left_out", "counter", "{payload}", ("tenant",), "Payloads that were copies of stored ones."),
    Metric("otelpond_publishes", "counter", "{publish}", ("tenant",), "Publishes since the pond was made."),
    Metric("otelpond_live_files", "gauge", "{file}", ("tenant", "table"), "Parquet files of the table's last snapshot."),
    Metric("otelpond_recovery_seconds", "gauge", "s", ("tenant",), "What recovery took when the pipeline last started or failed."),
    Metric("otelpond_pipeline_seconds", "counter", "s", ("tenant", "stage"), "Time spent: decode, derive, write, publish."),
    Metric("otelpond_pipeline_up", "gauge", "1", (), "Whether the pipeline's process runs."),
    Metric("otelpond_pipeline_restarts", "counter", "{restart}", (), "How often the pipeline's process was started again."),
    Metric(
        "otelpond_alerts",
        "counter",
        "{alert}",
        ("tenant", "rule", "status"),
        "What became of alerts, by rule: fired, sent (once a channel), failed (attempts at channels), suppressed (told to nobody, or by"
        " number only).",
    ),
    Metric("otelpond_alerts_waiting", "gauge", "{alert}", ("tenant", "channel"), "Alerts that a channel was not told yet."),
    Metric("otelpond_receiver_restarts", "counter", "{restart}", (), "How often a receiver process was started again (`--workers`)."),
)


@dataclass(frozen=True, slots=True)
class ProcessFigures:
    """What the collector's processes use together."""

    cpu_s: float
    memory_bytes: int
    uptime_s: float


@dataclass(frozen=True, slots=True)
class Observed:
    """What the metrics are made of.

    Attributes:
        reports: of the receiver processes.
        progress: by tenant, what the pond's pipeline told last (`storage.pipeline.control.Progress` as JSON).
        capacity_bytes: of one inbox.
        forwarded: by destination, what its forwarder told last (`exporters.forwarder.Counts` as JSON).
        kept_bytes: how much is kept for destinations.
        alerts: by tenant, what the alerts' process told last (`collector.pond_alerts`).
    """

    reports: Sequence[ReceiverReport]
    progress: Mapping[str, Mapping[str, Any]]
    pipeline_up: bool
    pipeline_restarts: int
    receiver_restarts: int
    capacity_bytes: int
    processes: ProcessFigures
    now_unix_nano: int
    forwarded: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    kept_bytes: int = 0
    alerts: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


def process_figures(now_s: float) -> ProcessFigures:
    """What this process and its children use; children that ended count with who waited for them."""
    own = psutil.Process()
    cpu_s, memory_bytes = 0.0, 0
    for process in [own, *own.children(recursive=True)]:
        try:
            cpu_s += sum(process.cpu_times()[:4])
            memory_bytes += process.memory_info().rss
        except psutil.Error:  # it ended meanwhile
            continue
    return ProcessFigures(cpu_s, memory_bytes, now_s - own.create_time())


def samples(observed: Observed) -> list[Sample]:
    """Every metric's values now."""
    return [
        *summed(report.counters for report in observed.reports),
        *_of_collector(observed),
        *(sample for name, counts in sorted(observed.forwarded.items()) for sample in _of_destination(observed, name, counts)),
        *(sample for tenant in sorted(_tenants(observed)) for sample in _of_tenant(observed, tenant)),
        *(sample for tenant, progress in sorted(observed.alerts.items()) for sample in _of_alerts(tenant, progress)),
    ]


def _tenants(observed: Observed) -> set[str]:
    return {tenant for report in observed.reports for tenant in report.inboxes} | observed.progress.keys()


def _of_collector(observed: Observed) -> Iterator[Sample]:
    inboxes = [state for report in observed.reports for state in report.inboxes.values()]
    rows = [progress.get("published", {}).get("rows", {}) for progress in observed.progress.values()]
    for signal, item in ITEMS.items():
        yield f"otelcol_exporter_sent_{item}", _POND, sum(of.get(_TABLES[signal], 0) for of in rows)
    yield "otelcol_exporter_queue_size", _POND, sum(state.unread_bytes for state in inboxes)
    yield "otelcol_exporter_queue_capacity", _POND, observed.capacity_bytes * len(inboxes)
    yield "otelcol_process_cpu_seconds", (), observed.processes.cpu_s
    yield "otelcol_process_memory_rss", (), observed.processes.memory_bytes
    yield "otelcol_process_uptime", (), observed.processes.uptime_s
    yield "otelpond_inbox_in_flight_bytes", (), sum(state.in_flight_bytes for state in inboxes)
    yield "otelpond_pipeline_up", (), int(observed.pipeline_up)
    yield "otelpond_pipeline_restarts", (), observed.pipeline_restarts
    yield "otelpond_receiver_restarts", (), observed.receiver_restarts


def _of_destination(observed: Observed, name: str, counts: Mapping[str, Any]) -> Iterator[Sample]:
    label = (("exporter", f"forward/{name}"),)
    for signal, item in ITEMS.items():
        of = {kind: counts[kind].get(signal.name.lower(), 0) for kind in ("sent", "rejected", "refused", "lost")}
        yield f"otelcol_exporter_sent_{item}", label, of["sent"] - of["rejected"]
        yield f"otelcol_exporter_send_failed_{item}", label, of["refused"] + of["rejected"]
        yield f"otelcol_exporter_enqueue_failed_{item}", label, of["lost"]
    yield "otelcol_exporter_queue_size", label, counts["unread_bytes"]
    yield "otelcol_exporter_queue_capacity", label, observed.kept_bytes
    yield "otelpond_forward_put_off_requests", label, counts["put_off"]


def _of_alerts(tenant: str, progress: Mapping[str, Any]) -> Iterator[Sample]:
    for rule, status, number in progress["alerts"]:
        yield "otelpond_alerts", (("tenant", tenant), ("rule", rule), ("status", status)), number
    for channel, number in progress["waiting"].items():
        yield "otelpond_alerts_waiting", (("tenant", tenant), ("channel", channel)), number


def _of_tenant(observed: Observed, tenant: str) -> Iterator[Sample]:
    inboxes = [report.inboxes[tenant] for report in observed.reports if tenant in report.inboxes]
    progress = observed.progress.get(tenant, {})
    published = progress.get("published", {})
    label = ("tenant", tenant)
    unread = [state.oldest_unread_unix_nano for state in inboxes]
    yield "otelpond_inbox_age_seconds", (label,), _age_s(unread, observed.now_unix_nano)
    yield "otelpond_inbox_stored_bytes", (label,), sum(state.stored_bytes for state in inboxes)
    unpublished = [*unread, progress.get("unpublished_since_unix_nano", 0)]
    yield "otelpond_commit_lag_seconds", (label,), _age_s(unpublished, observed.now_unix_nano)
    yield "otelpond_last_commit_lag_seconds", (label,), progress.get("commit_lag_s", 0.0)
    yield "otelpond_quarantined_payloads", (label,), published.get("quarantined", 0)
    yield "otelpond_retries_left_out", (label,), published.get("retries", 0)
    yield "otelpond_publishes", (label,), progress.get("plans", 0)
    yield "otelpond_recovery_seconds", (label,), progress.get("recovery_s", 0.0)
    for table, rows in published.get("rows", {}).items():
        yield "otelpond_rows", (label, ("table", table)), rows
    for table, reasons in published.get("rejected", {}).items():
        for reason, rows in reasons.items():
            yield "otelpond_rejected_rows", (label, ("table", table), ("reason", reason)), rows
    for stage in EVENT_STAGES:
        yield "otelpond_events", (label, ("stage", stage)), published.get("events", {}).get(stage, 0)
    for table, files in progress.get("live_files", {}).items():
        yield "otelpond_live_files", (label, ("table", table)), files
    for stage in ("decode", "derive", "write", "publish"):
        yield "otelpond_pipeline_seconds", (label, ("stage", stage)), progress.get(f"{stage}_s", 0.0)


def _age_s(unix_nanos: Iterable[int], now_unix_nano: int) -> float:
    """How long ago the earliest of these was; those that are 0 are none."""
    earliest = min((unix_nano for unix_nano in unix_nanos if unix_nano), default=now_unix_nano)
    return max(0, now_unix_nano - earliest) / 1e9
