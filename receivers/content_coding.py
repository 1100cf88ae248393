"""Content codings of a body: bytes as they came over the wire to the bytes that were meant, never more than is allowed; pure."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import Final, Protocol

import zstandard

from ..storage.signals import UndecodableError
from .refusals import Kind, RefusedError

_MOST_MEMBERS: Final = 4096  # each of a body's concatenated streams costs a decoder: 64 MiB could hold three million empty ones
_LARGEST_ZSTD_WINDOW: Final = 8 * 1024 * 1024  # RFC 9659: what the content coding zstd allows


class _Decoder(Protocol):
    @property
    def eof(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: memoryview, /) -> bytes: ...


def _gzip(_body: bytes) -> _Decoder:
    return zlib.decompressobj(wbits=31)


def _deflate(body: bytes) -> _Decoder:
    """RFC 9110 means the zlib format by `deflate`; some senders leave its two bytes of header out."""
    zlib_header = len(body) > 1 and body[0] & 0x0F == zlib.DEFLATED and int.from_bytes(body[:2], "big") % 31 == 0
    return zlib.decompressobj(wbits=15 if zlib_header else -15)


def _zstd(_body: bytes) -> _Decoder:
    decoder: _Decoder = zstandard.ZstdDecompressor(max_window_size=_LARGEST_ZSTD_WINDOW).decompressobj()
    return decoder


# With each the size of the slices it is fed: one slice gives at most 16 MiB (deflate expands up to 1,032 times, a zstd block of 4
# bytes to 128 KiB), so that a bomb is stopped after that much more than is allowed.
_CODINGS: Final[dict[str, tuple[Callable[[bytes], _Decoder], int]]] = {
    "gzip": (_gzip, 16_384),
    "x-gzip": (_gzip, 16_384),
    "deflate": (_deflate, 16_384),
    "zstd": (_zstd, 512),
}
ACCEPTED: Final = "gzip, deflate, zstd"
"""The codings by name, as `Accept-Encoding` of a refusal says them."""


def known_coding(header: str) -> str | None:
    """The coding that a `Content-Encoding` names, None where the body is as it is.

    Raises:
        RefusedError: none that we know.
    """
    name = header.strip().lower()
    if name in ("", "identity"):
        return None
    if name not in _CODINGS:
        wanted = f"Content-Encoding {header!r} is not supported; use one of {ACCEPTED}, or none"
        raise RefusedError(Kind.UNSUPPORTED_MEDIA, wanted, headers={"accept-encoding": ACCEPTED})
    return name


def decompress(coding: str, body: bytes, *, max_bytes: int, reserve: Callable[[int], None]) -> bytes:
    """Undo a content coding.

    Args:
        coding: what `known_coding` gave.
        body: the whole body as it came.
        max_bytes: how long the result may be.
        reserve: called with each number of bytes by which the result grows, before they are kept; may raise.

    Raises:
        UndecodableError: the body is not of that coding, or is cut off.
        RefusedError: the result would be too large.
    """
    decoder_for, slice_bytes = _CODINGS[coding]
    rest, pieces, length, members = memoryview(body), [], 0, 0
    while rest:
        members += 1
        if members > _MOST_MEMBERS:
            raise UndecodableError(f"the body is {coding} of more than {_MOST_MEMBERS} concatenated streams")
        decoder = decoder_for(body)
        while not decoder.eof:
            if not rest:
                raise UndecodableError(f"the body is {coding} and ends in the middle")
            fed, rest = rest[:slice_bytes], rest[slice_bytes:]
            piece = _fed(coding, decoder, fed)
            length += len(piece)
            if length > max_bytes:
                raise too_large(max_bytes, "decompressed ")
            reserve(len(piece))
            pieces.append(piece)
        consumed = len(body) - len(rest) - len(decoder.unused_data)
        rest = memoryview(body)[consumed:]
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)


def _fed(coding: str, decoder: _Decoder, data: memoryview) -> bytes:
    try:
        return decoder.decompress(data)
    except (zlib.error, zstandard.ZstdError) as error:
        raise UndecodableError(f"the body is not {coding}: {error}") from error


def too_large(max_bytes: int, what: str = "") -> RefusedError:
    """The refusal of a body over the limit."""
    return RefusedError(Kind.TOO_LARGE, f"the {what}body is larger than {max_bytes} bytes; send smaller batches")
