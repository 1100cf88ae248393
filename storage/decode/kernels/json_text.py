"""JSON text for kernels, in the one form that columns.py describes: each function writes at `at` and gives where it ended.

The caller sized `out` for the worst case (see `room` in origins.py), 8 bytes of slack included: words are stored whole.
"""

# ruff: noqa: PLR1714 - a kernel is a loop over a message's fields, by plain arguments and comparisons

from __future__ import annotations

from typing import Final

import numpy as np

from ..compilation import Bytes, Int, part
from .wire import load_tail, load_word, store_word

_HEX: Final = np.frombuffer(b"0123456789abcdef", np.uint8)
_BASE64: Final = np.frombuffer(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", np.uint8)
_SHORT_ESCAPES: Final = np.array([ord({8: "b", 9: "t", 10: "n", 12: "f", 13: "r"}.get(i, "\0")) for i in range(32)], np.uint8)
_ONES: Final = np.uint64(0x0101010101010101)
_HIGHS: Final = np.uint64(0x8080808080808080)
_BLANKS: Final = np.uint64(0x2020202020202020)
_QUOTES: Final = np.uint64(0x2222222222222222)
_BACKSLASHES: Final = np.uint64(0x5C5C5C5C5C5C5C5C)


@part
def _needs_escape(word: Int) -> bool:
    """Whether one of eight bytes is a control character, a quote or a backslash."""
    quotes = word ^ _QUOTES
    backslashes = word ^ _BACKSLASHES
    controls = (word - _BLANKS) & ~word
    found: bool = ((controls | ((quotes - _ONES) & ~quotes) | ((backslashes - _ONES) & ~backslashes)) & _HIGHS) != np.uint64(0)
    return found


@part
def _escaped_byte(byte: Int, out: Bytes, at: Int) -> Int:
    if byte == 34 or byte == 92:
        out[at] = 92
        out[at + 1] = byte
        return at + 2
    if byte >= 32:
        out[at] = byte
        return at + 1
    out[at] = 92
    if _SHORT_ESCAPES[byte] != 0:
        out[at + 1] = _SHORT_ESCAPES[byte]
        return at + 2
    out[at + 1] = 117
    out[at + 2] = 48
    out[at + 3] = 48
    out[at + 4] = _HEX[byte >> 4]
    out[at + 5] = _HEX[byte & 15]
    return at + 6


@part
def string(source: Bytes, start: Int, length: Int, out: Bytes, at: Int) -> Int:
    """A string with its quotes, from UTF-8."""
    out[at] = 34
    at += 1
    i = np.int64(0)
    while i < length:
        left = length - i
        word = load_word(source, start + i) if left >= 8 else load_tail(source, start + i, left) | _padding(left)
        if _needs_escape(word):
            for j in range(i, min(i + 8, length)):
                at = _escaped_byte(source[start + j], out, at)
        else:
            store_word(out, at, word)
            at += min(left, 8)
        i += 8
    out[at] = 34
    return at + 1


@part
def _padding(length: Int) -> Int:
    """Blanks above the `length` lowest bytes, so that what lies there needs no escape."""
    return _BLANKS << np.uint64(8 * length)


@part
def raw(source: Bytes, start: Int, length: Int, out: Bytes, at: Int) -> Int:
    """Bytes as they are."""
    i = np.int64(0)
    while i < length:
        store_word(out, at + i, load_tail(source, start + i, length - i))
        i += 8
    return at + length


@part
def integer(value: Int, out: Bytes, at: Int) -> Int:
    """An int64 in decimal digits."""
    if value >= 0:
        return unsigned(np.uint64(value), out, at)
    out[at] = 45
    return unsigned(np.uint64(0) - np.uint64(value), out, at + 1)


@part
def unsigned(value: Int, out: Bytes, at: Int) -> Int:
    """A uint64 in decimal digits."""
    digits = np.int64(1)
    rest = value // np.uint64(10)
    while rest != np.uint64(0):
        digits += 1
        rest //= np.uint64(10)
    for i in range(digits):
        quotient = value // np.uint64(10)
        out[at + digits - 1 - i] = np.uint8(48) + np.uint8(value - quotient * np.uint64(10))
        value = quotient
    return at + digits


@part
def base64(source: Bytes, start: Int, length: Int, out: Bytes, at: Int) -> Int:
    """Bytes in base64 with padding."""
    i = np.int64(0)
    while i < length:
        left = length - i
        triple = np.int64(source[start + i]) << 16
        if left > 1:
            triple |= np.int64(source[start + i + 1]) << 8
        if left > 2:
            triple |= np.int64(source[start + i + 2])
        out[at] = _BASE64[triple >> 18]
        out[at + 1] = _BASE64[(triple >> 12) & 63]
        out[at + 2] = _BASE64[(triple >> 6) & 63] if left > 1 else np.uint8(61)
        out[at + 3] = _BASE64[triple & 63] if left > 2 else np.uint8(61)
        at += 4
        i += 3
    return at


@part
def hexadecimal(source: Bytes, start: Int, length: Int, out: Bytes, at: Int) -> Int:
    """Bytes as lower-case hex digits."""
    for i in range(length):
        byte = source[start + i]
        out[at + 2 * i] = _HEX[byte >> 4]
        out[at + 2 * i + 1] = _HEX[byte & 15]
    return at + 2 * length
