"""OTLP/JSON text to OTLP protobuf bytes, pure: the HTTP receiver and the file import hand it bodies.

The reader is driven by the protobuf descriptors and writes the wire format itself: `google.protobuf.json_format` reads hex ids as
base64. The text is read by `json`: orjson (2 instead of 7 us a span, of 26 in all) says nothing of a member that occurs twice.
Source: the JSON Protobuf Encoding section of the OTLP specification. Unknown members are ignored, null is the default. Where the
specification binds senders and reading more does no harm, more is read: original field names (`resource_spans`), enum names, numbers
as strings, integers with a fraction of zero, base64 without padding or in its URL-safe form. An id of another length than its own is
passed on, so that only its item is refused.
"""

from __future__ import annotations

import json
import math
import re
import struct
from base64 import b64decode
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any, Final, NoReturn, TypeAlias

from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor
from google.protobuf.message import DecodeError

from ..storage.decode.messages import SHAPES
from ..storage.signals import Signal, UndecodableError
from .json_density import OBJECTS, refuse_dense

_DEEPEST: Final = 100
"""How deep messages may nest: what the protobuf runtimes take."""

_HEX_FIELDS: Final = frozenset({"trace_id", "span_id", "parent_span_id"})
_HEX: Final = re.compile(r"[0-9a-fA-F]*")
_ID_DIGITS_AND_ONE: Final = frozenset({17, 33})
_URL_SAFE: Final = str.maketrans("-_", "+/")
_SHORT_VARINTS: Final = [bytes([number]) for number in range(128)]
_INTEGER: Final = re.compile(r"-?[0-9]{1,40}")
_NUMBER: Final = re.compile(r"-?[0-9]+(\.[0-9]+)?([eE][-+]?[0-9]+)?")
_NAMED_DOUBLES: Final = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}

_Write: TypeAlias = Callable[[Any, int], bytes]
"""(value, depth) to a field's bytes, its tag included."""


def to_protobuf(signal: Signal, text: bytes) -> bytes:
    """The protobuf bytes of the Export request that a JSON text holds.

    Raises:
        UndecodableError: it holds none; the text names the JSON path and what was expected there.
        TooDenseError: it holds far more objects than a request of that size does.
    """
    refuse_dense(text, OBJECTS)
    request = SHAPES[signal].request
    try:
        wire = _writer(request.DESCRIPTOR).message(_parsed(text), 1)
        # The runtime puts the fields in their order, so that the order of the members makes no other payload.
        payload: bytes = request.FromString(wire).SerializeToString(deterministic=True)
    except _FaultError as fault:
        raise UndecodableError(f"{fault.path or 'the JSON text'}: {fault}") from None
    except (RecursionError, DecodeError):
        raise UndecodableError(f"the JSON text is nested deeper than {_DEEPEST} messages") from None
    return payload


class _FaultError(Exception):
    """Something else than expected; each level on the way up puts its part of the path in front."""

    path = ""

    def below(self, part: str) -> _FaultError:
        self.path = f"{part}.{self.path}".replace(".[", "[").removesuffix(".")
        return self


class _RepeatedMember:
    """Stands for an object in which a member occurs twice, until the walk knows its path."""

    def __init__(self, name: str) -> None:
        self.name = name


def _parsed(text: bytes) -> Any:
    if not text.strip():
        raise _FaultError("empty, an object expected")
    try:
        return json.loads(text.decode(), object_pairs_hook=_object, parse_constant=_bare_constant)
    except UnicodeDecodeError as error:
        raise _FaultError(f"not valid UTF-8 at byte {error.start}") from None
    except json.JSONDecodeError as error:
        raise _FaultError(f"not JSON: {error}") from None
    except ValueError as error:  # an integer of thousands of digits
        raise _FaultError(f"not readable: {error}") from None


def _object(members: list[tuple[str, Any]]) -> Any:
    value = dict(members)
    if len(value) == len(members):
        return value
    names = [name for name, _ in members]
    return _RepeatedMember(next(name for name in names if names.count(name) > 1))


def _bare_constant(constant: str) -> NoReturn:
    raise _FaultError(f'{constant} is no JSON, "{constant}" in quotes expected')


