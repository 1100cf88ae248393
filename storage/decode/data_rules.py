"""The data rules of OTLP: which items are refused, and why; one definition for inspection and the plain decoder.

A reason is words for the sender. columns.py says the same rules for the kernels. Sources: the comments of trace.proto (ids) and
metrics.proto (time, temporality, buckets); what int64 cannot hold is our own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

LARGEST: Final = 2**63 - 1
NO_RECORDED_VALUE: Final = 1
_TEMPORALITIES: Final = (1, 2)  # delta, cumulative
_ZERO_TRACE_ID: Final = bytes(16)
_ZERO_SPAN_ID: Final = bytes(8)


def valid_trace_id(trace_id: bytes) -> bool:
    """Whether these are 16 bytes, not all zero."""
    return len(trace_id) == 16 and trace_id != _ZERO_TRACE_ID


def valid_span_id(span_id: bytes) -> bool:
    """Whether these are 8 bytes, not all zero."""
    return len(span_id) == 8 and span_id != _ZERO_SPAN_ID


def valid_time(unix_nano: int) -> bool:
    """Whether a time is given, and one that int64 holds."""
    return 0 < unix_nano <= LARGEST


def span_refusal(span: Any) -> str | None:
    """Why a span is refused. Written out flat: it runs once a span in the receiver process."""
    trace_id = span.trace_id
    if len(trace_id) != 16 or trace_id == _ZERO_TRACE_ID:
        return _id_refusal("trace_id", trace_id, 16)
    span_id = span.span_id
    if len(span_id) != 8 or span_id == _ZERO_SPAN_ID:
        return _id_refusal("span_id", span_id, 8)
    if span.start_time_unix_nano > LARGEST:
        return "start_time_unix_nano is over 2**63-1"
    if span.end_time_unix_nano > LARGEST:
        return "end_time_unix_nano is over 2**63-1"
    return None


def _id_refusal(field: str, value: bytes, length: int) -> str:
    if len(value) != length:
        return f"{field} has {len(value)} bytes, {length} expected"
    return f"{field} is all zero"


def judged_points(metric: Any) -> Iterator[tuple[Any, str | None]]:
    """Every point of a metric with why it is refused; none where the metric holds no data."""
    kind = metric.WhichOneof("data")
    if kind is None:
        return
    data = getattr(metric, kind)
    judge = _JUDGES[kind]
    of_all = _temporality_refusal(data) if kind in _WITH_TEMPORALITY else None
    for point in data.data_points:
        yield point, _time_refusal(point) or of_all or judge(point)


def _time_refusal(point: Any) -> str | None:
    time = point.time_unix_nano
    if time == 0:
        return "time_unix_nano is absent"
    return "time_unix_nano is over 2**63-1" if time > LARGEST else None


def _temporality_refusal(data: Any) -> str | None:
    temporality = data.aggregation_temporality
    if temporality in _TEMPORALITIES:
        return None
    return f"aggregation_temporality is {temporality or 'unspecified'}, 1 (delta) or 2 (cumulative) expected"


def _number_refusal(point: Any) -> str | None:
    if point.WhichOneof("value") is None and not point.flags & NO_RECORDED_VALUE:
        return "the point has neither a value nor the flag NO_RECORDED_VALUE"
    return None


def _histogram_refusal(point: Any) -> str | None:
    counts, bounds = len(point.bucket_counts), len(point.explicit_bounds)
    if counts and counts != bounds + 1:
        return f"bucket_counts has {counts} entries, {bounds + 1} expected: one more than explicit_bounds"
    return _count_refusal(point) or _counts_refusal("bucket_counts", point.bucket_counts)


def _exponential_histogram_refusal(point: Any) -> str | None:
    if point.zero_count > LARGEST:
        return "zero_count is over 2**63-1"
    return (
        _count_refusal(point)
        or _counts_refusal("positive.bucket_counts", point.positive.bucket_counts)
        or _counts_refusal("negative.bucket_counts", point.negative.bucket_counts)
    )


def _count_refusal(point: Any) -> str | None:
    return "count is over 2**63-1" if point.count > LARGEST else None


def _counts_refusal(field: str, counts: Any) -> str | None:
    return f"{field} holds a count over 2**63-1" if max(counts, default=0) > LARGEST else None


_WITH_TEMPORALITY: Final = frozenset({"sum", "histogram", "exponential_histogram"})
_JUDGES: Final[dict[str, Callable[[Any], str | None]]] = {
    "gauge": _number_refusal,
    "sum": _number_refusal,
    "histogram": _histogram_refusal,
    "exponential_histogram": _exponential_histogram_refusal,
    "summary": _count_refusal,
}
