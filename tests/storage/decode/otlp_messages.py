"""Strategies for any valid OTLP message, odd ones included: what hypothesis tests of the decoders draw from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from google.protobuf.message import Message
from hypothesis import strategies as st
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, EntityRef, InstrumentationScope, KeyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.metrics.v1.metrics_pb2 import (
    Exemplar,
    ExponentialHistogramDataPoint,
    HistogramDataPoint,
    Metric,
    NumberDataPoint,
    SummaryDataPoint,
)
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status
from otelpond.storage.decode.messages import SHAPES
from otelpond.storage.decode.payloads import Payloads, Rules
from otelpond.storage.decode.semconv import ADDRESS_KEYS, LOG, MAYBE_ADDRESS_KEYS, RESOURCE, SPAN, SPAN_EVENT, ColumnType, Promoted
from otelpond.storage.signals import Signal

ACCEPTED = 1_795_000_000_123_456_789
"""When the payloads of `payloads_of` were accepted: a day in November 2026."""

_DAY_NS = 86_400 * 1_000_000_000


def fake_hash(address: str, accepted_unix_nano: int) -> str:
    """Stand-in for `AddressHasher`: deterministic, without keys."""
    return f"ip:{len(address)}-{accepted_unix_nano % 997}-{sum(address.encode()) % 65_521:x}"


def payloads_of(payloads: Sequence[bytes], tenants: Sequence[str] = ("default", "other")) -> Payloads:
    """Payloads in one buffer, with gaps between them that must never be read, each accepted a second after the last."""
    gap = b"\xff" * 7
    ends = np.cumsum([len(payload) + len(gap) for payload in payloads], dtype=np.int64)
    return Payloads(
        wire=np.frombuffer(b"".join(gap + payload for payload in payloads) + gap, np.uint8),
        starts=ends - np.array([len(payload) for payload in payloads], dtype=np.int64),
        ends=ends,
        accepted_unix_nano=np.array([ACCEPTED + index * 1_000_000_000 for index in range(len(payloads))], dtype=np.int64),
        tenants=[tenants[index % len(tenants)] for index in range(len(payloads))],
        digests=[index.to_bytes(16, "big") for index in range(len(payloads))],
    )


def rules() -> st.SearchStrategy[Rules]:
    """Rules that drop and redact a few keys, promoted and other ones."""
    keys = st.frozensets(st.sampled_from(["http.method", "url.path", "x", "service.name", "client.address", "event.name"]), max_size=2)
    return st.builds(Rules, st.just(fake_hash), st.booleans(), keys, keys)


def requests(signal: Signal) -> st.SearchStrategy[Any]:
    """An Export request of a signal."""
    return _requests(signal)


# Scalars

_TEXTS = st.one_of(
    st.sampled_from(["", "a", "GET", "unknown", "größe", "日本\U0001f600", '"quoted\\', "\x00\x01\b\t\n\f\r\x1f\x7f\x85\u2028", "x" * 300]),
    st.text(max_size=12),
)
_ADDRESSES = st.sampled_from(
    [
        "192.0.2.7",
        "192.0.2.7:443",
        "2001:db8::1",
        "[2001:db8::1]:80",
        "for=192.0.2.60;proto=http",
        "192.0.2.7, 10.0.0.1",
        "db.example.com",
        "::",
    ]
)
_INT64 = st.one_of(st.sampled_from([0, 1, -1, 200, 2**31, 2**63 - 1, -(2**63)]), st.integers(-(2**63), 2**63 - 1))
_INT32 = st.one_of(st.sampled_from([0, 1, -1, 2**31 - 1, -(2**31)]), st.integers(-(2**31), 2**31 - 1))
_UINT32 = st.one_of(st.just(0), st.sampled_from([1, 0x300, 2**31, 2**32 - 1]), st.integers(0, 2**32 - 1))
_COUNTS = st.one_of(st.integers(0, 1000), st.sampled_from([2**31, 2**63 - 1, 2**63 - 1, 2**63, 2**64 - 1]))
_DOUBLES = st.one_of(
    st.sampled_from(
        [0.0, -0.0, 1.0, 0.1, 1e15, 1e16, 1e21, 1e-7, 5e-324, 1.7976931348623157e308, float("nan"), float("inf"), float("-inf")]
    ),
    st.floats(),
)
_TIMES = st.one_of(
    st.integers(ACCEPTED - _DAY_NS, ACCEPTED),
    st.sampled_from(
        [
            0,
            1,
            ACCEPTED - 90 * _DAY_NS,
            ACCEPTED - 90 * _DAY_NS - 1,
            ACCEPTED + 3_600 * 1_000_000_000,
            ACCEPTED + 3_600 * 1_000_000_000 + 1,
            946_684_800 * 1_000_000_000,
            946_684_800 * 1_000_000_000 - 1,
            2**63 - 1,
            2**63,
            2**64 - 1,
        ]
    ),
)
_FEW_TIMES_OFF = st.one_of(st.integers(ACCEPTED - _DAY_NS, ACCEPTED), st.integers(ACCEPTED - _DAY_NS, ACCEPTED), _TIMES)


def _ids(length: int) -> st.SearchStrategy[bytes]:
    odd = st.sampled_from([b"", bytes(length), b"\x01" * (length - 1), b"\x01" * (length + 1), b"\xab" * 40])
    valid = st.binary(min_size=length, max_size=length)
    return st.one_of(valid, valid, valid, odd)


# Attributes


def any_values(depth: int = 3) -> st.SearchStrategy[AnyValue]:
    """An AnyValue of any kind, nested up to `depth`; an empty one and profiles' string index among them."""
    leaves = st.one_of(
        st.builds(lambda text: AnyValue(string_value=text), _TEXTS),
        st.builds(lambda text: AnyValue(string_value=text), _ADDRESSES),
        st.builds(lambda truth: AnyValue(bool_value=truth), st.booleans()),
        st.builds(lambda number: AnyValue(int_value=number), _INT64),
        st.builds(lambda number: AnyValue(double_value=number), _DOUBLES),
        st.builds(lambda content: AnyValue(bytes_value=content), st.binary(max_size=10)),
        st.just(AnyValue()),
        st.just(AnyValue(string_value_strindex=3)),
    )
    if depth == 0:
        return leaves
    return st.one_of(leaves, leaves, leaves, _arrays(depth - 1), _kvlists(depth - 1))


