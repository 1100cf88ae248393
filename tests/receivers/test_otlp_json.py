"""OTLP/JSON becomes the protobuf request it stands for, or an error that names the path."""

from __future__ import annotations

import json
import math
from base64 import b64decode
from typing import Any

import pytest
from google.protobuf.json_format import MessageToDict
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from otelpond.receivers.otlp_json import to_protobuf
from otelpond.storage.decode.inspection import inspect
from otelpond.storage.decode.messages import SHAPES
from otelpond.storage.signals import Signal, TooDenseError, UndecodableError

from ..storage.decode.otlp_messages import requests

_TRACE_ID = "5b8efff798038103d269b633813fc60c"


def _request(signal: Signal, text: str | bytes) -> Any:
    return SHAPES[signal].request.FromString(to_protobuf(signal, text.encode() if isinstance(text, str) else text))


def _span(**members: Any) -> Any:
    text = json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [members]}]}]})
    return _request(Signal.TRACES, text).resource_spans[0].scope_spans[0].spans[0]


def _value(text: str) -> Any:
    """The AnyValue of a log record's body."""
    body = f'{{"resourceLogs":[{{"scopeLogs":[{{"logRecords":[{{"body":{text}}}]}}]}}]}}'
    return _request(Signal.LOGS, body).resource_logs[0].scope_logs[0].log_records[0].body


def _error(signal: Signal, text: bytes) -> str:
    with pytest.raises(UndecodableError) as error:
        to_protobuf(signal, text)
    return str(error.value)


def _as_otlp_json(message: Any) -> Any:
    """A message as OTLP/JSON, made by another library than the reader under test: protobuf JSON with hex ids."""
    return _hex_ids(MessageToDict(message, use_integers_for_enums=True))


def _hex_ids(value: Any) -> Any:
    if isinstance(value, list):
        return [_hex_ids(member) for member in value]
    if isinstance(value, dict):
        ids = {"traceId", "spanId", "parentSpanId"}
        return {key: b64decode(member).hex().upper() if key in ids else _hex_ids(member) for key, member in value.items()}
    return value


@pytest.mark.parametrize("signal", Signal)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(data=st.data())
def test_any_message_comes_back_from_its_json(signal: Signal, data: Any) -> None:
    """A request written as OTLP/JSON reads as the same request."""
    expected = _as_otlp_json(data.draw(requests(signal)))
    assert expected == _as_otlp_json(_request(signal, json.dumps(expected)))


def test_ids_are_hex_in_any_case() -> None:
    """Ids of spans, links, log records and exemplars are hex digits, in upper or lower case."""
    span = _span(traceId=_TRACE_ID.upper(), spanId="EEE19b7ec3c1b174", links=[{"traceId": _TRACE_ID, "spanId": "eee19b7ec3c1b174"}])
    assert bytes.fromhex(_TRACE_ID) == span.trace_id == span.links[0].trace_id
    assert bytes.fromhex("eee19b7ec3c1b174") == span.span_id == span.links[0].span_id


