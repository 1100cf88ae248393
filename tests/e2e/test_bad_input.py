"""Bad input: each has its answer, and the collector serves on. The list is what clients have been seen to send."""

from __future__ import annotations

import gzip
import json
import os
import time
from collections.abc import Iterator
from typing import Any

import grpc
import httpx
import pytest
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest, ExportMetricsServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

PROTOBUF = {"content-type": "application/x-protobuf"}
JSON = {"content-type": "application/json"}
GZIP = {"content-encoding": "gzip"}
MIB = 1 << 20
TRACE_EXPORT = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"


def _json_span(**changed: object) -> bytes:
    span = {"traceId": "5b8efff798038103d269b633813fc60c", "spanId": "eee19b7ec3c1b174", "name": "x", "startTimeUnixNano": "1"} | changed
    return json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}).encode()


REFUSED: dict[str, tuple[str, str, bytes, dict[str, str], int]] = {
    "empty JSON": ("POST", "/v1/traces", b"", JSON, 400),
    "wrong content type": ("POST", "/v1/traces", b"x", {"content-type": "text/plain"}, 415),
    "no content type": ("POST", "/v1/traces", b"x", {}, 415),
    "truncated gzip": ("POST", "/v1/traces", gzip.compress(os.urandom(4096))[:-20], PROTOBUF | GZIP, 400),
    "not gzip": ("POST", "/v1/traces", b"plain", PROTOBUF | GZIP, 400),
    "invalid protobuf": ("POST", "/v1/traces", b"\x0a\xff\xff\xff\xff\x0f", PROTOBUF, 400),
    "invalid UTF-8 in protobuf": ("POST", "/v1/traces", bytes.fromhex("0a0812061204 2a02fffe".replace(" ", "")), PROTOBUF, 400),
    "invalid UTF-8 in JSON": ("POST", "/v1/traces", _json_span(name="ab").replace(b"ab", b"\xff\xfe"), JSON, 400),
    "base64 id in JSON": ("POST", "/v1/traces", _json_span(traceId="W47/95gDgQPSabYzgT/GDA=="), JSON, 400),
    "JSON cut off": ("POST", "/v1/traces", _json_span()[:-3], JSON, 400),
    "JSON of another shape": ("POST", "/v1/traces", b'{"resourceSpans": 7}', JSON, 400),
    "JSON 20,000 deep": ("POST", "/v1/traces", b'{"a":' * 20_000 + b"1" + b"}" * 20_000, JSON, 400),
    "65 MiB": ("POST", "/v1/traces", bytes(65 * MIB), PROTOBUF, 413),
    "65 MiB gzipped": ("POST", "/v1/traces", gzip.compress(bytes(65 * MIB), 1), PROTOBUF | GZIP, 413),
    "unknown path": ("POST", "/v1/unknown", b"", PROTOBUF, 404),
    "wrong method": ("GET", "/v1/traces", b"", PROTOBUF, 405),
}


@pytest.fixture(autouse=True)
def _unharmed(collector: Any, server_spans: Any) -> Iterator[None]:
    """After every bad request the same process is healthy and takes a good one."""
    pid = collector.process.pid
    yield
    assert httpx.codes.OK == httpx.get(f"http://{collector.admin}/healthz").status_code
    collector.accept("/v1/traces", server_spans().SerializeToString())
    assert collector.process.poll() is None
    assert pid == collector.process.pid


@pytest.mark.parametrize("name", REFUSED)
def test_bad_requests_are_refused_in_words(collector: Any, name: str) -> None:
    """Every refusal has its status code, and a google.rpc.Status that says what is wrong as its body."""
    method, path, body, headers, expected = REFUSED[name]
    answer = httpx.request(method, f"http://{collector.http}{path}", content=body, headers=headers, timeout=60)
    assert expected == answer.status_code
    if headers == PROTOBUF or headers == PROTOBUF | GZIP:
        message = Status.FromString(answer.content).message
    else:
        message = json.loads(answer.content)["message"]
    assert message
    if expected == httpx.codes.METHOD_NOT_ALLOWED:
        assert "POST" in answer.headers["allow"]


def test_an_empty_protobuf_body_is_an_empty_request(collector: Any) -> None:
    """No bytes are a message without data, which is fine."""
    collector.accept("/v1/traces", b"")
    collector.accept("/v1/logs", b"")