def _refuse(value: Any, expected: str) -> NoReturn:
    if isinstance(value, _RepeatedMember):
        raise _FaultError(f"the member {value.name!r} occurs twice in one object")
    raise _FaultError(f"{expected} expected, not {_shown(value)}")


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return "an array"
    return repr(value)[:40] if isinstance(value, str) else json.dumps(value)[:40]


# Messages


class _MessageWriter:
    """Writes the messages of one type from JSON objects."""

    def __init__(self, descriptor: Descriptor) -> None:
        self._name = descriptor.name
        self._oneofs = [{name for field in oneof.fields for name in (field.json_name, field.name)} for oneof in descriptor.oneofs]
        self._fields: dict[str, _Write] = {}
        for field in descriptor.fields:
            self._fields[field.name] = self._fields[field.json_name] = _field_writer(field)

    def message(self, value: Any, depth: int) -> bytes:
        """The bytes of a message, without tag and length."""
        if type(value) is not dict:
            _refuse(value, f"an object ({self._name})")
        if depth > _DEEPEST:
            raise _FaultError(f"nested deeper than {_DEEPEST} messages")
        if len(value) > 1 and self._oneofs:
            self._check_oneofs(value)
        parts = []
        for name, member in value.items():
            write = self._fields.get(name)
            if write is None or member is None:
                continue
            try:
                parts.append(write(member, depth))
            except _FaultError as fault:
                raise fault.below(name) from None
        return b"".join(parts)

    def _check_oneofs(self, value: dict[str, Any]) -> None:
        for oneof in self._oneofs:
            given = [name for name, member in value.items() if name in oneof and member is not None]
            if len(given) > 1:
                raise _FaultError(f"{given[0]} and {given[1]} exclude each other")


@cache
def _writer(descriptor: Descriptor) -> _MessageWriter:
    return _MessageWriter(descriptor)


def _field_writer(field: FieldDescriptor) -> _Write:
    if field.message_type is not None:
        one = _message_field(field)
    elif field.is_repeated and field.type != FieldDescriptor.TYPE_STRING:
        return _packed_field(field)
    else:
        one = _scalar_field(field)
    if not field.is_repeated:
        return one
    return lambda members, depth: b"".join(_each(members, lambda member: one(member, depth)))


def _message_field(field: FieldDescriptor) -> _Write:
    tag = _varint(field.number << 3 | 2)

    def write(value: Any, depth: int) -> bytes:
        content = _writer(field.message_type).message(value, depth + 1)
        return tag + _varint(len(content)) + content

    return write


def _scalar_field(field: FieldDescriptor) -> _Write:
    wire_type, encode = _scalar(field)
    tag = _varint(field.number << 3 | wire_type)
    return lambda value, _: tag + encode(value)


def _packed_field(field: FieldDescriptor) -> _Write:
    _, encode = _scalar(field)
    tag = _varint(field.number << 3 | 2)

    def write(members: Any, _: int) -> bytes:
        content = b"".join(_each(members, encode))
        return tag + _varint(len(content)) + content

    return write


def _each(members: Any, encode: Callable[[Any], bytes]) -> Iterator[bytes]:
    if type(members) is not list:
        _refuse(members, "an array")
    for index, member in enumerate(members):
        try:
            yield encode(member)
        except _FaultError as fault:
            raise fault.below(f"[{index}]") from None


# Scalars: a wire type and what writes a value, length included, tag not


def _scalar(field: FieldDescriptor) -> tuple[int, Callable[[Any], bytes]]:
    if field.type == FieldDescriptor.TYPE_BYTES:
        return 2, _hex if field.name in _HEX_FIELDS else _base64
    if field.enum_type is not None:
        return 0, _enum(field.enum_type)
    return _SCALARS[field.type]


def _string(value: Any) -> bytes:
    if type(value) is not str:
        _refuse(value, "a string")
    try:
        content = value.encode()
    except UnicodeEncodeError as error:
        raise _FaultError(f"half of a surrogate pair at character {error.start}, text expected") from None
    return _varint(len(content)) + content


