"""A payload is judged before the answer: how many items, how many refused and why, and where broken bytes break."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.metrics.v1.metrics_pb2 import (
    ExponentialHistogramDataPoint,
    HistogramDataPoint,
    Metric,
    NumberDataPoint,
    SummaryDataPoint,
)
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from otelpond.storage.decode.inspection import inspect
from otelpond.storage.signals import Inspection, Signal, UndecodableError

from .otlp_messages import requests

_IDS = {"trace_id": b"\x01" * 16, "span_id": b"\x02" * 8}
_TOO_LARGE = 2**63


def _spans(*spans: Span) -> bytes:
    request = ExportTraceServiceRequest()
    request.resource_spans.add().scope_spans.add().spans.extend(spans)
    return bytes(request.SerializeToString())


def _metric(metric: Metric) -> bytes:
    request = ExportMetricsServiceRequest()
    request.resource_metrics.add().scope_metrics.add().metrics.append(metric)
    return bytes(request.SerializeToString())


def _logs(*records: LogRecord) -> bytes:
    request = ExportLogsServiceRequest()
    request.resource_logs.add().scope_logs.add().log_records.extend(records)
    return bytes(request.SerializeToString())


def _gauge(point: NumberDataPoint) -> Metric:
    return Metric(gauge={"data_points": [point]})


def _sum(temporality: int) -> Metric:
    return Metric(sum={"data_points": [NumberDataPoint(time_unix_nano=1, as_int=1)], "aggregation_temporality": temporality})


def _histogram(point: HistogramDataPoint) -> Metric:
    return Metric(histogram={"data_points": [point], "aggregation_temporality": 1})


def _exponential(point: ExponentialHistogramDataPoint) -> Metric:
    return Metric(exponential_histogram={"data_points": [point], "aggregation_temporality": 2})


_BUCKETS = ExponentialHistogramDataPoint.Buckets


@pytest.mark.parametrize(
    ("span", "reason"),
    [
        (Span(**_IDS), ""),
        (Span(span_id=b"\x02" * 8), "trace_id has 0 bytes, 16 expected"),
        (Span(trace_id=bytes(16), span_id=b"\x02" * 8), "trace_id is all zero"),
        (Span(trace_id=b"\x01" * 16, span_id=b"\x02" * 9), "span_id has 9 bytes, 8 expected"),
        (Span(trace_id=b"\x01" * 16, span_id=bytes(8)), "span_id is all zero"),
        (Span(**_IDS, parent_span_id=b"\x01"), ""),
        (Span(**_IDS, start_time_unix_nano=_TOO_LARGE - 1, end_time_unix_nano=_TOO_LARGE - 1), ""),
        (Span(**_IDS, start_time_unix_nano=_TOO_LARGE), "start_time_unix_nano is over 2**63-1"),
        (Span(**_IDS, end_time_unix_nano=_TOO_LARGE), "end_time_unix_nano is over 2**63-1"),
    ],
)
def test_spans_are_refused_for_their_ids_and_impossible_times(span: Span, reason: str) -> None:
    """A span needs both ids; a time must fit into int64."""
    inspection = inspect(Signal.TRACES, _spans(span))
    assert (1, int(bool(reason)), reason) == (inspection.items, inspection.rejected, inspection.reason)


@pytest.mark.parametrize(
    ("metric", "reason"),
    [
        (_gauge(NumberDataPoint(time_unix_nano=1, as_int=0)), ""),
        (_gauge(NumberDataPoint(time_unix_nano=1, flags=1)), ""),
        (_gauge(NumberDataPoint(time_unix_nano=1, flags=2)), "the point has neither a value nor the flag NO_RECORDED_VALUE"),
        (_gauge(NumberDataPoint(as_int=1)), "time_unix_nano is absent"),
        (_gauge(NumberDataPoint(time_unix_nano=_TOO_LARGE, as_int=1)), "time_unix_nano is over 2**63-1"),
        (_gauge(NumberDataPoint(time_unix_nano=1, start_time_unix_nano=_TOO_LARGE, as_int=1)), ""),
        (_sum(1), ""),
        (_sum(2), ""),
        (_sum(0), "aggregation_temporality is unspecified, 1 (delta) or 2 (cumulative) expected"),
        (_sum(3), "aggregation_temporality is 3, 1 (delta) or 2 (cumulative) expected"),
        (_histogram(HistogramDataPoint(time_unix_nano=1)), ""),
        (_histogram(HistogramDataPoint(time_unix_nano=1, explicit_bounds=[1.0])), ""),
        (_histogram(HistogramDataPoint(time_unix_nano=1, bucket_counts=[1])), ""),
        (_histogram(HistogramDataPoint(time_unix_nano=1, bucket_counts=[1, 2], explicit_bounds=[1.0])), ""),
        (
            _histogram(HistogramDataPoint(time_unix_nano=1, bucket_counts=[1], explicit_bounds=[1.0])),
            "bucket_counts has 1 entries, 2 expected: one more than explicit_bounds",
        ),
        (_histogram(HistogramDataPoint(time_unix_nano=1, count=_TOO_LARGE)), "count is over 2**63-1"),
        (
            _histogram(HistogramDataPoint(time_unix_nano=1, bucket_counts=[_TOO_LARGE])),
            "bucket_counts holds a count over 2**63-1",
        ),
        (_exponential(ExponentialHistogramDataPoint(time_unix_nano=1)), ""),
        (_exponential(ExponentialHistogramDataPoint(time_unix_nano=1, zero_count=_TOO_LARGE)), "zero_count is over 2**63-1"),
        (
            _exponential(ExponentialHistogramDataPoint(time_unix_nano=1, negative=_BUCKETS(bucket_counts=[1, _TOO_LARGE]))),
            "negative.bucket_counts holds a count over 2**63-1",
        ),
        (Metric(summary={"data_points": [SummaryDataPoint(time_unix_nano=1)]}), ""),
        (Metric(summary={"data_points": [SummaryDataPoint(time_unix_nano=1, count=_TOO_LARGE)]}), "count is over 2**63-1"),
    ],
)
def test_points_are_refused_for_what_makes_them_meaningless(metric: Metric, reason: str) -> None:
    """A point needs a time, a temporality where its kind has one, a value or the flag, and buckets that fit their bounds."""
    inspection = inspect(Signal.METRICS, _metric(metric))
    assert (1, int(bool(reason)), reason) == (inspection.items, inspection.rejected, inspection.reason)


def test_the_first_reason_is_told_and_all_refusals_counted() -> None:
    """Good and bad items are counted apart; the sender hears the first reason."""
    payload = _spans(Span(**_IDS), Span(), Span(trace_id=b"\x01" * 16), Span(**_IDS))
    assert Inspection(4, 2, "trace_id has 0 bytes, 16 expected", timeless=True) == inspect(Signal.TRACES, payload)


@pytest.mark.parametrize("signal", Signal)
def test_an_empty_payload_is_a_request_without_items(signal: Signal) -> None:
    """No bytes are a valid empty message."""
    assert Inspection(0, timeless=True) == inspect(signal, b"")


def test_a_metric_without_data_is_no_point() -> None:
    """A metric that holds nothing counts as no item."""
    assert Inspection(0, timeless=True) == inspect(Signal.METRICS, _metric(Metric(name="empty")))


@pytest.mark.parametrize(
    ("signal", "payload", "timeless"),
    [
        (Signal.TRACES, _spans(Span(**_IDS), Span(**_IDS)), True),
        (Signal.TRACES, _spans(Span(**_IDS), Span(**_IDS, end_time_unix_nano=1)), False),
        (Signal.LOGS, _logs(LogRecord(), LogRecord()), True),
        (Signal.LOGS, _logs(LogRecord(), LogRecord(observed_time_unix_nano=1)), False),
        (Signal.LOGS, _logs(LogRecord(time_unix_nano=1), LogRecord()), False),
        (Signal.METRICS, _metric(_gauge(NumberDataPoint(as_int=1))), True),
        (Signal.METRICS, _metric(_gauge(NumberDataPoint(as_int=1, time_unix_nano=1))), False),
    ],
)
def test_a_payload_is_timeless_where_no_item_has_a_time(signal: Signal, payload: bytes, timeless: bool) -> None:
    """Only a time in some item makes equal bytes evidence of a retry."""
    assert timeless == inspect(signal, payload).timeless


_SPAN_PATH = "resource_spans[0].scope_spans[0].spans[1]"


def _with_span(span: bytes) -> bytes:
    """A request whose second span has these bytes."""
    scope = b"\x12\x00\x12" + bytes([len(span)]) + span
    resource = b"\x12" + bytes([len(scope)]) + scope
    return b"\x0a" + bytes([len(resource)]) + resource


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        (b"\xff\xff", "a number is cut off at the end"),
        (b"\xff" * 11, "a number has more than 10 bytes"),
        (b"\x02", "field number 0 in ExportTraceServiceRequest"),
        (b"\x0a\x05\x00", "a field of 5 bytes is cut off after 1 in ExportTraceServiceRequest"),
        (b"\x0f", "wire type 7 does not exist in ExportTraceServiceRequest, byte 1"),
        (b"\x0c", "a group ends that never began in ExportTraceServiceRequest"),
        (b"\x0b", "a group is cut off in ExportTraceServiceRequest"),
        (_with_span(b"\x2a\x02a\xff"), f"{_SPAN_PATH}.name is not valid UTF-8: invalid start byte at byte 1"),
        (_with_span(b"\x39\x00"), f"a field of 8 bytes is cut off after 1 in {_SPAN_PATH}"),
        (_with_span(b"\x4a\x02\x0a\x07"), f"a field of 7 bytes is cut off after 0 in {_SPAN_PATH}.attributes[0]"),
    ],
)
def test_broken_bytes_are_told_with_their_place(payload: bytes, expected: str) -> None:
    """What the runtime refuses is an error that names the first fault and the path to it."""
    with pytest.raises(UndecodableError) as error:
        inspect(Signal.TRACES, payload)
    assert expected == str(error.value)


def test_values_nested_too_deeply_are_told_so() -> None:
    """Nesting beyond what the runtime reads is an error, not a crash."""
    value = b""
    for _ in range(150):
        array = b"\x0a" + _varint(len(value)) + value
        value = b"\x2a" + _varint(len(array)) + array
    body = b"\x2a" + _varint(len(value)) + value
    for tag in (b"\x12", b"\x12", b"\x0a"):
        body = tag + _varint(len(body)) + body
    with pytest.raises(UndecodableError, match=r"^messages are nested deeper than 100$"):
        inspect(Signal.LOGS, body)


def _varint(number: int) -> bytes:
    return bytes([number & 127 | 128, number >> 7]) if number > 127 else bytes([number])


def test_the_search_for_a_fault_gives_up_in_time() -> None:
    """A payload of endless tiny fields is refused without naming the place, rather than walked to its end."""
    with pytest.raises(UndecodableError, match="not a valid ExportTraceServiceRequest message"):
        inspect(Signal.TRACES, b"\x30\x00" * 200_000 + b"\x07")


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(data=st.data())
def test_mutated_bytes_are_judged_or_told_as_broken(data: Any) -> None:
    """Bytes changed, lost or added give an inspection or an UndecodableError with a text, never another error."""
    signal = data.draw(st.sampled_from(Signal))
    payload = bytearray(data.draw(requests(signal)).SerializeToString())
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(payload)))
        payload[at : at + data.draw(st.integers(0, 2))] = data.draw(st.binary(max_size=2))
    try:
        told = inspect(signal, bytes(payload)).items >= 0
    except UndecodableError as error:
        told = bool(str(error))
    assert told
