"""Long requests in pieces: parsed a message may take eighty times its bytes, so the protobuf runtime is given few of them at a time.

An empty span takes 2 bytes on the wire and 170 parsed (times its bytes, measured: spans 85, points 28 to 59, events 28, attributes 20). Any
run of whole fields of a message is such a message itself. So an envelope that is long is entered, and its fields are handed out in runs,
each in envelopes of its own, so that nesting counts as in the whole. A field that is long by itself is one piece, once the messages in it
are counted. What is no protobuf goes to the runtime as it is, which stops where the walk has stopped.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, cast

from google.protobuf.descriptor import Descriptor

from ..signals import Signal, TooDenseError
from .messages import SHAPES

PIECE_BYTES: Final = 262_144
"""Parsed 22 MB at most, where it is not one long field."""

_MANY_PARTS: Final = 2_000_000
"""Messages that any request may hold in its envelopes, and in one long field: parsed 240 MB. 64 MiB of plain spans are 160,000."""

_LEAST_PART_BYTES: Final = 8
"""What a message takes on average where there are more: parsed fifteen times that, of 64 MiB 1 GB. Attributes of SDKs have 12 and more."""

_TAG_BYTES: Final = 5
_LENGTH, _GROUP, _END_GROUP = 2, 3, 4
_FIXED: Final = {1: 8, 5: 4}


@dataclass(frozen=True, slots=True)
class Piece:
    """A run of whole fields in the envelopes that they lie in: `content` is a request, and the run begins at a byte of the whole one."""

    content: bytes
    at: int


def pieces(signal: Signal, payload: bytes) -> Iterator[Piece]:
    """A request as several, in the order of its bytes, none left out.

    Raises:
        TooDenseError: it holds more messages than anybody sends.
    """
    shape = SHAPES[signal]
    return _Walk(payload).runs(cast("Descriptor", shape.request.DESCRIPTOR), 0, len(payload), (shape.resources, shape.scopes), ())


@dataclass(slots=True)
class _Walk:
    """One walk over a payload, with the messages seen so far."""

    data: bytes
    seen: int = 0

    def runs(self, message: Descriptor, start: int, end: int, envelopes: tuple[str, ...], within: tuple[int, ...]) -> Iterator[Piece]:
        """The fields between two bytes, of a message below which those envelopes lie, within envelopes of those field numbers."""
        begin = start
        for number, position, content, after in _fields(self.data, start, end):
            self._count(1)
            if after - begin <= PIECE_BYTES:
                continue
            if begin < position:
                yield self._piece(begin, position, within)
                begin = position
            if after - position > PIECE_BYTES:
                field = message.fields_by_number.get(number)
                if field is not None and envelopes and field.name == envelopes[0]:
                    yield from self.runs(field.message_type, content, after, envelopes[1:], (*within, number))
                else:
                    if field is not None and field.message_type is not None:
                        _Walk(self.data).count(field.message_type, content, after)
                    yield self._piece(position, after, within)
                begin = after
        if begin < end:
            yield self._piece(begin, end, within)

    def _piece(self, start: int, end: int, within: tuple[int, ...]) -> Piece:
        heads = b""
        for number in reversed(within):
            heads = bytes([number << 3 | _LENGTH]) + _as_varint(len(heads) + end - start) + heads
        return Piece(b"".join([heads, memoryview(self.data)[start:end]]), start)

    def count(self, message: Descriptor, start: int, end: int) -> None:
        """See that there are not too many messages between two bytes of a message."""
        for number, _, content, after in _fields(self.data, start, end):
            field = message.fields_by_number.get(number)
            if field is not None and field.message_type is not None:
                self._count(1)
                self.count(field.message_type, content, after)

    def _count(self, more: int) -> None:
        self.seen += more
        if self.seen > _MANY_PARTS and self.seen > len(self.data) // _LEAST_PART_BYTES:
            raise TooDenseError(f"the request holds more than {self.seen - 1} messages in {len(self.data)} bytes; send fewer at a time")


def _fields(data: bytes, start: int, end: int) -> Iterator[tuple[int, int, int, int]]:
    """Of each length-delimited field outside of groups: its number, where it begins, where its content does, and where it ends.

    Ends early where the bytes are no fields.
    """
    position, groups = start, 0
    while position < end:
        tag, content = _varint(data, position, end)
        if content - position > _TAG_BYTES:
            return
        wire_type = tag & 7
        if wire_type == _LENGTH:
            length, content = _varint(data, content, end)
            after = content + length
        elif wire_type in _FIXED:
            after = content + _FIXED[wire_type]
        elif wire_type == 0:
            _, after = _varint(data, content, end)
        elif wire_type in {_GROUP, _END_GROUP}:
            groups += 1 if wire_type == _GROUP else -1
            after = content
        else:
            return
        if after > end or groups < 0:
            return
        if wire_type == _LENGTH and not groups:
            yield tag >> 3, position, content, after
        position = after


def _varint(data: bytes, position: int, end: int) -> tuple[int, int]:
    """A varint and where it ends; beyond `end` where it is cut off or too long."""
    value = 0
    for shift in range(0, 70, 7):
        if position >= end:
            break
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
    return value, end + 1


def _as_varint(value: int) -> bytes:
    length = b""
    while value > 127:
        length += bytes([value & 127 | 128])
        value >>= 7
    return length + bytes([value])
