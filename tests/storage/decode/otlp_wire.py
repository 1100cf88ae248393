"""Strategy for the liberties that the protobuf wire format leaves: unusual but legal bytes of a message, for the decoders' tests."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from google.protobuf.descriptor import Descriptor
from google.protobuf.message import DecodeError, Message
from hypothesis import strategies as st

_VARINT, _FIXED64, _LENGTH, _GROUP, _END_GROUP, _FIXED32 = range(6)


@dataclass(frozen=True)
class _Field:
    """A field of a message: its number, wire type and bytes (a length-delimited one's without the length)."""

    number: int
    wire_type: int
    content: bytes


@st.composite
def rewired(draw: st.DrawFn, message: Message) -> bytes:
    """A message's bytes with fields out of order, repeated, split, unknown, unpacked, and numbers longer than need be.

    What the bytes mean may differ from `message`: the runtime is the judge of that, and reads them without an error.
    """
    canonical = message.SerializeToString()
    wire = _Rewiring(draw).message(message.DESCRIPTOR, canonical)
    try:
        type(message).FromString(wire)
    except DecodeError:
        return canonical
    return wire


class _Rewiring:
    """Rewrites one message; most fields stay as they are, so that several liberties meet in readable examples."""

    def __init__(self, draw: st.DrawFn) -> None:
        self._draw = draw

    def message(self, descriptor: Descriptor, data: bytes) -> bytes:
        fields = [self._inside(descriptor, field) for field in _fields(data)]
        liberty = self._draw(st.sampled_from(["none", "none", "shuffle", "repeat", "split", "unknown", "unpack", "wrong type"]))
        changed = {
            "shuffle": lambda: self._draw(st.permutations(fields)),
            "repeat": lambda: [*self._some(fields), *fields],
            "split": lambda: self._split(descriptor, fields),
            "unknown": lambda: self._with_unknown(fields),
            "unpack": lambda: _unpacked(descriptor, fields),
            "wrong type": lambda: [*fields, _Field(self._draw(st.integers(1, 16)), _VARINT, b"\x05")],
        }.get(liberty, lambda: fields)()
        return b"".join(self._written(field) for field in changed)

    def _inside(self, descriptor: Descriptor, field: _Field) -> _Field:
        known = descriptor.fields_by_number.get(field.number)
        if known is None or known.message_type is None or field.wire_type != _LENGTH:
            return field
        return _Field(field.number, _LENGTH, self.message(known.message_type, field.content))

    def _some(self, fields: list[_Field]) -> list[_Field]:
        return [self._draw(st.sampled_from(fields))] if fields else []

    def _split(self, descriptor: Descriptor, fields: list[_Field]) -> list[_Field]:
        """Every message field in two parts, which the runtime merges where it is a singular one."""
        parts = []
        for field in fields:
            known = descriptor.fields_by_number.get(field.number)
            inner = _fields(field.content) if known is not None and known.message_type is not None and not known.is_repeated else []
            cut = self._draw(st.integers(0, len(inner))) if inner else 0
            halves = [b"".join(_written(part) for part in half) for half in (inner[:cut], inner[cut:])] if inner else [field.content]
            parts += [_Field(field.number, field.wire_type, half) for half in halves]
        return parts

    def _with_unknown(self, fields: list[_Field]) -> list[_Field]:
        unknown = st.sampled_from(
            [
                _Field(99, _VARINT, b"\x01"),
                _Field(99, _FIXED64, b"\x0a" * 8),
                _Field(99, _LENGTH, b"\xff\x0a"),
                _Field(99, _FIXED32, b"\x0a" * 4),
                _Field(99, _GROUP, b"\x0a\x01a" + b"\x9b\x06\x9c\x06" + b"\x9c\x06"),  # a group with a string and an empty group in it
                _Field(2**29 - 1, _VARINT, b"\x00"),
            ]
        )
        at = self._draw(st.integers(0, len(fields)))
        return [*fields[:at], self._draw(unknown), *fields[at:]]

    def _written(self, field: _Field) -> bytes:
        return _written(field, self._draw(st.sampled_from([0, 0, 0, 0, 0, 0, 1, 2])))


def _written(field: _Field, longer: int = 0) -> bytes:
    tag = _varint(field.number << 3 | field.wire_type, longer)
    if field.wire_type == _LENGTH:
        return tag + _varint(len(field.content), longer) + field.content
    if field.wire_type == _VARINT and longer and len(field.content) + longer <= 10:
        return tag + bytes([*field.content[:-1], field.content[-1] | 0x80]) + b"\x80" * (longer - 1) + b"\x00"
    return tag + field.content


def _unpacked(descriptor: Descriptor, fields: list[_Field]) -> list[_Field]:
    """Packed repeated numbers one by one, as proto2 senders wrote them."""
    spread = []
    for field in fields:
        known: Any = descriptor.fields_by_number.get(field.number)
        packed = known is not None and known.is_repeated and known.message_type is None and known.type != known.TYPE_STRING
        if not packed or field.wire_type != _LENGTH:
            spread.append(field)
        elif known.type == known.TYPE_UINT64:
            spread += [_Field(field.number, _VARINT, _varint(number)) for number in _varints(field.content)]
        else:
            content = field.content
            spread += [_Field(field.number, _FIXED64, content[at : at + 8]) for at in range(0, len(content), 8)]
    return spread


def _varints(content: bytes) -> list[int]:
    numbers, position = [], 0
    while position < len(content):
        number, position = _read_varint(content, position)
        numbers.append(number)
    return numbers


def _fields(data: bytes) -> list[_Field]:
    """The fields of canonical bytes, or of our own without groups."""
    fields, position = [], 0
    while position < len(data):
        tag, begin = _read_varint(data, position)
        wire_type = tag & 7
        if wire_type == _VARINT:
            end = _read_varint(data, begin)[1]
        elif wire_type == _LENGTH:
            length, begin = _read_varint(data, begin)
            end = begin + length
        elif wire_type == _GROUP:
            end = data.index(b"\x9c\x06\x9c\x06", begin) + 4
        else:
            end = begin + (8 if wire_type == _FIXED64 else 4)
        fields.append(_Field(tag >> 3, wire_type, data[begin:end]))
        position = end
    return fields


def _read_varint(data: bytes, position: int) -> tuple[int, int]:
    number = shift = 0
    while True:
        byte = data[position]
        number |= (byte & 127) << shift
        position, shift = position + 1, shift + 7
        if byte < 128:
            return number, position


def _varint(number: int, longer: int = 0) -> bytes:
    content = bytearray()
    while number > 127:
        content.append(number & 127 | 128)
        number >>= 7
    content.append(number)
    if longer and len(content) + longer <= 5:
        content[-1] |= 128
        content += b"\x80" * (longer - 1) + b"\x00"
    return bytes(content)
