"""The protobuf wire format for kernels: varints, fields, and the 16-byte records of Arrow's string views.

Every function takes the buffer, where to read and where the enclosing message ends, and never reads past that end. A position of
UNUSUAL means that the bytes are not in the form that kernels take; the payload is then re-serialised by the protobuf runtime.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from ..compilation import Bytes, Int, intrinsic, part

UNUSUAL: Final = -1
FULL: Final = -2
"""An output array is too short; the caller comes again with longer ones."""

INLINE_BYTES: Final = 12
"""A view holds strings up to this length itself."""

_LOW32: Final = np.uint64(0xFFFFFFFF)
_ZERO: Final = np.uint64(0)


@intrinsic
def load_u64(_typing: Any, array: Any, _at: Any) -> Any:
    """Eight bytes of a uint8 array as a little-endian number, unaligned and unchecked: use load_word."""
    import numba  # noqa: PLC0415 - only a compiler comes here
    from llvmlite import ir  # noqa: PLC0415

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        data = context.make_array(signature.args[0])(context, builder, arguments[0]).data
        load = builder.load(builder.bitcast(builder.gep(data, [arguments[1]]), ir.IntType(64).as_pointer()))
        load.align = 1
        return load

    return numba.types.uint64(array, numba.types.int64), generate


@intrinsic
def store_u64(_typing: Any, array: Any, _at: Any, _value: Any) -> Any:
    """The opposite of load_u64: use store_word."""
    import numba  # noqa: PLC0415 - only a compiler comes here
    from llvmlite import ir  # noqa: PLC0415

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        data = context.make_array(signature.args[0])(context, builder, arguments[0]).data
        store = builder.store(arguments[2], builder.bitcast(builder.gep(data, [arguments[1]]), ir.IntType(64).as_pointer()))
        store.align = 1
        return context.get_dummy_value()

    return numba.types.void(array, numba.types.int64, numba.types.uint64), generate


@part
def load_word(source: Bytes, at: Int) -> Int:
    """Eight bytes as a little-endian number."""
    if at < 0 or at + 8 > len(source):
        raise IndexError("a kernel reads beyond its buffer")
    return load_u64(source, at)


@part
def store_word(out: Bytes, at: Int, word: Int) -> None:
    """Write eight bytes."""
    if at < 0 or at + 8 > len(out):
        raise IndexError("a kernel writes beyond its buffer")
    store_u64(out, at, word)


@part
def varint(wire: Bytes, at: Int, end: Int) -> tuple[Int, Int]:
    """A varint as int64 (its 64 bits), and where it ends."""
    if at >= end:
        return np.int64(0), np.int64(UNUSUAL)
    first = np.int64(wire[at])
    at += 1
    if first < 128:
        return first, at
    value = np.uint64(first & 127)
    shift = np.uint64(7)
    while at < end and shift < np.uint64(70):
        byte = np.uint64(wire[at])
        at += 1
        value |= (byte & np.uint64(127)) << shift
        if byte < np.uint64(128):
            return np.int64(value), at
        shift += np.uint64(7)
    return np.int64(0), np.int64(UNUSUAL)


@part
def delimited(wire: Bytes, at: Int, end: Int) -> tuple[Int, Int]:
    """Where the content of a length-delimited field begins and ends."""
    length, at = varint(wire, at, end)
    if at < 0 or length < 0 or length > end - at:
        return np.int64(0), np.int64(UNUSUAL)
    return at, at + length


@part
def skipped(wire: Bytes, at: Int, end: Int, wire_type: Int) -> Int:
    """Where a field that nobody reads ends; groups are UNUSUAL."""
    if wire_type == 0:
        _, at = varint(wire, at, end)
        return at
    if wire_type == 1:
        at += 8
    elif wire_type == 5:
        at += 4
    elif wire_type == 2:
        _, at = delimited(wire, at, end)
        return at
    else:
        return np.int64(UNUSUAL)
    return at if at <= end else np.int64(UNUSUAL)


@part
def fixed64(wire: Bytes, at: Int, end: Int) -> tuple[Int, Int]:
    """A fixed64 or double as the int64 of its bits, and where it ends."""
    if end - at < 8:
        return np.int64(0), np.int64(UNUSUAL)
    return np.int64(load_word(wire, at)), at + 8


@part
def fixed32(wire: Bytes, at: Int, end: Int) -> tuple[Int, Int]:
    """A fixed32 as int64, and where it ends."""
    if end - at < 4:
        return np.int64(0), np.int64(UNUSUAL)
    low = np.int64(wire[at]) | np.int64(wire[at + 1]) << 8 | np.int64(wire[at + 2]) << 16 | np.int64(wire[at + 3]) << 24
    return low, at + 4


@part
def signed32(value: Int) -> Int:
    """An int32 or enum: protobuf keeps the low 32 bits of what was sent."""
    return ((value & 0xFFFFFFFF) ^ 0x80000000) - 0x80000000


@part
def load_tail(source: Bytes, at: Int, length: Int) -> Int:
    """The 0 to 8 bytes at `at` as a little-endian number, zeros above; reads nothing outside of `source`."""
    if length <= 0:
        return _ZERO
    if 0 <= at <= len(source) - 8:
        word = load_u64(source, at)
        return word if length >= 8 else word & ((np.uint64(1) << np.uint64(8 * length)) - np.uint64(1))
    word = _ZERO
    for i in range(min(length, 8)):
        word |= np.uint64(source[at + i]) << np.uint64(8 * i)
    return word


@part
def view_of(source: Bytes, at: Int, length: Int, buffer: Int) -> tuple[Int, Int]:
    """The record of Arrow's string view for these bytes, as two uint64: the bytes themselves up to 12, else prefix, buffer and offset."""
    if length <= INLINE_BYTES:
        prefix = load_tail(source, at, min(length, 4))
        return np.uint64(length) | prefix << np.uint64(32), load_tail(source, at + 4, length - 4)
    prefix = load_word(source, at) & _LOW32
    return np.uint64(length) | prefix << np.uint64(32), np.uint64(buffer) | np.uint64(at) << np.uint64(32)


@part
def hash_of(source: Bytes, at: Int, length: Int) -> Int:
    """A hash of a key's or an address' bytes, 8 at a time."""
    word = np.uint64(length) * np.uint64(0x9E3779B97F4A7C15)
    i = np.int64(0)
    while i < length:
        word = (word ^ load_tail(source, at + i, length - i)) * np.uint64(0xD6E8FEB86659FD93)
        word ^= word >> np.uint64(32)
        i += 8
    return word


@part
def equal(left: Bytes, left_at: Int, right: Bytes, right_at: Int, length: Int) -> bool:
    """Whether two stretches of bytes are the same."""
    i = np.int64(0)
    while i < length:
        if load_tail(left, left_at + i, length - i) != load_tail(right, right_at + i, length - i):
            return False
        i += 8
    return True
