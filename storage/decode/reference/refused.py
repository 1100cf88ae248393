"""Items that the data rules refuse, as rows of `decoded_refused`; the plain decoder makes them, for the kernels too."""

from __future__ import annotations

import math
from base64 import b64encode
from collections.abc import Callable
from typing import Any, Final

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue

from .attributes import AttributeReader
from .json_text import Value, json_text

_HEX_FIELDS: Final = frozenset({"trace_id", "span_id", "parent_span_id"})
_TEXT_INTEGERS: Final = frozenset(
    {
        FieldDescriptor.TYPE_INT64,
        FieldDescriptor.TYPE_UINT64,
        FieldDescriptor.TYPE_SINT64,
        FieldDescriptor.TYPE_FIXED64,
        FieldDescriptor.TYPE_SFIXED64,
    }
)


def item_text(item: Message, reader: AttributeReader) -> str:
    """An item as OTLP/JSON text (hex ids, 64-bit integers as strings), with the rules on keys applied to its attributes."""
    return json_text(_object(item, reader))


def point_text(metric: Any, point: Message, reader: AttributeReader) -> str:
    """A metric with this point as its only one, as OTLP/JSON text."""
    alone = type(metric)()
    alone.CopyFrom(metric)
    data = getattr(alone, alone.WhichOneof("data"))
    del data.data_points[:]
    data.data_points.append(point)
    return item_text(alone, reader)


def _object(message: Message, reader: AttributeReader) -> dict[str, Value]:
    members: dict[str, Value] = {}
    for field, value in message.ListFields():
        if field.is_repeated and field.message_type is KeyValue.DESCRIPTOR:
            members[field.json_name] = _attributes(reader.attributes(value))
        elif field.is_repeated:
            members[field.json_name] = [_member(field, member, reader) for member in value]
        else:
            members[field.json_name] = _member(field, value, reader)
    return members


def _member(field: FieldDescriptor, value: Any, reader: AttributeReader) -> Value:
    if field.message_type is AnyValue.DESCRIPTOR:
        return _any_value(reader.value(value))
    if field.message_type is not None:
        return _object(value, reader)
    if isinstance(value, bytes):
        return value.hex() if field.name in _HEX_FIELDS else b64encode(value).decode()
    if isinstance(value, float):
        return _double(value)
    return str(value) if field.type in _TEXT_INTEGERS else value


def _attributes(values: dict[str, Value]) -> list[Value]:
    return [{"key": key, "value": _any_value(value)} for key, value in values.items()]


def _any_value(value: Value) -> Value:
    """A plain value as the JSON of an AnyValue."""
    if value is None:
        return {}
    member, write = _ANY_VALUE[type(value)]
    return {member: write(value)}


def _double(value: float) -> Value:
    """NaN and infinities as OTLP/JSON names them."""
    if math.isnan(value):
        return "NaN"
    return {float("inf"): "Infinity", float("-inf"): "-Infinity"}.get(value, value)


_ANY_VALUE: Final[dict[type, tuple[str, Callable[[Any], Value]]]] = {
    str: ("stringValue", str),
    bool: ("boolValue", bool),
    int: ("intValue", str),
    float: ("doubleValue", _double),
    bytes: ("bytesValue", lambda value: b64encode(value).decode()),
    list: ("arrayValue", lambda value: {"values": [_any_value(member) for member in value]}),
    dict: ("kvlistValue", lambda value: {"values": _attributes(value)}),
}
