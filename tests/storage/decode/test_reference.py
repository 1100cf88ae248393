"""The plain decoder's rules, case by case; what any message gives stands in test_reference_properties.py."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric, NumberDataPoint, SummaryDataPoint
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from otelpond.storage.decode.messages import SHAPES
from otelpond.storage.decode.payloads import Rules
from otelpond.storage.decode.reference import decode, decode_refused
from otelpond.storage.signals import Signal

from .otlp_messages import ACCEPTED, payloads_of

_HOUR_NS = 3_600 * 1_000_000_000
_DAY_NS = 24 * _HOUR_NS
_KEPT = Rules(hash_address=lambda address, _: f"hash({address})")
_RELATION = {Signal.TRACES: "spans", Signal.METRICS: "metric_points", Signal.LOGS: "logs"}


def _value(value: Any) -> AnyValue:
    """A Python value as an AnyValue; None is an empty one."""
    if isinstance(value, dict):
        return AnyValue(kvlist_value={"values": _attributes(value)})
    if isinstance(value, list):
        return AnyValue(array_value={"values": [_value(member) for member in value]})
    kinds = {str: "string_value", bool: "bool_value", int: "int_value", float: "double_value", bytes: "bytes_value"}
    return AnyValue() if value is None else AnyValue(**{kinds[type(value)]: value})


def _attributes(attributes: dict[str, Any]) -> list[KeyValue]:
    return [KeyValue(key=key, value=_value(value)) for key, value in attributes.items()]


def _payload(signal: Signal, *items: Any, resource: Resource | None = None) -> bytes:
    shape = SHAPES[signal]
    request = shape.request()
    of_resource = getattr(request, shape.resources).add(resource=resource)
    getattr(getattr(of_resource, shape.scopes).add(), shape.items).extend(items)
    return bytes(request.SerializeToString())


def _decode(signal: Signal, *items: Any, resource: Resource | None = None, rules: Rules = _KEPT) -> dict[str, list[dict[str, Any]]]:
    tables = decode(signal, payloads_of([_payload(signal, *items, resource=resource)]), rules)
    return {name: table.to_pylist() for name, table in tables.items()}


def _row(signal: Signal, item: Any, **options: Any) -> dict[str, Any]:
    (row,) = _decode(signal, item, **options)[_RELATION[signal]]
    return row


def _span(attributes: dict[str, Any] | None = None, **fields: Any) -> Span:
    ids = {"trace_id": b"\x01" * 16, "span_id": b"\x02" * 8}
    return Span(**{"start_time_unix_nano": ACCEPTED, **ids, **fields}, attributes=_attributes(attributes or {}))


def _span_row(attributes: dict[str, Any] | None = None, *, rules: Rules = _KEPT, **fields: Any) -> dict[str, Any]:
    return _row(Signal.TRACES, _span(attributes, **fields), rules=rules)


def _log_row(**fields: Any) -> dict[str, Any]:
    return _row(Signal.LOGS, LogRecord(**fields))


def _resource_row(attributes: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return _row(Signal.TRACES, _span(), resource=Resource(attributes=_attributes(attributes), **fields))


# JSON text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("a/ü\u2028\x7f", '"a/ü\u2028\x7f"'),
        ('"\\', r'"\"\\"'),
        ("\x00\b\t\n\f\r\x1f", r'"\u0000\b\t\n\f\r\u001f"'),
        (True, "true"),
        (-(2**63), "-9223372036854775808"),
        (1.0, "1.0"),
        (-0.0, "-0.0"),
        (1e16, "1e+16"),
        (1e-7, "1e-7"),
        (0.1, "0.1"),
        (float("nan"), '{"$double":"NaN"}'),
        (float("-inf"), '{"$double":"-Infinity"}'),
        (b"\x00\xff", '{"$bytes":"AP8="}'),
        (None, "null"),
        ([], "[]"),
        ({}, "{}"),
        ([1, [None, {"a": "b"}]], '[1,[null,{"a":"b"}]]'),
    ],
)
def test_values_arrive_as_json_with_their_type(value: Any, text: str) -> None:
    """Each kind of value has one form of text, from which its type can be told."""
    assert f'{{"k":{text}}}' == _span_row({"k": value})["attributes"]


def test_profiles_string_index_reads_as_empty() -> None:
    """An index into a string table that only profiles have is an empty value."""
    row = _row(Signal.LOGS, LogRecord(attributes=[KeyValue(key="k", value=AnyValue(string_value_strindex=1))]))
    assert '{"k":null}' == row["attributes"]


def test_the_last_of_equal_keys_counts() -> None:
    """A repeated key keeps its last value, of whatever type, in the last one's place; nested ones too."""
    pairs = [KeyValue(key=key, value=_value(value)) for key, value in (("a", 1), ("b", 2), ("a", "x"))]
    row = _row(Signal.LOGS, LogRecord(attributes=pairs, body=AnyValue(kvlist_value={"values": pairs})))
    assert ('{"b":2,"a":"x"}', '{"b":2,"a":"x"}') == (row["attributes"], row["body"])


