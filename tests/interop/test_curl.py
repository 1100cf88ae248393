"""curl posts OTLP/JSON documents as people write them by hand, and they are found in their tables.

`examples/` holds documents of the shape of the JSON examples of the OpenTelemetry protocol's repository: numbers where protobuf's JSON
has strings, integers for doubles, upper-case ids, times years ago. To post those themselves, name a folder that has them:
`OTLP_EXAMPLES=opentelemetry-proto/examples tests/interop/run.sh -k curl`.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
EXAMPLES = Path(__file__).parent / "examples"
PATHS = {"trace": "traces", "metrics": "metrics", "logs": "logs", "events": "logs"}
TRACE_ID, SPAN_ID = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


def curl(collector: Any, file: Path) -> None:
    """Posts a document, as the examples' own README does; the answer must be an empty success."""
    url = f"http://{collector.http}/v1/{PATHS[file.stem]}"
    command = [
        "curl",
        "-sS",
        "-X",
        "POST",
        "-H",
        "Content-Type: application/json",
        "-d",
        f"@{file}",
        "-w",
        " %{http_code} %{content_type}",
        url,
    ]
    run = subprocess.run(command, capture_output=True, check=False, timeout=30)
    assert (b"{} 200 application/json", b"") == (run.stdout, run.stderr)


@pytest.fixture(scope="module")
def posted(collector: Any) -> Any:
    """The collector, after each example was posted."""
    for name in PATHS:
        curl(collector, EXAMPLES / f"{name}.json")
    return collector


def test_the_span_arrives(posted: Any) -> None:
    """Its ids in lower case, its old time kept and marked."""
    columns = "trace_id, span_id, parent_span_id, name, kind, start_time_unix_nano, duration_ns, attributes::varchar, time_suspect"
    scope = "scope_name, scope_version, scope_attributes::varchar"
    rows = posted.published(f"select {columns}, {scope} from spans where service_name = 'kiosk'")
    span = (TRACE_ID, SPAN_ID, "00f067aa0ba902b6", "It's a server span", "SERVER", 1_600_000_000_000_000_000, 1_000_000_000)
    attributes = ('{"kiosk.span.attribute":"a value"}', True, "kiosk.library", "1.0.0", '{"kiosk.scope.attribute":"of the scope"}')
    assert [span + attributes] == rows


def test_the_log_record_arrives(posted: Any) -> None:
    """With an attribute of each type."""
    columns = "trace_id, span_id, time_unix_nano, severity_number, severity_text, body::varchar, body_type, attributes::varchar"
    ((*row, attributes),) = posted.published(f"select {columns} from logs where service_name = 'kiosk' and severity_number = 10")
    assert [TRACE_ID, SPAN_ID, 1_600_000_000_300_000_000, 10, "Information", "A log record as an example", "string"] == row
    scalars = '"a.string":"some text","a.boolean":true,"an.int":10,"a.double":637.704'
    assert f'{{{scalars},"an.array":["many","values"],"a.map":{{"a.key":"some value"}}}}' == attributes


def test_the_event_arrives(posted: Any) -> None:
    """With its name and its body of keys and values."""
    columns = "event_name, body::varchar, body_type, time_unix_nano"
    rows = posted.published(f"select {columns} from logs where service_name = 'kiosk' and event_name is not null")
    body = '{"type":0,"url":"https://kiosk.example/orders","referrer":"https://search.example","title":"Orders"}'
    assert [("browser.page_view", body, "kvlist", 1_600_000_000_300_000_000)] == rows


def test_the_metric_points_arrive(posted: Any) -> None:
    """Integers written for doubles are doubles, and each kind of metric has its values."""
    columns = "metric_name, metric_type, temporality, value_double, count, sum, min, max, bucket_counts, explicit_bounds"
    exponential = "scale, zero_count, positive_offset, positive_bucket_counts"
    rows = posted.published(f"select {columns}, {exponential} from metric_points where service_name = 'kiosk' order by all")
    none = (None,)
    assert [
        ("kiosk.counter", "sum", "delta", 5.0, *none * 10),
        ("kiosk.exponential", "exponential_histogram", "delta", None, 3, 10.0, 0.0, 5.0, None, None, 0, 1, 1, [0, 2]),
        ("kiosk.gauge", "gauge", None, 10.0, *none * 10),
        ("kiosk.histogram", "histogram", "delta", None, 2, 2.0, 0.0, 2.0, [1, 1], [1.0], *none * 4),
    ] == rows


@pytest.mark.skipif("OTLP_EXAMPLES" not in os.environ, reason="OTLP_EXAMPLES names no folder")
def test_the_protocols_own_examples_arrive(collector: Any) -> None:
    """As many rows as each document has items."""
    for name in PATHS:
        file = Path(os.environ["OTLP_EXAMPLES"]) / f"{name}.json"
        table, items = {"trace": ("spans", "spans"), "metrics": ("metric_points", "dataPoints")}.get(name, ("logs", "logRecords"))
        before = collector.published(f"select count(*) from {table}")[0][0]
        curl(collector, file)
        assert before + _items(json.loads(file.read_text()), items) == collector.published(f"select count(*) from {table}")[0][0]


def _items(document: Any, key: str) -> int:
    if isinstance(document, dict):
        return sum(len(value) if name == key else _items(value, key) for name, value in document.items())
    return sum(_items(value, key) for value in document) if isinstance(document, list) else 0
