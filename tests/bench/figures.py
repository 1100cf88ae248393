"""The figures that a benchmark run gives, with what they must be and shall reach, printed as one table; filled by `run`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True)
class Target:
    """What a figure is called and should be; where `must` is None it is stated only."""

    name: str
    unit: str
    must: float | None = None
    reach: float | None = None
    more_is_better: bool = False


@dataclass(frozen=True, slots=True)
class Figure:
    """A target and what was measured."""

    target: Target
    measured: float

    @property
    def met(self) -> str:
        """`reach`, `must`, `missed`, or nothing where the figure has no target."""
        target = self.target
        if target.must is None or target.reach is None:
            return ""
        sign = 1 if target.more_is_better else -1
        if sign * self.measured >= sign * target.reach:
            return "reach"
        return "must" if sign * self.measured >= sign * target.must else "MISSED"

    def to_json(self) -> dict[str, object]:
        """The figure as plain values."""
        return asdict(self.target) | {"measured": self.measured, "met": self.met}


THROUGHPUT = Target("items/s, durable and in all their tables", "items/s", 120_000, 180_000, more_is_better=True)
EFFICIENCY = Target("items per collector CPU-second, everything included", "items/s", 110_000, 170_000, more_is_better=True)
RELATIVE_COST = Target("collector CPU of an item, in protobuf parses of a span", "parses")
PAGE_FAULTS = Target("page faults of the collector", "an item")
SPAN_BYTES = Target("spans: bytes a span on disk", "B", 45, 40)
ALL_BYTES = Target("all tables: bytes a span on disk", "B")
LATENCY_P50 = Target("acknowledge at 50,000 items/s, p50 above raw fsync", "ms", 5, 3)
LATENCY_P99 = Target("acknowledge at 50,000 items/s, p99 above raw fsync", "ms", 50, 20)
MEMORY_STEADY = Target("memory at 50,000 items/s, steady", "MB", 500, 400)
MEMORY_PEAK = Target("memory at 50,000 items/s, peak with compaction", "MB", 900, 650)
IDLE = Target("idle collector", "% of a core", 2, 0.5)
ONE_ITEM = Target("one-item requests/s, gRPC", "1/s", 2_500, 6_000, more_is_better=True)
ONE_ITEM_P99 = Target("one-item requests, gRPC, p99 above raw fsync", "ms", 50, 20)
ONE_ITEM_HTTP = Target("one-item requests/s, HTTP", "1/s", 2_500, 6_000, more_is_better=True)
ONE_ITEM_HTTP_P99 = Target("one-item requests, HTTP, p99 above raw fsync", "ms", 50, 20)
EMPTY_GRPC = Target("an empty grpcio server, of the same requests", "1/s")
EMPTY_HTTP = Target("an empty uvicorn application, of the same requests", "1/s")
ONE_ITEM_SHARE = Target("one-item requests, gRPC, of the empty server's", "%")
ONE_ITEM_HTTP_SHARE = Target("one-item requests, HTTP, of the empty server's", "%")
QUERY_RED = Target("RED by route over 1 M spans", "ms", 40, 20)
QUERY_GROUP = Target("group by a promoted attribute, 1 M spans", "ms", 12, 6)
QUERY_TRACE = Target("one trace by id, 1 M spans", "ms", 25, 10)

EVENTS = Target("events/s as OTLP logs, durable and in their tables", "events/s", 120_000, 150_000, more_is_better=True)
EVENTS_EFFICIENCY = Target("events per collector CPU-second, as OTLP logs", "events/s")
EVENT_BYTES = Target("events: bytes an event on disk", "B")
EVENT_LOG_BYTES = Target("logs: bytes an event on disk", "B")
EVENTS_JSON = Target("events/s by JSON, durable and in their tables", "events/s", 10_000, 15_000, more_is_better=True)
EVENTS_ONCE = Target("events by name, each once, over 1 M of them", "ms", 300, 150)
SESSIONS = Target("sessions by day, 1 M events whose days are not stored yet", "ms", 1_000, 500)
PAGE_VIEWS = Target("time on page by page, 1 M events", "ms")

GROUPING = Target("grouping errors: of the collector's CPU, 5 % errors, 2,000 stacks", "%", 10, 5)
SCRUBBING = Target("looking for secrets in texts of errors: of the collector's CPU, 5 % errors", "%", 3, 2)
GROUPING_MANY = Target("grouping errors: of the collector's CPU, 5 % errors, 100,000 stacks", "%")
ISSUES = Target("issues, over 1 M error rows of 5,000 issues", "ms", 600, 400)
ISSUES_ACTED = Target("issues, 500 of them resolved or ignored, over issues untouched", "ratio", 2, 1.3)
ISSUE_ROWS = Target("ten rows of error_logs, with the state of their issues", "ms", 1_000, 300)
ISSUE_COUNT = Target("count of error_logs, among them", "ms")
ISSUE_RESOLVED = Target("count of error_logs where resolved", "ms")
ISSUE_REPORTS = Target("errors by type, without the state of issues", "ms")

LOW_RATE_CPU = Target("10,000 spans/s, 100 a request: CPU after warm-up", "% of a core", 15, 12)
LOW_RATE_EMPTY = Target("an empty grpcio server under the same load: CPU", "% of a core")
LOW_RATE_GROWTH = Target("10,000 spans/s: memory growth, last five minutes", "MB a minute", 1, 0.5)
LOW_RATE_LAG = Target("10,000 spans/s: commit lag, largest", "s", 15, 12.5)
DAY_FILES = Target("a day at low rate: live files, last quarter over second", "ratio", 1.5, 1.2)
DAY_COMMIT = Target("a day at low rate: commit time, last quarter over second", "ratio", 1.5, 1.2)
DAY_DISK = Target("a day at low rate: disk growth an hour, last quarter over second", "ratio", 1.5, 1.2)


def _number(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.2f}".rstrip("0").rstrip(".")


def table(figures: Iterable[Figure]) -> str:
    """All figures as lines of text."""
    rows = [("Figure", "Measured", "Must", "Reach", "Unit", "Met")]
    rows += [(f.target.name, _number(f.measured), _number(f.target.must), _number(f.target.reach), f.target.unit, f.met) for f in figures]
    widths = [max(len(row[column]) for row in rows) for column in range(6)]
    aligned = [
        [
            cell.rjust(width) if column in (1, 2, 3) else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        for row in rows
    ]
    lines = ["  ".join(row).rstrip() for row in aligned]
    return "\n".join([lines[0], "-" * len(lines[0]), *lines[1:]])
