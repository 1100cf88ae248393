"""The collector under user events: as OTLP logs of 512 events a request, then as plain JSON of 100; what they cost."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

import duckdb
import figures
from served import Collector, disk_bytes

QUERIED = 1_000_000
QUERIES = {
    figures.EVENTS_ONCE: "select event_name, count(*) from events group by event_name",
    figures.SESSIONS: """
        select dt, count(*), count(distinct user_id), avg(session_duration), avg(page_views_count), count_if(is_bounce)
        from user_sessions group by dt""",
    figures.PAGE_VIEWS: "select page_slug, avg(time_on_page), count(*) from user_page_views group by page_slug",
}
Note = Callable[[figures.Target, float], None]
Load = Callable[..., dict[str, Any]]


def measure(collector: Collector, load: Load, seconds: float, note: Note) -> dict[str, Any]:
    """Load the collector by both roads for so long, note the figures, and give what else is worth knowing."""
    sent = load(collector, payload="events", seconds=3)
    collector.wait_for_rows(sent["rows"])
    rows = sent["rows"]["events"]
    details: dict[str, Any] = {}
    for name, figure, shape in (
        ("otlp", figures.EVENTS, {"payload": "events"}),
        ("json", figures.EVENTS_JSON, {"payload": "json_events", "transport": "http", "items": 100}),
    ):
        cpu_s, before = collector.cpu_s(), collector.ask("/healthz").get("progress", {})
        sent = load(collector, seconds=seconds, **shape)
        rows += sent["rows"]["events"]
        collector.wait_for_rows({"events": rows})
        used_s, after = collector.cpu_s() - cpu_s, collector.ask("/healthz").get("progress", {})
        note(figure, sent["items"] / (time.time() - sent["began_unix_s"]))
        details[name] = {"generator": sent, "collector_cpu_s": used_s, "before": before, "after": after}
        if name == "otlp":
            note(figures.EVENTS_EFFICIENCY, sent["items"] / used_s)
            note(figures.EVENT_BYTES, disk_bytes(collector.data, "events") / rows)
            note(figures.EVENT_LOG_BYTES, disk_bytes(collector.data, "logs") / rows)
    query(collector, rows, note)
    return details


def query(collector: Collector, rows: int, note: Note) -> None:
    """Each query's median of five, as milliseconds for 1 M events."""
    for figure, sql in QUERIES.items():
        took_ms = []
        for _ in range(5):
            with duckdb.connect(str(collector.data / "pond.duckdb"), read_only=True) as connection:
                start = time.perf_counter()
                connection.execute(sql).fetchall()
                took_ms.append((time.perf_counter() - start) * 1000)
        note(figure, statistics.median(took_ms) * QUERIED / rows)
