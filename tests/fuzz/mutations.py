"""Changes to inputs that keep them readable: what is inside a protobuf message is changed, and all lengths around it are put right."""

from __future__ import annotations

import random
from collections.abc import Callable

Change = Callable[[bytes], bytes]

_LENGTH = 2
_DEEPEST = 12
_Field = tuple[bytes, bytes, bool]
"""Tag, content, and whether a length stands between them."""


def changed_message(message: bytes, change: Change, chance: random.Random, depth: int = 0) -> bytes:
    """The message with one place changed: a field's content, a field left out, doubled, moved, put into another, or its tag."""
    fields = _fields(message)
    if not fields or depth > _DEEPEST or chance.random() < 0.03:
        return change(message)
    at = chance.randrange(len(fields))
    tag, content, framed = fields[at]
    kind = chance.random()
    if kind < 0.8:
        inner = changed_message(content, change, chance, depth + 1) if framed and _fields(content) else change(content)
        fields[at] = (tag, inner, framed)
    elif kind < 0.85:
        del fields[at]
    elif kind < 0.9:
        fields.insert(chance.randrange(len(fields) + 1), fields[at])
    elif kind < 0.95:
        fields.append(fields.pop(at))
    else:
        fields[at] = (change(tag)[:5] or tag, content, framed)
    return b"".join(tag + _varint(len(content)) + content if framed else tag + content for tag, content, framed in fields)


def changed_bytes(chance: random.Random) -> Change:
    """A small change of any bytes, where no fuzzer brings its own."""

    def change(data: bytes) -> bytes:
        at = chance.randrange(len(data) + 1)
        end = min(len(data), at + chance.choice((0, 1, 1, 2, 8)))
        insert = chance.choice((b"", bytes([chance.randrange(256)]), data[:8], b"\xff" * 10, b"\x80", b'"', b"{", b"0"))
        return data[:at] + insert + data[end:]

    return change


def _fields(message: bytes) -> list[_Field]:
    """The fields of a message without groups; none where it is none."""
    fields: list[_Field] = []
    position = 0
    while position < len(message):
        begin = position
        tag, position = _read_varint(message, position)
        content_at, length = position, 0
        match tag & 7:
            case 0:
                _, end = _read_varint(message, position)
            case 1:
                end = position + 8
            case 2:
                length, content_at = _read_varint(message, position)
                end = content_at + length
            case 5:
                end = position + 4
            case _:
                return []
        if tag < 8 or end > len(message) or end < 0:
            return []
        fields.append((message[begin:position], message[content_at:end], tag & 7 == _LENGTH))
        position = end
    return fields


def _read_varint(data: bytes, position: int) -> tuple[int, int]:
    """A number and where it ends; beyond all data where it does not end."""
    number = 0
    for index, byte in enumerate(data[position : position + 10]):
        number |= (byte & 127) << 7 * index
        if byte < 128:
            return number, position + index + 1
    return 0, len(data) + 1


def _varint(number: int) -> bytes:
    content = bytearray()
    while number > 127:
        content.append(number & 127 | 128)
        number >>= 7
    content.append(number)
    return bytes(content)