# Promotion


@pytest.mark.parametrize(
    ("attributes", "method", "semconv", "rest"),
    [
        ({"http.request.method": "GET"}, "GET", "new", None),
        ({"http.method": "GET"}, "GET", "old", None),
        ({"http.request.method": "PUT", "http.method": "GET"}, "PUT", "mixed", '{"http.request.method":"PUT","http.method":"GET"}'),
        ({"http.method": "GET", "url.scheme": "http"}, "GET", "mixed", '{"http.method":"GET"}'),
        ({"http.request.method": 5, "http.method": "GET"}, "GET", "old", '{"http.request.method":5}'),
        ({"http.request.method": None}, None, None, '{"http.request.method":null}'),
        ({"http.request.method": ""}, "", "new", None),
        ({"x": "GET"}, None, None, '{"x":"GET"}'),
    ],
)
def test_new_and_old_names_lead_to_one_column(
    attributes: dict[str, Any], method: str | None, semconv: str | None, rest: str | None
) -> None:
    """The new name wins; what is stored in a column leaves the JSON, unless it could not be rebuilt."""
    row = _span_row(attributes)
    assert (method, semconv, rest) == (row["http_request_method"], row["semconv"], row["attributes"])


@pytest.mark.parametrize(
    ("attributes", "address", "semconv", "rest"),
    [
        ({"net.host.name": "a"}, "a", None, '{"net.host.name":"a"}'),
        ({"http.server_name": "b", "net.host.name": "a"}, "a", None, '{"http.server_name":"b","net.host.name":"a"}'),
        ({"net.host.name": "a", "http.host": "b"}, "b", "old", '{"net.host.name":"a","http.host":"b"}'),
        ({"server.address": "c", "net.host.name": "a"}, "c", "new", '{"server.address":"c","net.host.name":"a"}'),
    ],
)
def test_aliases_come_last_and_stay(attributes: dict[str, Any], address: str, semconv: str | None, rest: str) -> None:
    """An alias fills a column that no other name fills, and is no evidence of a generation."""
    row = _span_row(attributes)
    assert (address, semconv, rest) == (row["server_address"], row["semconv"], row["attributes"])


def test_a_last_duplicate_of_another_type_is_not_promoted() -> None:
    """The last of equal keys decides on promotion too."""
    pairs = [KeyValue(key="http.route", value=_value(value)) for value in ("/a", 5)]
    row = _row(Signal.TRACES, Span(trace_id=b"\x01" * 16, span_id=b"\x02" * 8, attributes=pairs))
    assert (None, '{"http.route":5}') == (row["http_route"], row["attributes"])