@pytest.mark.parametrize("digits", [0, 2, 15, 17, 30, 31, 33, 34])
def test_an_id_of_another_length_costs_only_its_item(digits: int) -> None:
    """Hex digits that are no id reach the data rules, which refuse that item alone."""
    spans = [{"traceId": ("ab" * 20)[:digits], "spanId": "ab" * 8}, {"traceId": _TRACE_ID, "spanId": "ab" * 8}]
    payload = to_protobuf(Signal.TRACES, json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": spans}]}]}).encode())
    assert (2, 1) == (inspect(Signal.TRACES, payload).items, inspect(Signal.TRACES, payload).rejected)


@pytest.mark.parametrize("value", [1_544_712_660_000_000_001, "1544712660000000001"])
def test_large_integers_come_as_numbers_or_text(value: Any) -> None:
    """A 64-bit integer may be a JSON number or a string; no digit is lost."""
    assert 1_544_712_660_000_000_001 == _span(startTimeUnixNano=value).start_time_unix_nano


@pytest.mark.parametrize("value", [2, 2.0, "2", "SPAN_KIND_SERVER"])
def test_enums_come_as_integers_and_names_are_read(value: Any) -> None:
    """Enums are integers; names, which senders must not use, are read none the less."""
    assert 2 == _span(kind=value).kind


def test_unknown_enum_integers_are_kept() -> None:
    """An integer of a later version of the protocol passes."""
    assert 77 == _span(kind=77).kind


def test_unknown_members_and_nulls_are_ignored() -> None:
    """What this version does not know is skipped; null is the default."""
    span = _span(name="a", newThing={"deep": [1, {"a": None}]}, traceState=None, attributes=None, status=None)
    assert ("a", "", 0, False) == (span.name, span.trace_state, len(span.attributes), span.HasField("status"))


def test_original_field_names_are_read() -> None:
    """Names with underscores, which senders must not use, are read rather than taken for unknown and lost."""
    assert 1 == len(_request(Signal.TRACES, '{"resource_spans":[{"schema_url":"x"}]}').resource_spans)


@pytest.mark.parametrize(
    ("text", "expected"),
    [('"NaN"', math.nan), ('"Infinity"', math.inf), ('"-Infinity"', -math.inf), ("1", 1.0), ('"-1.5e3"', -1500.0), ("-0.0", -0.0)],
)
def test_doubles_come_as_numbers_or_text(text: str, expected: float) -> None:
    """Doubles are numbers; NaN and infinities are strings."""
    value = _value(f'{{"doubleValue":{text}}}').double_value
    assert repr(expected) == repr(value)


@pytest.mark.parametrize("text", ["+/+/AA==", "-_-_AA", "+/+/AA"])
def test_bytes_are_base64_of_any_form(text: str) -> None:
    """BytesValue is base64, with or without padding, also URL-safe."""
    assert b"\xfb\xff\xbf\x00" == _value(f'{{"bytesValue":"{text}"}}').bytes_value


def test_an_object_without_members_is_an_empty_value() -> None:
    """An AnyValue without a member is there, and empty; an empty list is an empty list."""
    assert _value("{}").WhichOneof("value") is None
    assert "array_value" == _value('{"arrayValue":{}}').WhichOneof("value")


def test_an_empty_object_is_a_request_without_items() -> None:
    """`{}` is an empty request, not an error."""
    assert b"" == to_protobuf(Signal.METRICS, b" {} ")


def test_the_order_of_members_makes_no_other_payload() -> None:
    """Two texts that differ only in order and spaces give equal bytes, so that a retry is known as one."""
    one, other = b'{"resourceSpans":[{"schemaUrl":"a","resource":{}}]}', b'{ "resourceSpans": [{"resource":{}, "schemaUrl":"a"}]}'
    assert to_protobuf(Signal.TRACES, one) == to_protobuf(Signal.TRACES, other)


def _in_span(member: str) -> bytes:
    return f'{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{{}},{{{member}}}]}}]}}]}}'.encode()


_SPAN = "resourceSpans[0].scopeSpans[0].spans[1]"


@pytest.mark.parametrize(
    ("member", "expected"),
    [
        ('"traceId":"W47/95gDgQPSabYzgT/GDA=="', ".traceId: hex digits expected, not 'W47/95gDgQPSabYzgT/GDA=='"),
        ('"traceId":5', ".traceId: hex digits expected, not 5"),
        ('"traceId":"ab "', ".traceId: hex digits expected, not 'ab '"),
        ('"name":5', ".name: a string expected, not 5"),
        ('"name":"a\\ud83d"', ".name: half of a surrogate pair at character 1, text expected"),
        ('"name":"a","name":"b"', ": the member 'name' occurs twice in one object"),
        ('"kind":"SPAN_KIND_NONE"', ".kind: an integer expected, not 'SPAN_KIND_NONE'"),
        ('"kind":true', ".kind: an integer expected, not true"),
        ('"flags":-1', ".flags: an integer from 0 to 4294967295 expected, not -1"),
        ('"startTimeUnixNano":1.5', ".startTimeUnixNano: an integer expected, not 1.5"),
        ('"startTimeUnixNano":"1e5"', ".startTimeUnixNano: an integer expected, not '1e5'"),
        ('"startTimeUnixNano":1e400', ".startTimeUnixNano: an integer expected, not Infinity"),
        ('"attributes":{}', ".attributes: an array expected, not an object"),
        ('"attributes":[null]', ".attributes[0]: an object (KeyValue) expected, not null"),
        ('"attributes":[{"value":{"boolValue":1}}]', ".attributes[0].value.boolValue: true or false expected, not 1"),
        ('"attributes":[{"value":{"doubleValue":1e400}}]', ".attributes[0].value.doubleValue: a number that a double holds expected"),
        ('"attributes":[{"value":{"doubleValue":"x"}}]', ".attributes[0].value.doubleValue: a number expected, not 'x'"),
        ('"attributes":[{"value":{"bytesValue":"*"}}]', ".attributes[0].value.bytesValue: base64 text expected, not '*'"),
        (
            '"attributes":[{"value":{"intValue":1,"boolValue":true}}]',
            ".attributes[0].value: intValue and boolValue exclude each other",
        ),
    ],
)
def test_a_wrong_value_is_named_with_its_path(member: str, expected: str) -> None:
    """A value of another kind than its field's is an error that says where and what was expected."""
    assert _SPAN + expected == _error(Signal.TRACES, _in_span(member))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"", "the JSON text: empty, an object expected"),
        (b" \n", "the JSON text: empty, an object expected"),
        (b"[]", "the JSON text: an object (ExportTraceServiceRequest) expected, not an array"),
        (b'{"a":', "the JSON text: not JSON: Expecting value: line 1 column 6 (char 5)"),
        (b'{"a":NaN}', 'the JSON text: NaN is no JSON, "NaN" in quotes expected'),
        (b'{"a":"\xff"}', "the JSON text: not valid UTF-8 at byte 6"),
        (b'{"a":1,"a":2}', "the JSON text: the member 'a' occurs twice in one object"),
        (b"[" * 100_000, "the JSON text is nested deeper than 100 messages"),
    ],
)
def test_what_is_no_json_object_is_an_error(text: bytes, expected: str) -> None:
    """An empty body, broken JSON, broken UTF-8 and bare NaN are errors of the whole text."""
    assert expected == _error(Signal.TRACES, text)