@st.composite
def _arrays(draw: st.DrawFn, depth: int) -> AnyValue:
    value = AnyValue()
    value.array_value.values.extend(draw(st.lists(any_values(depth), max_size=3)))
    value.array_value.SetInParent()
    return value


@st.composite
def _kvlists(draw: st.DrawFn, depth: int) -> AnyValue:
    value = AnyValue()
    value.kvlist_value.values.extend(draw(st.lists(_key_values(_NAMES, depth), max_size=3)))
    value.kvlist_value.SetInParent()
    return value


def _value_of(column_type: ColumnType) -> st.SearchStrategy[AnyValue]:
    return {
        "string": st.builds(lambda text: AnyValue(string_value=text), st.one_of(_TEXTS, _ADDRESSES)),
        "int": st.builds(lambda number: AnyValue(int_value=number), _INT64),
        "double": st.builds(lambda number: AnyValue(double_value=number), _DOUBLES),
        "bool": st.builds(lambda truth: AnyValue(bool_value=truth), st.booleans()),
        "json": any_values(2),
    }[column_type]


_TYPES = {
    name: column.type
    for column in (*RESOURCE, *SPAN, *SPAN_EVENT, *LOG)
    for name in (column.new, column.old, *column.aliases)
    if name is not None
}
_NAMES = st.one_of(
    st.sampled_from(["x", "y", "x", "", "event.name", "größe", 'k"\\\n', "http", "http.", "http.method.", "k" * 300]),
    st.sampled_from(sorted(ADDRESS_KEYS | MAYBE_ADDRESS_KEYS)),
    st.text(max_size=5),
)


@st.composite
def _key_values(draw: st.DrawFn, names: st.SearchStrategy[str], depth: int = 3) -> KeyValue:
    key = draw(names)
    kind = draw(st.sampled_from(["of its column", "of its column", "any", "absent"]))
    if kind == "absent":
        return KeyValue(key=key, key_strindex=draw(st.sampled_from([0, 0, 1])))
    of_column = kind == "of its column" and key in _TYPES
    return KeyValue(key=key, value=draw(_value_of(_TYPES[key]) if of_column else any_values(depth)))


