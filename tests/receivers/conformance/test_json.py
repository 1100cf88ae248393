"""OTLP/JSON 1.11: the traps of its encoding; each test is named for its rule."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from google.rpc import code_pb2
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

TRACE_ID, SPAN_ID = "5B8EFFF798038103D269B633813FC60C", "eee19b7ec3c1B174"
TIME = "1544712660000000000"
Post = Callable[..., httpx.Response]


def span(**fields: Any) -> dict[str, Any]:
    """A request with one span."""
    whole = {"traceId": TRACE_ID, "spanId": SPAN_ID, "name": "checkout", "startTimeUnixNano": TIME, "endTimeUnixNano": TIME} | fields
    return {"resourceSpans": [{"scopeSpans": [{"spans": [whole]}]}]}


def point(kind: str = "gauge", metric: dict[str, Any] | None = None, **fields: Any) -> dict[str, Any]:
    """A request with one metric point."""
    data = {"dataPoints": [{"timeUnixNano": TIME} | fields]} | (metric or {})
    return {"resourceMetrics": [{"scopeMetrics": [{"metrics": [{"name": "orders", kind: data}]}]}]}


@pytest.fixture
def stored_span(post: Post, sink: Any) -> Callable[..., Any]:
    """Posts a span with these members and gives what is stored of it."""

    def one(**fields: Any) -> Any:
        answer = post("/v1/traces", json.dumps(span(**fields)), media="application/json")
        assert (200, {}) == (answer.status_code, answer.json())
        return ExportTraceServiceRequest.FromString(sink.stored[-1][2]).resource_spans[0].scope_spans[0].spans[0]

    return one


@pytest.fixture
def stored_point(post: Post, sink: Any) -> Callable[..., Any]:
    """Posts a metric point with these members and gives what is stored of it."""

    def one(kind: str = "gauge", metric: dict[str, Any] | None = None, **fields: Any) -> Any:
        answer = post("/v1/metrics", json.dumps(point(kind, metric, **fields)), media="application/json")
        assert (200, {}) == (answer.status_code, answer.json())
        stored = ExportMetricsServiceRequest.FromString(sink.stored[-1][2]).resource_metrics[0].scope_metrics[0].metrics[0]
        return getattr(stored, kind).data_points[0]

    return one


def test_ids_are_hex_in_any_case(post: Post, sink: Any, stored_span: Callable[..., Any], stored_point: Callable[..., Any]) -> None:
    """In spans and their parents, links, log records and exemplars."""
    ids = bytes.fromhex(TRACE_ID), bytes.fromhex(SPAN_ID)
    stored = stored_span(parentSpanId=SPAN_ID.upper(), links=[{"traceId": TRACE_ID.lower(), "spanId": SPAN_ID}])
    assert (*ids, ids[1]) == (stored.trace_id, stored.span_id, stored.parent_span_id)
    assert ids == (stored.links[0].trace_id, stored.links[0].span_id)
    (exemplar,) = stored_point(asInt="7", exemplars=[{"traceId": TRACE_ID, "spanId": SPAN_ID, "timeUnixNano": TIME, "asInt": 1}]).exemplars
    assert ids == (exemplar.trace_id, exemplar.span_id)
    record = {"traceId": TRACE_ID, "spanId": SPAN_ID, "timeUnixNano": TIME}
    post("/v1/logs", json.dumps({"resourceLogs": [{"scopeLogs": [{"logRecords": [record]}]}]}), media="application/json")
    kept = ExportLogsServiceRequest.FromString(sink.stored[-1][2]).resource_logs[0].scope_logs[0].log_records[0]
    assert ids == (kept.trace_id, kept.span_id)


def test_other_bytes_are_base64(stored_span: Callable[..., Any]) -> None:
    """`bytesValue`, padded or not, in the standard or the URL-safe alphabet."""
    texts = ("+/8AAQ==", "+/8AAQ", "-_8AAQ==")
    stored = stored_span(attributes=[{"key": text, "value": {"bytesValue": text}} for text in texts])
    assert [b"\xfb\xff\x00\x01"] * 3 == [attribute.value.bytes_value for attribute in stored.attributes]


def test_enums_are_numbers_and_names_are_understood(stored_span: Callable[..., Any]) -> None:
    """Senders MUST use numbers; some real ones send names."""
    assert (2, 2) == (stored_span(kind=2).kind, stored_span(kind="SPAN_KIND_SERVER").kind)
    assert 2 == stored_span(status={"code": "STATUS_CODE_ERROR"}).status.code


def test_keys_are_camel_case_and_snake_case_is_understood(post: Post, sink: Any) -> None:
    """OTLP calls the original names invalid; some real senders use them."""
    snake = {"trace_id": TRACE_ID, "span_id": SPAN_ID, "name": "checkout", "start_time_unix_nano": TIME}
    body = {"resource_spans": [{"scope_spans": [{"spans": [snake]}]}]}
    assert 200 == post("/v1/traces", json.dumps(body), media="application/json").status_code
    kept = ExportTraceServiceRequest.FromString(sink.stored[0][2]).resource_spans[0].scope_spans[0].spans[0]
    assert (bytes.fromhex(TRACE_ID), int(TIME)) == (kept.trace_id, kept.start_time_unix_nano)


def test_64_bit_integers_are_strings_or_numbers(stored_span: Callable[..., Any], stored_point: Callable[..., Any]) -> None:
    """Both to the last digit, up to the ends of their range."""
    assert {int(TIME)} == {stored_span(startTimeUnixNano=time).start_time_unix_nano for time in (TIME, int(TIME))}
    assert {2**63 - 1} == {stored_point(asInt=value).as_int for value in (2**63 - 1, str(2**63 - 1))}


def test_doubles_may_be_named(stored_point: Callable[..., Any]) -> None:
    """NaN and the infinities as text, whole numbers without a point."""
    assert ["nan", "inf", "-inf", "3.0"] == [str(stored_point(asDouble=value).as_double) for value in ("NaN", "Infinity", "-Infinity", 3)]


def test_null_is_the_default(stored_span: Callable[..., Any]) -> None:
    """A member that is null is as if it were absent."""
    stored = stored_span(traceState=None, attributes=None, kind=None, links=None)
    assert ("", 0, 0, 0) == (stored.trace_state, len(stored.attributes), stored.kind, len(stored.links))


def test_unknown_members_are_ignored(stored_span: Callable[..., Any]) -> None:
    """On every level, whatever they hold."""
    assert "checkout" == stored_span(later={"deep": [1, {"a": None}]}).name


def test_an_id_of_another_length_costs_its_item_only(post: Post, sink: Any) -> None:
    """The span is counted as rejected, not the request; an id that is no hex is no OTLP at all."""
    body = span()
    body["resourceSpans"][0]["scopeSpans"][0]["spans"] += span(spanId="abcd")["resourceSpans"][0]["scopeSpans"][0]["spans"]
    answer = post("/v1/traces", json.dumps(body), media="application/json")
    assert (200, "1", 1) == (answer.status_code, answer.json()["partialSuccess"]["rejectedSpans"], len(sink.stored))
    assert 400 == post("/v1/traces", json.dumps(span(traceId="no hex at all, of the right length!")), media="application/json").status_code


@pytest.mark.parametrize(
    "body",
    [
        '{"resourceSpans": [], "resourceSpans": []}',
        '{"resourceSpans": [{"schemaUrl": "\\ud800"}]}',
        json.dumps(point(asDouble=0)).replace('"asDouble": 0', '"asDouble": NaN'),
        "[" * 100_000,
        '{"resourceSpans": {}}',
        '{"resourceSpans": [1]}',
        "{} {}",
        "",
        '{"resourceSpans": [{"scopeSpans": [{"spans": [{"kind": "SPAN_KIND_UNHEARD_OF"}]}]}]}',
    ],
    ids=["twice", "surrogate", "bare NaN", "deep", "object", "number", "two texts", "empty", "enum"],
)
def test_what_is_no_otlp_json_is_400(post: Post, sink: Any, body: str) -> None:
    """Never a 500: INVALID_ARGUMENT, with the path to the fault in the message."""
    path = "/v1/metrics" if "resourceMetrics" in body else "/v1/traces"
    answer = post(path, body.encode(), media="application/json")
    assert (400, code_pb2.INVALID_ARGUMENT) == (answer.status_code, answer.json()["code"])
    assert [] == sink.stored
