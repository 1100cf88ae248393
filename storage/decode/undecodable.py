"""Where a payload breaks the protobuf wire format, in words for the sender; asked only after the runtime has refused it.

The runtime says no more than "error parsing". So the fields are walked here: each submessage is handed to the runtime alone, and only
the first that it refuses is entered. The walk gives up after so many fields and bytes, so that a hostile payload costs little.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Final, cast

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import DecodeError, Message
from google.protobuf.message_factory import GetMessageClass

_MOST_FIELDS: Final = 100_000
_MOST_BYTES: Final = 256 * 1024 * 1024  # parsed again below, each level of nesting counted: about 0.3 s
_VARINT, _FIXED64, _LENGTH, _GROUP, _END_GROUP, _FIXED32 = range(6)


def first_fault(message: type[Message], payload: bytes) -> str:
    """What is wrong with a payload that is no such message, and where."""
    try:
        _Walk().message(cast("Descriptor", message.DESCRIPTOR), payload, "")
    except _FaultError as fault:
        return str(fault)
    return f"not a valid {message.DESCRIPTOR.name} message"


def too_deep(error: DecodeError) -> bool:
    """Whether the runtime refused a payload for its nesting alone; in upb's words, the only runtime with wheels for Python."""
    return "MaxDepth" in str(error)


class _FaultError(Exception):
    """The first fault, as the sender reads it."""


@dataclass(slots=True)
class _Walk:
    """One walk over a payload, with the fields seen and the bytes parsed so far."""

    fields: int = 0
    parsed: int = 0

    def message(self, descriptor: Descriptor, data: bytes, path: str) -> None:
        seen: Counter[str] = Counter()
        position = 0
        groups: list[int] = []
        while position < len(data):
            self.fields += 1
            if self.fields > _MOST_FIELDS or self.parsed > _MOST_BYTES:
                raise _FaultError(f"not a valid {descriptor.name} message{_at(path)}")
            tag, position = _varint(data, position, path)
            number, wire_type = tag >> 3, tag & 7
            if number == 0:
                raise _FaultError(f"field number 0 in {descriptor.name}{_at(path)}")
            if wire_type == _GROUP:
                groups.append(number)
            elif wire_type == _END_GROUP:
                if not groups or groups.pop() != number:
                    raise _FaultError(f"a group ends that never began in {descriptor.name}{_at(path)}")
            else:
                value, position = _field_end(data, position, wire_type, path or descriptor.name)
                field = descriptor.fields_by_number.get(number)
                if field is not None and wire_type == _LENGTH and not groups:
                    self._member(field, value, _member_path(path, field, seen))
        if groups:
            raise _FaultError(f"a group is cut off in {descriptor.name}{_at(path)}")

    def _member(self, field: FieldDescriptor, value: bytes, path: str) -> None:
        if field.type == FieldDescriptor.TYPE_STRING:
            try:
                value.decode()
            except UnicodeDecodeError as error:
                raise _FaultError(f"{path} is not valid UTF-8: {error.reason} at byte {error.start}") from error
        elif field.message_type is not None:
            self.parsed += len(value)
            try:
                GetMessageClass(field.message_type).FromString(value)
            except DecodeError:
                self.message(field.message_type, value, path)
                raise _FaultError(f"{path} is not a valid {field.message_type.name}") from None


def _member_path(path: str, field: FieldDescriptor, seen: Counter[str]) -> str:
    name = f"{path}.{field.name}" if path else field.name
    if not field.is_repeated:
        return name
    seen[field.name] += 1
    return f"{name}[{seen[field.name] - 1}]"


def _field_end(data: bytes, position: int, wire_type: int, path: str) -> tuple[bytes, int]:
    """A field's bytes (of a length-delimited one) and where the next begins."""
    if wire_type == _VARINT:
        return b"", _varint(data, position, path)[1]
    if wire_type == _LENGTH:
        length, position = _varint(data, position, path)
    elif wire_type in {_FIXED64, _FIXED32}:
        length = 8 if wire_type == _FIXED64 else 4
    else:
        raise _FaultError(f"wire type {wire_type} does not exist{_at(path)}, byte {position}")
    end = position + length
    if end > len(data):
        raise _FaultError(f"a field of {length} bytes is cut off after {len(data) - position}{_at(path)}")
    return data[position:end] if wire_type == _LENGTH else b"", end


def _varint(data: bytes, position: int, path: str) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if position >= len(data):
            raise _FaultError(f"a number is cut off at the end{_at(path)}")
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
    raise _FaultError(f"a number has more than 10 bytes{_at(path)}")


def _at(path: str) -> str:
    return f" in {path}" if path else ""