def test_a_column_of_json_takes_any_value() -> None:
    """`user.roles` is an array here and a string there; an empty value is none."""
    assert '["a",1]' == _span_row({"user.roles": ["a", 1]})["user_roles"]
    assert '"a"' == _span_row({"user.roles": "a"})["user_roles"]
    assert (None, '{"user.roles":null}') == tuple(_span_row({"user.roles": None})[name] for name in ("user_roles", "attributes"))


# Resources and scopes


def test_a_resource_without_attributes_has_defaults() -> None:
    """Service and environment are `unknown`, the organisation is the tenant, the rest is NULL."""
    row = _span_row()
    names = ("service_name", "environment", "organization_id", "service_version", "resource_attributes", "scope_name", "scope_attributes")
    assert ("unknown", "unknown", "default", None, None, None, None) == tuple(row[name] for name in names)


@pytest.mark.parametrize(
    ("attributes", "environment", "rest"),
    [
        ({"deployment.environment.name": "prod"}, "prod", None),
        ({"deployment.environment": "prod"}, "prod", '{"deployment.environment":"prod"}'),
        (
            {"deployment.environment.name": "", "deployment.environment": "prod"},
            "prod",
            '{"deployment.environment.name":"","deployment.environment":"prod"}',
        ),
        ({"deployment.environment.name": ""}, "unknown", '{"deployment.environment.name":""}'),
        ({"deployment.environment.name": "unknown"}, "unknown", '{"deployment.environment.name":"unknown"}'),
        ({"deployment.environment.name": 1}, "unknown", '{"deployment.environment.name":1}'),
    ],
)
def test_environment_has_two_names_and_a_default(attributes: dict[str, Any], environment: str, rest: str | None) -> None:
    """Empty counts as absent, and everything that the column does not tell stays in the JSON."""
    row = _resource_row(attributes)
    assert (environment, rest, None) == (row["environment"], row["resource_attributes"], row["semconv"])


@pytest.mark.parametrize(
    ("of_record", "of_resource", "expected"),
    [("r", "s", "r"), ("", "s", "s"), (None, "s", "s"), (5, "s", "s"), (None, "", "default"), (None, None, "default")],
)
def test_the_organization_is_the_records_or_the_resources_or_the_tenant(of_record: Any, of_resource: Any, expected: str) -> None:
    """An empty organisation, or one that is no string, counts as absent; the attribute stays in any case."""
    given = {"organization.id": of_record}
    row = _row(Signal.TRACES, _span(given), resource=Resource(attributes=_attributes({"organization.id": of_resource})))
    assert expected == row["organization_id"]
    assert "organization.id" in row["attributes"]
    assert "organization.id" in row["resource_attributes"]


def test_entity_refs_arrive_as_json() -> None:
    """References to entities keep what they say, absent members left out."""
    row = _resource_row({}, entity_refs=[{"type": "host", "id_keys": ["host.id"]}, {}])
    assert '[{"type":"host","id_keys":["host.id"]},{}]' == row["resource_entity_refs"]


# Rules on keys


def test_addresses_are_hashed_wherever_they_stand() -> None:
    """Strings under an address key are hashed in columns and JSON, also in arrays and below nested keys; an empty one stays."""
    row = _span_row({"client.address": "1.2.3.4", "ip": ["a", 5, ""], "x": {"user.ip": {"v": "b"}, "y": "c"}})
    assert "hash(1.2.3.4)" == row["client_address"]
    assert '{"ip":["hash(a)",5,""],"x":{"user.ip":{"v":"hash(b)"},"y":"c"}}' == row["attributes"]


def test_host_names_stay_where_a_key_may_hold_either() -> None:
    """`net.peer.name` is hashed only where it is an IP address."""
    assert "db.example.com" == _span_row({"net.peer.name": "db.example.com"})["server_address"]
    assert "hash(10.0.0.1)" == _span_row({"net.peer.name": "10.0.0.1"})["server_address"]


