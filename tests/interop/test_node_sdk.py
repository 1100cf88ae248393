"""OpenTelemetry's own SDK for Node sends over each protocol, and everything is found by id, with values and types as they were.

Skipped where its packages are not installed; `tests/interop/run.sh` installs them.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

NODE = Path(__file__).parent / "node"
pytestmark = pytest.mark.skipif(
    shutil.which("node") is None or not (NODE / "node_modules").is_dir(), reason="needs node, and its packages: tests/interop/run.sh"
)


@dataclass
class Sent:
    """What the SDK was given under one service name, and where it went."""

    collector: Any
    service: str
    made: dict[str, Any]

    def rows(self, columns: str, table: str) -> list[tuple[Any, ...]]:
        """Columns of the service's rows in a table."""
        return self.collector.published(f"select {columns} from {table} where service_name = ? order by all", self.service)


@pytest.fixture(scope="module", params=["http/json", "http/protobuf", "grpc"])
def sent(request: pytest.FixtureRequest, collector: Any) -> Sent:
    """One run of send.mjs over a protocol."""
    service = f"node-{request.param}"
    address = collector.grpc if request.param == "grpc" else collector.http
    command = ["node", str(NODE / "send.mjs"), request.param, address, service]
    run = subprocess.run(command, capture_output=True, check=False, timeout=60)
    assert (0, b"") == (run.returncode, run.stderr)
    return Sent(collector, service, json.loads(run.stdout))


def exactly(left: Any, right: Any) -> bool:
    """Equality of JSON values in which 1, 1.0 and true are three things."""
    return json.dumps(left, sort_keys=True) == json.dumps(right, sort_keys=True)


def test_spans_arrive_as_sent(sent: Sent) -> None:
    """Ids, parents, names, kinds, times, status, attributes, events and links."""
    columns = """span_id, trace_id, parent_span_id, name, kind, start_time_unix_nano, duration_ns, status_code, status_message,
        attributes::varchar, links::varchar, service_version, resource_attributes::varchar"""
    found = {row[0]: row[1:] for row in sent.rows(columns, "spans")}
    assert {span["span_id"] for span in sent.made["spans"]} == set(found)
    assert 2 * sent.made["items"] == len(found)
    for span in sent.made["spans"]:
        row = found[span["span_id"]]
        assert (span["trace_id"], span["parent_span_id"], span["name"], span["kind"], int(span["start"]), 100_000_001) == row[:6]
        if span["kind"] == "CONSUMER":
            assert ("UNSET", None) == row[6:8]
            assert exactly(sent.made["attributes"], json.loads(row[8]))
        else:
            assert ("ERROR", "did not work", None) == row[6:9]
            link = json.loads(row[9])[0]
            assert ("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331") == (link["trace_id"], link["span_id"])
            assert {"why": "test"} == link["attributes"]
        assert ("1.2.3", 7) == (row[10], json.loads(row[11])["fleet"])
    events = sent.rows("span_id, event_name, attributes::varchar", "span_events")
    children = sorted(span["span_id"] for span in sent.made["spans"] if span["kind"] == "PRODUCER")
    assert [(child, "halfway", '{"share":0.5}') for child in children] == events


def test_log_records_arrive_as_sent(sent: Sent) -> None:
    """Times, severity, body of any shape, attributes and the event's name."""
    columns = """time_unix_nano, observed_time_unix_nano, severity_number, severity_text, event_name, body::varchar, body_type,
        attributes::varchar"""
    rows = sent.rows(columns, "logs")
    assert sent.made["items"] == len(rows)
    for record, row in zip(sent.made["logs"], rows, strict=True):
        assert (int(record["time"]), int(record["time"]), 13, "WARN", "order.placed") == row[:5]
        if isinstance(record["body"], str):
            assert (record["body"], "string") == row[5:7]
        else:
            assert (True, "kvlist") == (exactly(record["body"], json.loads(row[5])), row[6])
        assert exactly(sent.made["attributes"] | {"number": record["number"]}, json.loads(row[7]))


def test_metric_points_arrive_as_sent(sent: Sent) -> None:
    """Counter, up-down counter, gauge, histogram and exponential histogram, with their values."""
    values = "value_double, count, sum, min, max, bucket_counts, explicit_bounds"
    columns = f"metric_name, attributes->>'$.shop', metric_type, unit, temporality, is_monotonic, {values}"
    rows = {row[:2]: row[2:] for row in sent.rows(columns, "metric_points")}
    items = sent.made["items"]
    total = float(sum(range(items)))
    assert 2 * items + 3 == len(rows)
    for number in range(items):
        assert ("sum", "{order}", "cumulative", True, float(number)) == rows["orders", f"s{number}"][:5]
        assert ("gauge", None, None, None, number / 4 + 0.1) == rows["ratio", f"s{number}"][:5]
    assert ("sum", None, "cumulative", False, 0.0) == rows["queue", None][:5]
    assert ("histogram", "By", "cumulative", None, None, items, total, 0.0, items - 1.0, [6, 5, items - 11], [5.0, 10.0]) == rows[
        "sizes", None
    ]
    waits = total + items / 2
    assert ("exponential_histogram", None, "cumulative", None, None, items, waits, 0.5, items - 0.5, None, None) == rows["waits", None]


def test_nothing_is_refused(sent: Sent) -> None:
    """No row of the SDK's lands in rejected_records."""
    assert [] == sent.collector.published("select * from rejected_records")