def attributes(promoted: tuple[Promoted, ...] = (), most: int = 6) -> st.SearchStrategy[list[KeyValue]]:
    """Attributes with promoted names, old, new and both, addresses, others, duplicates."""
    own = [name for column in promoted for name in (column.new, column.old, *column.aliases) if name is not None]
    names = st.one_of(st.sampled_from(own), st.sampled_from(own), _NAMES) if own else _NAMES
    return st.lists(_key_values(names), max_size=most)


# Signals


@st.composite
def _spans(draw: st.DrawFn) -> Span:
    status = Status(message=draw(_TEXTS), code=draw(st.sampled_from([0, 1, 2, 2, 7, -1])))
    return Span(
        trace_id=draw(_ids(16)),
        span_id=draw(_ids(8)),
        parent_span_id=draw(_ids(8)),
        trace_state=draw(_TEXTS),
        flags=draw(_UINT32),
        name=draw(_TEXTS),
        kind=draw(st.sampled_from([0, 1, 2, 3, 4, 5, 6, -1])),
        start_time_unix_nano=draw(_FEW_TIMES_OFF),
        end_time_unix_nano=draw(_FEW_TIMES_OFF),
        attributes=draw(attributes(SPAN)),
        dropped_attributes_count=draw(_UINT32),
        events=draw(st.lists(_events(), max_size=2)),
        dropped_events_count=draw(_UINT32),
        links=draw(st.lists(_links(), max_size=2)),
        dropped_links_count=draw(_UINT32),
        status=draw(st.sampled_from([None, status, status])),
    )


def _events() -> st.SearchStrategy[Span.Event]:
    return st.builds(
        Span.Event,
        time_unix_nano=_TIMES,
        name=st.one_of(st.just("exception"), _TEXTS),
        attributes=attributes(SPAN_EVENT, 4),
        dropped_attributes_count=_UINT32,
    )


def _links() -> st.SearchStrategy[Span.Link]:
    return st.builds(
        Span.Link,
        trace_id=_ids(16),
        span_id=_ids(8),
        trace_state=_TEXTS,
        attributes=attributes(most=2),
        dropped_attributes_count=_UINT32,
        flags=_UINT32,
    )


def _log_records() -> st.SearchStrategy[LogRecord]:
    return st.builds(
        LogRecord,
        time_unix_nano=_TIMES,
        observed_time_unix_nano=_TIMES,
        severity_number=st.sampled_from([0, 9, 17, 21, 24, 25, -1]),
        severity_text=_TEXTS,
        body=st.one_of(st.none(), any_values(), any_values()),
        attributes=attributes(LOG),
        dropped_attributes_count=_UINT32,
        flags=_UINT32,
        trace_id=_ids(16),
        span_id=_ids(8),
        event_name=_TEXTS,
    )


@st.composite
def _exemplars(draw: st.DrawFn) -> Exemplar:
    exemplar = Exemplar(
        filtered_attributes=draw(attributes(most=2)), time_unix_nano=draw(_TIMES), span_id=draw(_ids(8)), trace_id=draw(_ids(16))
    )
    _set_value(draw, exemplar)
    return exemplar


def _set_value(draw: st.DrawFn, message: Any) -> None:
    kind = draw(st.sampled_from(["as_int", "as_double", ""]))
    if kind:
        setattr(message, kind, draw(_INT64 if kind == "as_int" else _DOUBLES))


def _point_fields(draw: st.DrawFn) -> dict[str, Any]:
    return {
        "attributes": draw(attributes(most=3)),
        "start_time_unix_nano": draw(_TIMES),
        "time_unix_nano": draw(_FEW_TIMES_OFF),
        "flags": draw(st.sampled_from([0, 0, 0, 1, 3, 2**32 - 1])),
    }


@st.composite
def _number_points(draw: st.DrawFn) -> NumberDataPoint:
    point = NumberDataPoint(**_point_fields(draw), exemplars=draw(st.lists(_exemplars(), max_size=2)))
    _set_value(draw, point)
    return point


def _histogram_fields(draw: st.DrawFn) -> dict[str, Any]:
    optional = st.one_of(st.none(), _DOUBLES)
    return {
        **_point_fields(draw),
        "exemplars": draw(st.lists(_exemplars(), max_size=1)),
        "count": draw(_COUNTS),
        **{name: draw(optional) for name in ("sum", "min", "max")},
    }


