"""Every field that OTLP has reaches a column, or a written decision says why not."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import pytest
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from otelpond.storage.decode.columns import RELATIONS
from otelpond.storage.decode.messages import SHAPES
from otelpond.storage.signals import Signal


class Decision(str):
    """Why a field has no column of its own."""

    __slots__ = ()


_CONTAINER: Final = Decision("a container: its members have their own lines")
_OPENED: Final = Decision("attributes: the rules on keys, then promoted columns, then a JSON column; see the lists that hold KeyValues")
_IN_JSON: Final = Decision("a value in the JSON columns, with its type; see columns.py")
_PROFILES: Final = Decision("an index into the string table of profiles, which we do not take: OTLP says to treat it as absent")

_COMMON: Final = ("spans", "span_events", "logs", "metric_points")


def _everywhere(column: str) -> list[str]:
    return [f"{relation}.{column}" for relation in _COMMON]


def _points(*columns: str) -> list[str]:
    return [f"metric_points.{column}" for column in columns]


_COVERAGE: Final[dict[str, list[str] | Decision]] = {
    "ExportTraceServiceRequest.resource_spans": _CONTAINER,
    "ExportMetricsServiceRequest.resource_metrics": _CONTAINER,
    "ExportLogsServiceRequest.resource_logs": _CONTAINER,
    "ResourceSpans.resource": _CONTAINER,
    "ResourceSpans.scope_spans": _CONTAINER,
    "ResourceSpans.schema_url": ["spans.resource_schema_url", "span_events.resource_schema_url"],
    "ResourceMetrics.resource": _CONTAINER,
    "ResourceMetrics.scope_metrics": _CONTAINER,
    "ResourceMetrics.schema_url": ["metric_points.resource_schema_url"],
    "ResourceLogs.resource": _CONTAINER,
    "ResourceLogs.scope_logs": _CONTAINER,
    "ResourceLogs.schema_url": ["logs.resource_schema_url"],
    "ScopeSpans.scope": _CONTAINER,
    "ScopeSpans.spans": _CONTAINER,
    "ScopeSpans.schema_url": ["spans.scope_schema_url", "span_events.scope_schema_url"],
    "ScopeMetrics.scope": _CONTAINER,
    "ScopeMetrics.metrics": _CONTAINER,
    "ScopeMetrics.schema_url": ["metric_points.scope_schema_url"],
    "ScopeLogs.scope": _CONTAINER,
    "ScopeLogs.log_records": _CONTAINER,
    "ScopeLogs.schema_url": ["logs.scope_schema_url"],
    "Resource.attributes": _everywhere("resource_attributes"),
    "Resource.dropped_attributes_count": _everywhere("resource_dropped_attributes_count"),
    "Resource.entity_refs": _everywhere("resource_entity_refs"),
    "EntityRef.schema_url": _everywhere("resource_entity_refs"),
    "EntityRef.type": _everywhere("resource_entity_refs"),
    "EntityRef.id_keys": _everywhere("resource_entity_refs"),
    "EntityRef.description_keys": _everywhere("resource_entity_refs"),
    "InstrumentationScope.name": _everywhere("scope_name"),
    "InstrumentationScope.version": _everywhere("scope_version"),
    "InstrumentationScope.attributes": _everywhere("scope_attributes"),
    "InstrumentationScope.dropped_attributes_count": _everywhere("scope_dropped_attributes_count"),
    "KeyValue.key": _OPENED,
    "KeyValue.value": _OPENED,
    "KeyValue.key_strindex": _PROFILES,
    "AnyValue.string_value": _IN_JSON,
    "AnyValue.bool_value": _IN_JSON,
    "AnyValue.int_value": _IN_JSON,
    "AnyValue.double_value": _IN_JSON,
    "AnyValue.array_value": _IN_JSON,
    "AnyValue.kvlist_value": _IN_JSON,
    "AnyValue.bytes_value": _IN_JSON,
    "AnyValue.string_value_strindex": _PROFILES,
    "ArrayValue.values": _IN_JSON,
    "KeyValueList.values": _IN_JSON,
    "Span.trace_id": ["spans.trace_id", "span_events.trace_id"],
    "Span.span_id": ["spans.span_id", "span_events.span_id"],
    "Span.trace_state": ["spans.trace_state"],
    "Span.parent_span_id": ["spans.parent_span_id"],
    "Span.flags": ["spans.flags"],
    "Span.name": ["spans.name"],
    "Span.kind": ["spans.kind"],
    "Span.start_time_unix_nano": ["spans.start_time", "spans.start_time_unix_nano"],
    "Span.end_time_unix_nano": ["spans.duration_ns", "spans.start_time_unix_nano"],
    "Span.attributes": ["spans.attributes"],
    "Span.dropped_attributes_count": ["spans.dropped_attributes_count"],
    "Span.events": ["spans.events_count", "span_events.event_index"],
    "Span.dropped_events_count": ["spans.dropped_events_count"],
    "Span.links": ["spans.links"],
    "Span.dropped_links_count": ["spans.dropped_links_count"],
    "Span.status": _CONTAINER,
    "Status.message": ["spans.status_message"],
    "Status.code": ["spans.status_code"],
    "Event.time_unix_nano": ["span_events.event_time", "span_events.event_time_unix_nano"],
    "Event.name": ["span_events.event_name"],
    "Event.attributes": ["span_events.attributes"],
    "Event.dropped_attributes_count": ["span_events.dropped_attributes_count"],
    "Link.trace_id": ["spans.links"],
    "Link.span_id": ["spans.links"],
    "Link.trace_state": ["spans.links"],
    "Link.attributes": ["spans.links"],
    "Link.dropped_attributes_count": ["spans.links"],
    "Link.flags": ["spans.links"],
    "LogRecord.time_unix_nano": ["logs.timestamp", "logs.time_unix_nano"],
    "LogRecord.observed_time_unix_nano": ["logs.observed_time_unix_nano"],
    "LogRecord.severity_number": ["logs.severity_number"],
    "LogRecord.severity_text": ["logs.severity_text"],
    "LogRecord.body": ["logs.body", "logs.body_type"],
    "LogRecord.attributes": ["logs.attributes"],
    "LogRecord.dropped_attributes_count": ["logs.dropped_attributes_count"],
    "LogRecord.flags": ["logs.flags"],
    "LogRecord.trace_id": ["logs.trace_id"],
    "LogRecord.span_id": ["logs.span_id"],
    "LogRecord.event_name": ["logs.event_name"],
    "Metric.name": _points("metric_name"),
    "Metric.description": _points("description"),
    "Metric.unit": _points("unit"),
    "Metric.metadata": _points("metadata"),
    "Metric.gauge": _points("metric_type"),
    "Metric.sum": _points("metric_type"),
    "Metric.histogram": _points("metric_type"),
    "Metric.exponential_histogram": _points("metric_type"),
    "Metric.summary": _points("metric_type"),
    **{f"{kind}.data_points": _CONTAINER for kind in ("Gauge", "Sum", "Histogram", "ExponentialHistogram", "Summary")},
    **{f"{kind}.aggregation_temporality": _points("temporality") for kind in ("Sum", "Histogram", "ExponentialHistogram")},
    "Sum.is_monotonic": _points("is_monotonic"),
    **{
        f"{point}.{field}": _points(*columns)
        for point in ("NumberDataPoint", "HistogramDataPoint", "ExponentialHistogramDataPoint", "SummaryDataPoint")
        for field, columns in {
            "attributes": ["attributes"],
            "start_time_unix_nano": ["start_time_unix_nano"],
            "time_unix_nano": ["timestamp", "time_unix_nano"],
            "flags": ["flags"],
        }.items()
    },
    **{f"{point}.exemplars": _points("exemplars") for point in ("NumberDataPoint", "HistogramDataPoint", "ExponentialHistogramDataPoint")},
    "NumberDataPoint.as_double": _points("value_double"),
    "NumberDataPoint.as_int": _points("value_int"),
    **{
        f"{point}.{field}": _points(field)
        for point in ("HistogramDataPoint", "ExponentialHistogramDataPoint")
        for field in ("count", "sum", "min", "max")
    },
    "HistogramDataPoint.bucket_counts": _points("bucket_counts"),
    "HistogramDataPoint.explicit_bounds": _points("explicit_bounds"),
    "ExponentialHistogramDataPoint.scale": _points("scale"),
    "ExponentialHistogramDataPoint.zero_count": _points("zero_count"),
    "ExponentialHistogramDataPoint.zero_threshold": _points("zero_threshold"),
    "ExponentialHistogramDataPoint.positive": _points("positive_offset", "positive_bucket_counts"),
    "ExponentialHistogramDataPoint.negative": _points("negative_offset", "negative_bucket_counts"),
    "Buckets.offset": _points("positive_offset", "negative_offset"),
    "Buckets.bucket_counts": _points("positive_bucket_counts", "negative_bucket_counts"),
    "SummaryDataPoint.count": _points("count"),
    "SummaryDataPoint.sum": _points("sum"),
    "SummaryDataPoint.quantile_values": _points("quantiles"),
    "ValueAtQuantile.quantile": _points("quantiles"),
    "ValueAtQuantile.value": _points("quantiles"),
    "Exemplar.filtered_attributes": _points("exemplars"),
    "Exemplar.time_unix_nano": _points("exemplars"),
    "Exemplar.as_double": _points("exemplars"),
    "Exemplar.as_int": _points("exemplars"),
    "Exemplar.span_id": _points("exemplars"),
    "Exemplar.trace_id": _points("exemplars"),
}


def _fields(descriptor: Descriptor, seen: set[str]) -> Iterator[FieldDescriptor]:
    if descriptor.full_name in seen:
        return
    seen.add(descriptor.full_name)
    for field in descriptor.fields:
        yield field
        if field.message_type is not None:
            yield from _fields(field.message_type, seen)


def _all_fields() -> set[str]:
    seen: set[str] = set()
    return {f"{field.containing_type.name}.{field.name}" for signal in Signal for field in _fields(SHAPES[signal].request.DESCRIPTOR, seen)}


def test_every_field_of_otlp_has_a_column_or_a_decision() -> None:
    """A field that a new release of the protocol brings fails here until somebody decides."""
    assert [] == sorted(_all_fields() - _COVERAGE.keys())


def test_no_line_speaks_of_a_field_that_is_gone() -> None:
    """The table holds no field that the protocol does not have."""
    assert [] == sorted(_COVERAGE.keys() - _all_fields())


@pytest.mark.parametrize("field", sorted(_COVERAGE))
def test_the_columns_named_exist(field: str) -> None:
    """Each column named stands in the decoded relation named."""
    covered = _COVERAGE[field]
    columns = [] if isinstance(covered, Decision) else covered
    assert [] == [column for column in columns if column.split(".")[1] not in RELATIONS[column.split(".")[0]].names]


def test_messages_of_one_name_are_not_mistaken_for_each_other() -> None:
    """The short names used here are unique among OTLP's messages."""
    seen: set[str] = set()
    for signal in Signal:
        list(_fields(SHAPES[signal].request.DESCRIPTOR, seen))
    short = [name.rpartition(".")[2] for name in seen]
    assert sorted(set(short)) == sorted(short)