def test_addresses_in_log_bodies_exemplars_and_metadata_are_hashed() -> None:
    """No place for attributes is forgotten."""
    assert '{"ip":"hash(1.2.3.4)"}' == _log_row(body=_value({"ip": "1.2.3.4"}))["body"]
    attributes = _attributes({"client.address": "1.2.3.4"})
    point = NumberDataPoint(time_unix_nano=1, as_int=1, attributes=attributes, exemplars=[{"filtered_attributes": attributes}])
    row = _row(Signal.METRICS, Metric(gauge={"data_points": [point]}, metadata=attributes))
    assert [1, 1, 1] == [row[name].count('"hash(1.2.3.4)"') for name in ("attributes", "exemplars", "metadata")]


def test_dropped_and_redacted_keys() -> None:
    """A dropped key is gone at every depth; a redacted one says so, in its column if that is a string."""
    rules = Rules(
        hash_address=_KEPT.hash_address, drop_attributes=frozenset({"x"}), redact_attributes=frozenset({"url.path", "server.port"})
    )
    row = _span_row({"x": 1, "y": {"x": 2, "z": 3}, "url.path": "/secret", "server.port": 80}, rules=rules)
    assert ("[redacted]", None, '{"y":{"z":3},"server.port":"[redacted]"}') == (row["url_path"], row["server_port"], row["attributes"])


# Time


@pytest.mark.parametrize(
    ("time", "day", "suspect"),
    [
        (ACCEPTED, date(2026, 11, 18), False),
        (ACCEPTED - 90 * _DAY_NS, date(2026, 8, 20), False),
        (ACCEPTED - 90 * _DAY_NS - 1, date(2026, 11, 18), True),
        (ACCEPTED + _HOUR_NS, date(2026, 11, 18), False),
        (ACCEPTED + _HOUR_NS + 1, date(2026, 11, 18), True),
        (1, date(2026, 11, 18), True),
        (2**63 - 1, date(2026, 11, 18), True),
    ],
)
def test_hostile_times_make_no_partitions(time: int, day: date, suspect: bool) -> None:
    """Beyond 90 days before and an hour after acceptance a row keeps its time, takes the day of arrival and is marked."""
    row = _span_row(start_time_unix_nano=time)
    assert (time, day, suspect) == (row["start_time_unix_nano"], row["dt"], row["time_suspect"])


@pytest.mark.parametrize(("year", "suspect"), [(2000, False), (1999, True)])
def test_an_import_keeps_its_dates(year: int, suspect: bool) -> None:
    """With `keep_dates` every day since 2000 is a row's own."""
    time = datetime(year, 12, 31, 23, tzinfo=UTC)
    row = _span_row(start_time_unix_nano=int(time.timestamp()) * 10**9, rules=Rules(_KEPT.hash_address, keep_dates=True))
    assert (date(2026, 11, 18) if suspect else time.date(), suspect) == (row["dt"], row["time_suspect"])


@pytest.mark.parametrize(
    ("start", "end", "time", "duration", "suspect"),
    [
        (ACCEPTED, ACCEPTED + 5, ACCEPTED, 5, False),
        (ACCEPTED, ACCEPTED - 5, ACCEPTED, -5, False),
        (ACCEPTED, 0, ACCEPTED, 0, False),
        (0, ACCEPTED - 7, ACCEPTED - 7, 0, False),
        (0, 0, ACCEPTED, 0, True),
    ],
)
def test_a_span_starts_at_its_start_or_end_or_arrival(start: int, end: int, time: int, duration: int, suspect: bool) -> None:
    """A start that is absent is taken from the end, else from acceptance; without both there is no duration."""
    row = _span_row(start_time_unix_nano=start, end_time_unix_nano=end)
    assert (time, duration, suspect) == (row["start_time_unix_nano"], row["duration_ns"], row["time_suspect"])
    assert time // 1000 == int(row["start_time"].timestamp()) * 10**6 + row["start_time"].microsecond


