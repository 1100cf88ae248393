"""Metric points for the plain decoder: the columns of one point, whatever the metric's kind."""

from __future__ import annotations

from typing import Any

from ..data_rules import NO_RECORDED_VALUE
from .json_text import Value, json_text, object_text
from .rows import Arrival, Row, hex_span_id, hex_trace_id, time_or_none


def point_row(metric: Any, point: Any, arrival: Arrival) -> Row:
    """The columns of a point that is not refused, beyond those of its origin."""
    kind = metric.WhichOneof("data")
    data = getattr(metric, kind)
    row = {
        **arrival.time_columns(point.time_unix_nano, "timestamp", "time_unix_nano"),
        "metric_name": metric.name,
        "description": metric.description or None,
        "unit": metric.unit or None,
        "metric_type": kind,
        "metadata": object_text(arrival.reader.attributes(metric.metadata)),
        "temporality": {1: "delta", 2: "cumulative"}[data.aggregation_temporality] if kind not in {"gauge", "summary"} else None,
        "is_monotonic": data.is_monotonic if kind == "sum" else None,
        "start_time_unix_nano": time_or_none(point.start_time_unix_nano),
        "flags": point.flags,
        "exemplars": _exemplars(point, arrival) if kind != "summary" else None,
        "attributes": object_text(arrival.reader.attributes(point.attributes)),
    }
    return row if point.flags & NO_RECORDED_VALUE else {**row, **_VALUES[kind](point)}


def _number(point: Any) -> Row:
    kind = point.WhichOneof("value")
    return {
        "value_double": point.as_double if kind == "as_double" else None,
        "value_int": point.as_int if kind == "as_int" else None,
    }


def _any_histogram(point: Any) -> Row:
    return {"count": point.count, **{name: getattr(point, name) for name in ("sum", "min", "max") if point.HasField(name)}}


def _histogram(point: Any) -> Row:
    return {
        **_any_histogram(point),
        "bucket_counts": list(point.bucket_counts) or None,
        "explicit_bounds": list(point.explicit_bounds) or None,
    }


def _exponential_histogram(point: Any) -> Row:
    row = {**_any_histogram(point), "scale": point.scale, "zero_count": point.zero_count, "zero_threshold": point.zero_threshold}
    for side in ("positive", "negative"):
        if point.HasField(side):
            buckets = getattr(point, side)
            row[f"{side}_offset"] = buckets.offset
            row[f"{side}_bucket_counts"] = list(buckets.bucket_counts) or None
    return row


def _summary(point: Any) -> Row:
    quantiles: list[Value] = [{"quantile": at.quantile, "value": at.value} for at in point.quantile_values]
    return {"count": point.count, "sum": point.sum, "quantiles": json_text(quantiles) if quantiles else None}


_VALUES = {
    "gauge": _number,
    "sum": _number,
    "histogram": _histogram,
    "exponential_histogram": _exponential_histogram,
    "summary": _summary,
}


def _exemplars(point: Any, arrival: Arrival) -> str | None:
    return json_text([_exemplar(exemplar, arrival) for exemplar in point.exemplars]) if point.exemplars else None


def _exemplar(exemplar: Any, arrival: Arrival) -> dict[str, Value]:
    kind = exemplar.WhichOneof("value")
    optional: dict[str, Value] = {
        "value": getattr(exemplar, kind) if kind else None,
        "trace_id": hex_trace_id(exemplar.trace_id),
        "span_id": hex_span_id(exemplar.span_id),
        "attributes": arrival.reader.attributes(exemplar.filtered_attributes) or None,
    }
    return {"time_unix_nano": exemplar.time_unix_nano, **{name: value for name, value in optional.items() if value is not None}}