def test_an_integer_of_thousands_of_digits_is_an_error() -> None:
    """A number that Python refuses to read for its length is an error like any other."""
    assert "not readable" in _error(Signal.TRACES, b'{"resourceSpans":' + b"9" * 5000 + b"}")


def test_more_objects_than_anybody_sends_are_an_error_before_they_are_read() -> None:
    """Each takes a hundred times its three characters; a text that is long is not meant."""
    with pytest.raises(TooDenseError, match="70000 objects in"):
        to_protobuf(Signal.TRACES, b'{"resourceSpans":[' + b",".join([b"{}"] * 69_999) + b"]}")
    attributes = b",".join([b'{"key":"a","value":{"intValue":"1"}}'] * 50_000)
    assert to_protobuf(Signal.TRACES, b'{"resourceSpans":[{"resource":{"attributes":[' + attributes + b"]}}]}")


def test_braces_in_strings_are_no_objects() -> None:
    """A log record may hold a JSON text of any number of objects, with quotes and backslashes as it likes."""
    body = json.dumps([{"a": '\\"{'}] * 70_000)
    record = {"resourceLogs": [{"scopeLogs": [{"logRecords": [{"body": {"stringValue": body}}]}]}]}
    assert 1 == inspect(Signal.LOGS, to_protobuf(Signal.LOGS, json.dumps(record).encode())).items
    numbers = b",".join([b'{"intValue":1}'] * 70_000)
    assert to_protobuf(Signal.LOGS, _with_body(b'{"arrayValue":{"values":[' + numbers + b"]}}"))
    with pytest.raises(TooDenseError, match="70000 objects in"):
        to_protobuf(Signal.LOGS, b'{"{{\\"{":[' + b",".join([b"{}"] * 69_999) + b'],"{{{')


def test_nesting_ends_where_the_protobuf_runtime_ends() -> None:
    """Values nested deeper than the runtime reads are an error, a little less deep ones are not."""
    assert "nested deeper than 100 messages" in _error(Signal.LOGS, _nested(60))
    inspect(Signal.LOGS, to_protobuf(Signal.LOGS, _nested(40)))


def _nested(depth: int) -> bytes:
    return _with_body(b'{"arrayValue":{"values":[' * depth + b"{}" + b"]}}" * depth)


def _with_body(body: bytes) -> bytes:
    return b'{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"body":' + body + b"}]}]}]}"


_ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda values: st.lists(values, max_size=3) | st.dictionaries(st.text(max_size=5) | st.just("values"), values, max_size=3),
    max_leaves=5,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(data=st.data())
def test_anything_else_is_an_error_and_nothing_but_that(data: Any) -> None:
    """A text in which some value is replaced by any other reads as a valid request or is an UndecodableError."""
    signal = data.draw(st.sampled_from(Signal))
    value = _as_otlp_json(data.draw(requests(signal)))
    text = json.dumps(_with_one_replaced(value, data.draw(st.integers(0, 60)), data.draw(_ANY_JSON))).encode()
    text = text[: data.draw(st.sampled_from([len(text), len(text), len(text) // 2]))]
    try:
        told = inspect(signal, to_protobuf(signal, text)).items >= 0
    except UndecodableError as error:
        told = bool(str(error))
    assert told


def _with_one_replaced(value: Any, number: int, other: Any) -> Any:
    """The value with the one that is `number` steps further, depth first, replaced."""
    left = [number]

    def walk(part: Any) -> Any:
        left[0] -= 1
        if left[0] < 0 <= left[0] + 1:
            return other
        if isinstance(part, dict):
            return {key: walk(member) for key, member in part.items()}
        return [walk(member) for member in part] if isinstance(part, list) else part

    return walk(value)