@pytest.mark.parametrize(
    ("own", "observed", "time", "kept", "suspect"),
    [
        (ACCEPTED - 1, ACCEPTED, ACCEPTED - 1, ACCEPTED, False),
        (0, ACCEPTED - 2, ACCEPTED - 2, ACCEPTED - 2, False),
        (2**63, ACCEPTED - 2, ACCEPTED - 2, ACCEPTED - 2, False),
        (0, 2**63, ACCEPTED, None, True),
        (0, 0, ACCEPTED, None, True),
    ],
)
def test_a_log_record_is_timed_by_itself_its_observer_or_arrival(
    own: int, observed: int, time: int, kept: int | None, suspect: bool
) -> None:
    """An absent or impossible time gives way to the observed one, then to acceptance."""
    row = _log_row(time_unix_nano=own, observed_time_unix_nano=observed)
    assert (time, kept, suspect) == (row["time_unix_nano"], row["observed_time_unix_nano"], row["time_suspect"])


# Spans, events, links


@pytest.mark.parametrize(
    ("kind", "status", "expected"), [(0, 0, ("UNSPECIFIED", "UNSET")), (2, 2, ("SERVER", "ERROR")), (9, -1, ("9", "-1"))]
)
def test_kinds_and_status_codes_have_names(kind: int, status: int, expected: tuple[str, str]) -> None:
    """An integer of a later protocol is its own name."""
    row = _span_row(kind=kind, status={"code": status})
    assert expected == (row["kind"], row["status_code"])


@pytest.mark.parametrize(("parent", "expected"), [(b"", None), (bytes(8), None), (b"\x01" * 7, None), (b"\xab" * 8, "ab" * 8)])
def test_a_parent_that_is_no_id_is_none(parent: bytes, expected: str | None) -> None:
    """An invalid parent makes a root span, not a refused one."""
    assert expected == _span_row(parent_span_id=parent)["parent_span_id"]


def test_links_arrive_as_json() -> None:
    """A link always tells its ids, as they came, and of the rest what is there."""
    links = [{"trace_id": b"\x01" * 16, "span_id": b"", "flags": 1}, {"attributes": _attributes({"a": 1}), "trace_state": "s"}]
    first = f'{{"trace_id":"{"01" * 16}","span_id":"","flags":1}}'
    assert f'[{first},{{"trace_id":"","span_id":"","trace_state":"s","attributes":{{"a":1}}}}]' == _span_row(links=links)["links"]


def test_events_point_to_their_span() -> None:
    """An event has its span's ids, item, day and organisation; without a time it happened at the start."""
    events = [{"name": "a", "time_unix_nano": ACCEPTED + 1}, {"attributes": _attributes({"exception.type": "E", "x": 1})}]
    decoded = _decode(Signal.TRACES, Span(), _span({"organization.id": "o"}, events=events))
    (span,) = decoded["spans"]
    shared = ("trace_id", "span_id", "item_index", "dt", "time_suspect", "organization_id", "tenant_id", "ingested_at")
    assert [[span[name] for name in shared]] * 2 == [[event[name] for name in shared] for event in decoded["span_events"]]
    own = ("row_id", "span_row_id", "event_index", "event_name", "event_time_unix_nano", "exception_type", "attributes")
    expected = [(0, 0, 0, "a", ACCEPTED + 1, None, None), (1, 0, 1, "", ACCEPTED, "E", '{"x":1}')]
    assert expected == [tuple(event[name] for name in own) for event in decoded["span_events"]]
    assert (1, 2) == (span["item_index"], span["events_count"])


