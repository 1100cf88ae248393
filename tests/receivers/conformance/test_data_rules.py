"""OTLP 1.11, rules of the data itself, seen in the rows that arrive; each test is named for its rule."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, KeyValue, KeyValueList
from otelpond.storage.signals import Signal

TIME = 1_772_366_400_000_000_000
Rows = Callable[[str], list[dict[str, Any]]]


def metrics(kind: str, *, temporality: int | None = None, time: int = TIME, **fields: Any) -> ExportMetricsServiceRequest:
    """A request with one point of that kind."""
    request = ExportMetricsServiceRequest()
    data = getattr(request.resource_metrics.add().scope_metrics.add().metrics.add(name="orders"), kind)
    if temporality is not None:
        data.aggregation_temporality = temporality
    data.data_points.add(time_unix_nano=time, **fields)
    return request


@pytest.mark.parametrize(
    ("ids", "reason"),
    [
        ({"trace_id": bytes(16)}, "trace_id is all zero"),
        ({"trace_id": b"short"}, "trace_id has 5 bytes, 16 expected"),
        ({"span_id": bytes(8)}, "span_id is all zero"),
        ({"span_id": b""}, "span_id has 0 bytes, 8 expected"),
    ],
)
def test_a_span_with_an_invalid_id_is_rejected_alone(
    send: Any, rows: Rows, request_of: Callable[..., Any], ids: dict[str, bytes], reason: str
) -> None:
    """The sender hears count and reason; the other span of the request is a row, this one a row of rejected_records."""
    request = request_of(Signal.TRACES)
    spans = request.resource_spans[0].scope_spans[0].spans
    bad = spans.add(trace_id=b"0123456789abcdef", span_id=b"87654321", name="bad", start_time_unix_nano=TIME)
    for field, value in ids.items():
        setattr(bad, field, value)
    partial = send(Signal.TRACES, request).response.partial_success
    assert (1, reason) == (partial.rejected_spans, partial.error_message)
    assert ["checkout"] == [row["name"] for row in rows("spans")]
    assert [reason] == [row["reason"] for row in rows("rejected_records")]


@pytest.mark.parametrize("ids", [{"trace_id": b"short"}, {"span_id": b"short"}, {"trace_id": bytes(16), "span_id": bytes(8)}])
def test_a_log_record_with_an_invalid_id_is_kept(send: Any, rows: Rows, request_of: Callable[..., Any], ids: dict[str, bytes]) -> None:
    """It counts as one without that id; nothing is rejected."""
    request = request_of(Signal.LOGS)
    record = request.resource_logs[0].scope_logs[0].log_records[0]
    for field, value in ids.items():
        setattr(record, field, value)
    assert not send(Signal.LOGS, request).response.HasField("partial_success")
    (row,) = rows("logs")
    assert dict.fromkeys(ids) == {field: row[field] for field in ids}


def test_a_log_record_without_time_takes_the_observed_time(send: Any, rows: Rows, request_of: Callable[..., Any]) -> None:
    """`observed_time_unix_nano` stands in for a `time_unix_nano` of 0."""
    request = request_of(Signal.LOGS)
    record = request.resource_logs[0].scope_logs[0].log_records[0]
    record.time_unix_nano, record.observed_time_unix_nano = 0, TIME
    assert 0 == send(Signal.LOGS, request).code
    assert [TIME] == [row["time_unix_nano"] for row in rows("logs")]


def test_an_event_name_marks_an_event(send: Any, rows: Rows, request_of: Callable[..., Any]) -> None:
    """The stable field `event_name` reaches its column."""
    request = request_of(Signal.LOGS)
    request.resource_logs[0].scope_logs[0].log_records[0].event_name = "session.start"
    assert 0 == send(Signal.LOGS, request).code
    assert ["session.start"] == [row["event_name"] for row in rows("logs")]


@pytest.mark.parametrize(
    ("request_", "reason"),
    [
        (metrics("gauge", time=0, as_int=1), "time_unix_nano is absent"),
        (metrics("sum", temporality=0, as_int=1), "aggregation_temporality is unspecified, 1 (delta) or 2 (cumulative) expected"),
        (metrics("histogram", temporality=0, count=1), "aggregation_temporality is unspecified, 1 (delta) or 2 (cumulative) expected"),
        (metrics("gauge"), "the point has neither a value nor the flag NO_RECORDED_VALUE"),
        (
            metrics("histogram", temporality=1, count=1, bucket_counts=[1, 0, 0], explicit_bounds=[1.0]),
            "bucket_counts has 3 entries, 2 expected: one more than explicit_bounds",
        ),
    ],
    ids=["time", "sum temporality", "histogram temporality", "value", "buckets"],
)
def test_an_invalid_point_is_rejected(send: Any, rows: Rows, request_: ExportMetricsServiceRequest, reason: str) -> None:
    """The sender hears why; the point is a row of rejected_records, and of no other table."""
    partial = send(Signal.METRICS, request_).response.partial_success
    assert (1, reason) == (partial.rejected_data_points, partial.error_message)
    assert ([], [reason]) == (rows("metric_points"), [row["reason"] for row in rows("rejected_records")])


def test_a_stale_marker_is_null(send: Any, rows: Rows) -> None:
    """A point with the flag NO_RECORDED_VALUE has no value, not the value 0."""
    assert not send(Signal.METRICS, metrics("gauge", flags=1)).response.HasField("partial_success")
    (row,) = rows("metric_points")
    assert (None, None, 1) == (row["value_int"], row["value_double"], row["flags"])


def test_a_histogram_may_do_without_buckets_sum_and_extremes(send: Any, rows: Rows) -> None:
    """No buckets at all are right; what is absent is NULL, not 0."""
    assert not send(Signal.METRICS, metrics("histogram", temporality=2, count=3)).response.HasField("partial_success")
    (row,) = rows("metric_points")
    assert (3, None, None, None) == tuple(row[column] for column in ("count", "sum", "min", "max"))


def test_flags_may_hold_more_than_we_know(send: Any, rows: Rows, request_of: Callable[..., Any]) -> None:
    """The upper bits are not assumed to be zero."""
    request = request_of(Signal.TRACES)
    request.resource_spans[0].scope_spans[0].spans[0].flags = 0xFFFF_FF01
    assert 0 == send(Signal.TRACES, request).code
    assert 1 == len(rows("spans"))


def test_attribute_values_may_be_empty_bytes_or_nested(send: Any, rows: Rows, request_of: Callable[..., Any]) -> None:
    """Since 1.9.0 on every level; of a key that occurs twice the last value wins."""
    request = request_of(Signal.TRACES)
    nested = AnyValue(
        kvlist_value=KeyValueList(values=[KeyValue(key="list", value=AnyValue(array_value=ArrayValue(values=[AnyValue(int_value=1)])))])
    )
    values = {"empty": AnyValue(), "bytes": AnyValue(bytes_value=b"\xff"), "nested": nested, "twice": AnyValue(int_value=1)}
    attributes = request.resource_spans[0].scope_spans[0].spans[0].attributes
    for key, value in (*values.items(), ("twice", AnyValue(int_value=2))):
        attributes.add(key=key).value.CopyFrom(value)
    assert 0 == send(Signal.TRACES, request).code
    (row,) = rows("spans")
    assert {"empty": None, "bytes": {"$bytes": "/w=="}, "nested": {"list": [1]}, "twice": 2} == json.loads(row["attributes"])
