"""One failure is one error, however often it is told; several failures stay several."""

from __future__ import annotations

import secrets
import time
from typing import Any

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

COUNT = "select count(*) from error_logs where service_name = "
STACK = """Traceback (most recent call last):
  File "/srv/shop/cart.py", line 12, in total
    raise ValueError("empty cart")
ValueError: empty cart
"""


def _exception(record: Any) -> None:
    for key, value in (("exception.type", "ValueError"), ("exception.message", "empty cart"), ("exception.stacktrace", STACK)):
        record.attributes.add(key=key).value.string_value = value


def _failed_span(spans: Any, trace_id: bytes, at: int, *, parent: bytes = b"", kind: int = Span.SPAN_KIND_INTERNAL) -> Any:
    span = spans.add(trace_id=trace_id, span_id=secrets.token_bytes(8), parent_span_id=parent, name="total", kind=kind)
    span.start_time_unix_nano, span.end_time_unix_nano = at, at + 1_000_000
    span.status.code = Status.STATUS_CODE_ERROR
    _exception(span.events.add(name="exception", time_unix_nano=at + 500_000))
    return span


def _trace(service: str) -> tuple[ExportTraceServiceRequest, Any]:
    request = ExportTraceServiceRequest()
    resource_spans = request.resource_spans.add()
    resource_spans.resource.attributes.add(key="service.name").value.string_value = service
    return request, resource_spans.scope_spans.add().spans


def _log(service: str, trace_id: bytes, span_id: bytes, at: int, *, beside: str = "") -> bytes:
    request = ExportLogsServiceRequest()
    resource_logs = request.resource_logs.add()
    resource_logs.resource.attributes.add(key="service.name").value.string_value = service
    records = resource_logs.scope_logs.add().log_records
    if beside:
        records.add(time_unix_nano=at, severity_number=9).body.string_value = beside
    record = records.add(time_unix_nano=at, severity_number=17, trace_id=trace_id, span_id=span_id)
    record.body.string_value = "empty cart"
    _exception(record)
    return request.SerializeToString()


@pytest.mark.timeout(120)
def test_an_error_told_as_span_event_and_as_log_is_one(collector: Any) -> None:
    """Neither the log 30 s later, in another publish, nor both once more after a restart, beside other records, add a second error."""
    now, trace_id = time.time_ns(), secrets.token_bytes(16)
    request, spans = _trace("told-twice")
    span = _failed_span(spans, trace_id, now - 90 * 10**9)
    collector.accept("/v1/traces", request.SerializeToString())
    assert [(1,)] == collector.published(f"{COUNT}'told-twice'")
    collector.accept("/v1/logs", _log("told-twice", trace_id, span.span_id, now - 60 * 10**9))
    assert [(1,)] == collector.published(f"{COUNT}'told-twice'")
    collector.kill()
    collector.start()
    collector.accept("/v1/logs", _log("told-twice", trace_id, span.span_id, now - 60 * 10**9, beside="sent again"))
    spans.add(trace_id=trace_id, span_id=secrets.token_bytes(8), name="beside", start_time_unix_nano=now, end_time_unix_nano=now)
    collector.accept("/v1/traces", request.SerializeToString())
    assert [(1,)] == collector.published(f"{COUNT}'told-twice'")


@pytest.mark.timeout(120)
def test_an_error_on_nested_spans_is_one(collector: Any) -> None:
    """An exception that passes through a span into its parent is recorded on both, and is one error."""
    now, trace_id = time.time_ns(), secrets.token_bytes(16)
    request, spans = _trace("nested")
    parent = _failed_span(spans, trace_id, now, kind=Span.SPAN_KIND_SERVER)
    _failed_span(spans, trace_id, now, parent=parent.span_id)
    collector.accept("/v1/traces", request.SerializeToString())
    assert [(1,)] == collector.published(f"{COUNT}'nested'")


@pytest.mark.timeout(120)
def test_three_failing_retries_are_three(collector: Any) -> None:
    """A request tried three times under one parent fails three times."""
    now, trace_id = time.time_ns(), secrets.token_bytes(16)
    request, spans = _trace("retrying")
    parent = spans.add(
        trace_id=trace_id, span_id=secrets.token_bytes(8), name="checkout", start_time_unix_nano=now, end_time_unix_nano=now + 10**9
    )
    for attempt in range(3):
        _failed_span(spans, trace_id, now + attempt * 200_000_000, parent=parent.span_id, kind=Span.SPAN_KIND_CLIENT)
    collector.accept("/v1/traces", request.SerializeToString())
    assert [(3,)] == collector.published(f"{COUNT}'retrying'")