def test_grpc_refuses_what_is_malformed_or_too_large(collector: Any) -> None:
    """GRPC answers INVALID_ARGUMENT and RESOURCE_EXHAUSTED, neither of which a client may repeat."""
    options = [("grpc.max_send_message_length", -1)]
    with grpc.insecure_channel(collector.grpc, options=options) as channel:
        export = channel.unary_unary(TRACE_EXPORT)
        for body, expected in ((b"\x0a\xff\xff", grpc.StatusCode.INVALID_ARGUMENT), (bytes(65 * MIB), grpc.StatusCode.RESOURCE_EXHAUSTED)):
            with pytest.raises(grpc.RpcError) as refused:
                export(body, timeout=60)
            assert expected == refused.value.code()
            assert "google.rpc.retryinfo-bin" not in dict(refused.value.trailing_metadata())


def test_a_span_with_a_short_id_is_rejected_alone(collector: Any, server_spans: Any) -> None:
    """Partial success names the number and the reason; the rest of the request is stored, the rejected item is kept aside."""
    request = server_spans(3, "short-id")
    request.resource_spans[0].scope_spans[0].spans[1].span_id = b"\x01\x02\x03"
    answer = collector.post("/v1/traces", request.SerializeToString())
    assert httpx.codes.OK == answer.status_code
    partial = ExportTraceServiceResponse.FromString(answer.content).partial_success
    assert 1 == partial.rejected_spans
    assert partial.error_message
    assert [(2,)] == collector.published("select count(*) from spans where service_name = 'short-id'")
    assert [(1,)] == collector.rows(
        "select count(*) from rejected_records where content like '%\"name\":\"GET /\"%' or content like '%GET /%'"
    )


def test_a_point_without_time_is_rejected_alone(collector: Any) -> None:
    """A metric point must have a time; the others of its request are stored."""
    request = ExportMetricsServiceRequest()
    metric = request.resource_metrics.add().scope_metrics.add().metrics.add(name="timeless.points")
    metric.gauge.data_points.add(as_int=1)
    metric.gauge.data_points.add(as_int=2, time_unix_nano=time.time_ns())
    answer = collector.post("/v1/metrics", request.SerializeToString())
    assert httpx.codes.OK == answer.status_code
    assert 1 == ExportMetricsServiceResponse.FromString(answer.content).partial_success.rejected_data_points
    assert [(2,)] == collector.published("select value_int from metric_points where metric_name = 'timeless.points'")


def test_hostile_times_are_stored_and_marked(collector: Any, server_spans: Any) -> None:
    """Spans of 1970 and 2100 keep their time, lie in the partition of their arrival, and are marked as suspect."""
    request = server_spans(2, "hostile-times")
    for span, start in zip(request.resource_spans[0].scope_spans[0].spans, (1_000_000_000, 4_102_444_800 * 10**9), strict=True):
        span.start_time_unix_nano, span.end_time_unix_nano = start, start + 1_000_000
    collector.accept("/v1/traces", request.SerializeToString())
    found = collector.published(
        "select start_time_unix_nano, time_suspect, dt = ingested_at::date from spans where service_name = 'hostile-times' order by all"
    )
    assert [(1_000_000_000, True, True), (4_102_444_800 * 10**9, True, True)] == found


def test_ten_thousand_attribute_names_are_stored(collector: Any, server_spans: Any) -> None:
    """Attributes are no columns: their number has no limit."""
    request = server_spans(100, "many-names")
    for number, span in enumerate(request.resource_spans[0].scope_spans[0].spans):
        for index in range(100):
            span.attributes.add(key=f"custom.name.{number * 100 + index}").value.int_value = index
    collector.accept("/v1/traces", request.SerializeToString())
    keys = "select unnest(json_keys(attributes)) as key from spans where service_name = 'many-names'"
    sql = f"select count(distinct key) from ({keys}) where key like 'custom.name.%'"
    assert [(10_000,)] == collector.published(sql)


def test_an_attribute_may_change_its_type(collector: Any, server_spans: Any) -> None:
    """The same key as an integer in one span and as a string in another keeps both, with their types."""
    request = server_spans(2, "two-types")
    first, second = request.resource_spans[0].scope_spans[0].spans
    first.attributes.add(key="order").value.int_value = 7
    second.attributes.add(key="order").value.string_value = "7"
    collector.accept("/v1/traces", request.SerializeToString())
    sql = "select json_type(attributes, '$.order'), attributes->>'$.order' from spans where service_name = 'two-types' order by all"
    assert [("UBIGINT", "7"), ("VARCHAR", "7")] == collector.published(sql)