def _hex(value: Any) -> bytes:
    if type(value) is not str or not _HEX.fullmatch(value):
        _refuse(value, "hex digits")
    if len(value) % 2:  # half a byte: of a length that no id has, so that the item is refused and not misread
        value = f"0{value}" if len(value) in _ID_DIGITS_AND_ONE else value[:-1]
    content = bytes.fromhex(value)
    return _varint(len(content)) + content


def _base64(value: Any) -> bytes:
    if type(value) is not str:
        _refuse(value, "base64 text")
    try:
        standard = value.translate(_URL_SAFE).rstrip("=")
        content = b64decode(standard + "=" * (-len(standard) % 4), validate=True)
    except ValueError:
        _refuse(value, "base64 text")
    return _varint(len(content)) + content


def _bool(value: Any) -> bytes:
    if type(value) is not bool:
        _refuse(value, "true or false")
    return b"\1" if value else b"\0"


def _double(value: Any) -> bytes:
    if type(value) is str and value in _NAMED_DOUBLES:
        return struct.pack("<d", _NAMED_DOUBLES[value])
    if type(value) is str and _NUMBER.fullmatch(value):
        value = float(value)
    if type(value) not in {int, float}:
        _refuse(value, "a number")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if math.isinf(number):
        raise _FaultError("a number that a double holds expected")
    return struct.pack("<d", number)


def _integer(value: Any, low: int, high: int) -> int:
    if (type(value) is str and _INTEGER.fullmatch(value)) or (type(value) is float and value.is_integer()):
        value = int(value)
    if type(value) is not int:
        _refuse(value, "an integer")
    number: int = value
    if not low <= number <= high:
        raise _FaultError(f"an integer from {low} to {high} expected, not {str(number)[:40]}")
    return number


def _enum(descriptor: EnumDescriptor) -> Callable[[Any], bytes]:
    numbers = {name: value.number for name, value in descriptor.values_by_name.items()}

    def encode(value: Any) -> bytes:
        number = numbers.get(value, value) if type(value) is str else value
        return _varint(_integer(number, -(2**31), 2**31 - 1))

    return encode


def _varint(number: int) -> bytes:
    """A varint; a negative number as its two's complement in 64 bits."""
    if 0 <= number < 128:
        return _SHORT_VARINTS[number]
    rest = number & 0xFFFF_FFFF_FFFF_FFFF
    content = bytearray()
    while rest > 127:
        content.append(rest & 127 | 128)
        rest >>= 7
    content.append(rest)
    return bytes(content)


def _zigzag(number: int) -> bytes:
    return _varint(number << 1 if number >= 0 else (-number << 1) - 1)


def _varints(low: int, high: int, encode: Callable[[int], bytes] = _varint) -> tuple[int, Callable[[Any], bytes]]:
    return 0, lambda value: encode(_integer(value, low, high))


def _fixed(wire_type: int, form: str, low: int, high: int) -> tuple[int, Callable[[Any], bytes]]:
    pack = struct.Struct(form).pack
    return wire_type, lambda value: pack(_integer(value, low, high))


_SCALARS: Final = {
    FieldDescriptor.TYPE_STRING: (2, _string),
    FieldDescriptor.TYPE_BOOL: (0, _bool),
    FieldDescriptor.TYPE_DOUBLE: (1, _double),
    FieldDescriptor.TYPE_INT32: _varints(-(2**31), 2**31 - 1),
    FieldDescriptor.TYPE_INT64: _varints(-(2**63), 2**63 - 1),
    FieldDescriptor.TYPE_UINT32: _varints(0, 2**32 - 1),
    FieldDescriptor.TYPE_UINT64: _varints(0, 2**64 - 1),
    FieldDescriptor.TYPE_SINT32: _varints(-(2**31), 2**31 - 1, _zigzag),
    FieldDescriptor.TYPE_FIXED32: _fixed(5, "<I", 0, 2**32 - 1),
    FieldDescriptor.TYPE_FIXED64: _fixed(1, "<Q", 0, 2**64 - 1),
    FieldDescriptor.TYPE_SFIXED64: _fixed(1, "<q", -(2**63), 2**63 - 1),
}