@st.composite
def _histogram_points(draw: st.DrawFn) -> HistogramDataPoint:
    bounds = draw(st.lists(_DOUBLES, max_size=3))
    lengths = st.sampled_from([0, len(bounds), len(bounds) + 1, len(bounds) + 1, len(bounds) + 1])
    counts = [draw(_COUNTS) for _ in range(draw(lengths))]
    return HistogramDataPoint(**_histogram_fields(draw), bucket_counts=counts, explicit_bounds=bounds)


@st.composite
def _exponential_histogram_points(draw: st.DrawFn) -> ExponentialHistogramDataPoint:
    buckets = st.builds(ExponentialHistogramDataPoint.Buckets, offset=_INT32, bucket_counts=st.lists(_COUNTS, max_size=3))
    sides = {side: draw(st.one_of(st.none(), buckets)) for side in ("positive", "negative")}
    return ExponentialHistogramDataPoint(
        **_histogram_fields(draw), scale=draw(_INT32), zero_count=draw(_COUNTS), zero_threshold=draw(_DOUBLES), **sides
    )


@st.composite
def _summary_points(draw: st.DrawFn) -> SummaryDataPoint:
    quantiles = st.lists(st.builds(SummaryDataPoint.ValueAtQuantile, quantile=_DOUBLES, value=_DOUBLES), max_size=3)
    return SummaryDataPoint(**_point_fields(draw), count=draw(_COUNTS), sum=draw(_DOUBLES), quantile_values=draw(quantiles))


_POINTS = {
    "gauge": _number_points(),
    "sum": _number_points(),
    "histogram": _histogram_points(),
    "exponential_histogram": _exponential_histogram_points(),
    "summary": _summary_points(),
}


@st.composite
def _metrics(draw: st.DrawFn) -> Metric:
    metric = Metric(name=draw(_TEXTS), description=draw(_TEXTS), unit=draw(_TEXTS), metadata=draw(attributes(most=2)))
    kind = draw(st.sampled_from([*_POINTS, ""]))
    if kind:
        data = getattr(metric, kind)
        data.SetInParent()
        data.data_points.extend(draw(st.lists(_POINTS[kind], max_size=2)))
        if kind not in {"gauge", "summary"}:
            data.aggregation_temporality = draw(st.sampled_from([1, 2, 1, 2, 0, 3, -1]))
        if kind == "sum":
            data.is_monotonic = draw(st.booleans())
    return metric


# Envelopes

_ITEMS: dict[Signal, st.SearchStrategy[Any]] = {Signal.TRACES: _spans(), Signal.METRICS: _metrics(), Signal.LOGS: _log_records()}
_ENTITY_REFS = st.builds(
    EntityRef, schema_url=_TEXTS, type=_TEXTS, id_keys=st.lists(_TEXTS, max_size=2), description_keys=st.lists(_TEXTS, max_size=2)
)
_RESOURCES = st.builds(
    Resource,
    attributes=attributes(RESOURCE),
    dropped_attributes_count=_UINT32,
    entity_refs=st.lists(_ENTITY_REFS, max_size=2),
)
_SCOPES = st.builds(InstrumentationScope, name=_TEXTS, version=_TEXTS, attributes=attributes(most=2), dropped_attributes_count=_UINT32)


@st.composite
def _requests(draw: st.DrawFn, signal: Signal) -> Message:
    shape = SHAPES[signal]
    request = shape.request()
    for _ in range(draw(st.integers(0, 2))):
        of_resource = getattr(request, shape.resources).add(schema_url=draw(_TEXTS))
        if resource := draw(st.one_of(st.none(), _RESOURCES, _RESOURCES)):
            of_resource.resource.CopyFrom(resource)
        for _ in range(draw(st.integers(0, 2))):
            of_scope = getattr(of_resource, shape.scopes).add(schema_url=draw(_TEXTS))
            if scope := draw(st.one_of(st.none(), _SCOPES)):
                of_scope.scope.CopyFrom(scope)
            getattr(of_scope, shape.items).extend(draw(st.lists(_ITEMS[signal], max_size=3)))
    return request