# Logs


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (None, (None, None)),
        (_value(None), (None, None)),
        (_value(""), ("", "string")),
        (_value("a"), ("a", "string")),
        (_value(True), ("true", "bool")),
        (_value(5), ("5", "int")),
        (_value(5.0), ("5.0", "double")),
        (_value(b"\x00"), ("AA==", "bytes")),
        (_value([]), ("[]", "array")),
        (_value({}), ("{}", "kvlist")),
    ],
)
def test_a_body_of_any_kind_arrives_with_its_type(body: AnyValue | None, expected: tuple[str | None, str | None]) -> None:
    """A string body is the text itself; others are JSON, bytes base64."""
    row = _log_row(body=body)
    assert expected == (row["body"], row["body_type"])


@pytest.mark.parametrize(
    ("field", "attribute", "expected"), [("a", "b", "a"), ("", "b", "b"), ("", "", None), ("", 5, None), ("", None, None)]
)
def test_an_event_is_named_by_its_field_or_the_old_attribute(field: str, attribute: Any, expected: str | None) -> None:
    """The attribute of earlier conventions names an event where the field does not; it stays in the JSON."""
    row = _log_row(event_name=field, attributes=_attributes({"event.name": attribute}))
    assert expected == row["event_name"]
    assert "event.name" in row["attributes"]


def test_a_log_record_with_invalid_ids_has_no_trace() -> None:
    """Invalid ids cost a log record its trace, not its place."""
    row = _log_row(trace_id=b"\x01" * 15, span_id=bytes(8))
    assert (None, None) == (row["trace_id"], row["span_id"])


# Metrics


@pytest.mark.parametrize(
    ("point", "expected"),
    [
        (NumberDataPoint(time_unix_nano=1, as_int=0), (None, 0)),
        (NumberDataPoint(time_unix_nano=1, as_double=0.0), (0.0, None)),
        (NumberDataPoint(time_unix_nano=1, as_double=1.5, flags=1), (None, None)),
    ],
)
def test_a_point_has_an_integer_or_a_double_or_no_recorded_value(point: NumberDataPoint, expected: Any) -> None:
    """Zero is a value; a stale marker has none."""
    row = _row(Signal.METRICS, Metric(gauge={"data_points": [point]}))
    assert (*expected, "gauge", None, None) == tuple(
        row[name] for name in ("value_double", "value_int", "metric_type", "temporality", "is_monotonic")
    )


def test_a_histogram_keeps_what_was_given() -> None:
    """Sum, min and max are NULL where not given; so are empty buckets."""
    data = {"data_points": [{"time_unix_nano": 1, "count": 3, "sum": 0.0, "bucket_counts": [1, 2], "explicit_bounds": [0.5]}]}
    row = _row(Signal.METRICS, Metric(histogram={**data, "aggregation_temporality": 2}))
    names = ("temporality", "count", "sum", "min", "max", "bucket_counts", "explicit_bounds")
    assert ("cumulative", 3, 0.0, None, None, [1, 2], [0.5]) == tuple(row[name] for name in names)


def test_an_exponential_histogram_tells_a_side_from_none() -> None:
    """A side that was given has an offset, also without buckets."""
    point = {"time_unix_nano": 1, "scale": -1, "zero_count": 2, "positive": {"offset": -3, "bucket_counts": [1]}, "negative": {}}
    row = _row(Signal.METRICS, Metric(exponential_histogram={"data_points": [point], "aggregation_temporality": 1}))
    names = (
        "scale",
        "zero_count",
        "zero_threshold",
        "positive_offset",
        "positive_bucket_counts",
        "negative_offset",
        "negative_bucket_counts",
    )
    assert (-1, 2, 0.0, -3, [1], 0, None) == tuple(row[name] for name in names)


def test_a_summary_keeps_its_quantiles() -> None:
    """Quantiles are JSON; the sum is always given."""
    point = SummaryDataPoint(time_unix_nano=1, count=2, quantile_values=[{"quantile": 0.5, "value": 1.0}])
    row = _row(Signal.METRICS, Metric(summary={"data_points": [point]}))
    assert (2, 0.0, '[{"quantile":0.5,"value":1.0}]') == (row["count"], row["sum"], row["quantiles"])


def test_exemplars_arrive_as_json() -> None:
    """An exemplar tells its time, and of the rest what is there."""
    exemplars = [{"time_unix_nano": 7, "as_int": 0, "trace_id": b"\x01" * 16, "span_id": b"\x01"}, {"as_double": 1.0}]
    point = NumberDataPoint(time_unix_nano=1, as_int=1, exemplars=exemplars)
    row = _row(Signal.METRICS, Metric(sum={"data_points": [point], "aggregation_temporality": 1}))
    assert f'[{{"time_unix_nano":7,"value":0,"trace_id":"{"01" * 16}"}},{{"time_unix_nano":0,"value":1.0}}]' == row["exemplars"]


# Refusals and batches


def test_a_refused_span_is_kept_with_its_reason_and_without_addresses() -> None:
    """What reaches no table is stored as OTLP/JSON, with hex ids, and its client addresses hashed."""
    (refused,) = _decode(Signal.TRACES, _span({"client.address": "1.2.3.4"}, span_id=b"\x02", start_time_unix_nano=5))["refused"]
    content = (
        f'{{"traceId":"{"01" * 16}","spanId":"02","startTimeUnixNano":"5",'
        '"attributes":[{"key":"client.address","value":{"stringValue":"hash(1.2.3.4)"}}]}'
    )
    assert (0, "traces", "span_id has 1 bytes, 8 expected", content) == tuple(
        refused[name] for name in ("item_index", "signal", "reason", "content")
    )


def test_a_refused_point_is_kept_with_its_metric() -> None:
    """A point alone would say nothing: its metric's name and kind are kept with it, its siblings are not."""
    points = [NumberDataPoint(time_unix_nano=1, as_int=1), NumberDataPoint(as_double=float("nan"))]
    decoded = _decode(Signal.METRICS, Metric(name="m", gauge={"data_points": points}))
    assert [0] == [row["item_index"] for row in decoded["metric_points"]]
    expected = [(1, '{"name":"m","gauge":{"dataPoints":[{"asDouble":"NaN"}]}}')]
    assert expected == [(row["item_index"], row["content"]) for row in decoded["refused"]]


def test_refused_rows_can_be_had_of_some_payloads_alone() -> None:
    """The kernels ask for the refused rows of the payloads in which they counted any."""
    payloads = payloads_of([_payload(Signal.TRACES, Span(name=name)) for name in "abc"])
    whole = decode(Signal.TRACES, payloads, _KEPT)["refused"]
    assert whole.slice(1, 1) == decode_refused(Signal.TRACES, payloads, [1], _KEPT)
    assert whole == decode_refused(Signal.TRACES, payloads, range(3), _KEPT)


def test_rows_carry_where_their_payload_came_from() -> None:
    """Tenant, digest and time of acceptance are each payload's own; row ids run through the batch, items through a payload."""
    payloads = payloads_of([_payload(Signal.LOGS, LogRecord(), LogRecord()), _payload(Signal.LOGS, LogRecord())])
    rows = decode(Signal.LOGS, payloads, _KEPT)["logs"].to_pylist()
    names = ("row_id", "item_index", "tenant_id", "payload_digest")
    assert [(0, 0, "default", "0" * 32), (1, 1, "default", "0" * 32), (2, 0, "other", "0" * 31 + "1")] == [
        tuple(row[name] for name in names) for row in rows
    ]
    assert 1 == (rows[2]["ingested_at"] - rows[0]["ingested_at"]).total_seconds()


@pytest.mark.parametrize("signal", Signal)
def test_no_payloads_give_empty_tables(signal: Signal) -> None:
    """A batch of nothing has the relations of its signal, without rows."""
    assert {_RELATION[signal]: 0, "refused": 0} == {
        name: len(table) for name, table in decode(signal, payloads_of([]), _KEPT).items() if name != "span_events"
    }
