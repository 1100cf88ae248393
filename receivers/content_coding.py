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


class Decoder(Protocol):
    """What zlib and zstandard have in common: one compressed stream, fed in pieces."""

    @property
    def eof(self) -> bool:
        """Whether the stream is at its end."""
        ...

    @property
    def unused_data(self) -> bytes:
        """What was fed beyond that end."""
        ...

    def decompress(self, data: bytes | memoryview, /) -> bytes:
        """What the next piece gives."""
        ...


def gzip_decoder() -> Decoder:
    """A decoder of one gzip stream."""
    return zlib.decompressobj(wbits=31)


def zstd_decoder(max_window_bytes: int = _LARGEST_ZSTD_WINDOW) -> Decoder:
    """A decoder of one zstd frame."""
    decoder: Decoder = zstandard.ZstdDecompressor(max_window_size=max_window_bytes).decompressobj()
    return decoder


def _deflate_decoder(body: bytes) -> Decoder:
    """RFC 9110 means the zlib format by `deflate`; some senders leave its two bytes of header out."""
    zlib_header = len(body) > 1 and body[0] & 0x0F == zlib.DEFLATED and int.from_bytes(body[:2], "big") % 31 == 0
    return zlib.decompressobj(wbits=15 if zlib_header else -15)


_DECODERS: Final[dict[str, Callable[[bytes], Decoder]]] = {
    "gzip": lambda _body: gzip_decoder(),
    "deflate": _deflate_decoder,
    "zstd": lambda _body: zstd_decoder(),
}
_ALIASES: Final = {"x-gzip": "gzip"}  # RFC 9110, section 8.4.1.3
SLICE_BYTES: Final = {"gzip": 16_384, "deflate": 16_384, "zstd": 512}
"""What a decoder is fed at once. A slice gives at most 16 MiB (deflate expands up to 1,032 times, a zstd block of 4 bytes to 128 KiB),
so that a bomb is stopped after that much more than is allowed."""
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
    name = _ALIASES.get(name, name)
    if name not in _DECODERS:
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
    decoder_for, slice_bytes = _DECODERS[coding], SLICE_BYTES[coding]
    rest, pieces, length, members = memoryview(body), [], 0, 0
    while rest:
        members += 1
        if members > _MOST_MEMBERS:
            raise UndecodableError(f"the body is {coding} of more than {_MOST_MEMBERS} concatenated streams")
        decoder = decoder_for(body)
        while not decoder.eof:
            if not rest:
                raise UndecodableError(f"the body is {coding} and ends in the middle")
            piece = fed(coding, decoder, rest[:slice_bytes])
            rest = rest[slice_bytes:]
            length += len(piece)
            if length > max_bytes:
                raise too_large(max_bytes, "decompressed ")
            reserve(len(piece))
            pieces.append(piece)
        consumed = len(body) - len(rest) - len(decoder.unused_data)
        rest = memoryview(body)[consumed:]
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)


def fed(coding: str, decoder: Decoder, data: bytes | memoryview) -> bytes:
    """What a decoder gives for the next piece.

    Raises:
        UndecodableError: the bytes are not of that coding.
    """
    try:
        return decoder.decompress(data)
    except (zlib.error, zstandard.ZstdError) as error:
        raise UndecodableError(f"not {coding}: {error}") from error


def too_large(max_bytes: int, what: str = "") -> RefusedError:
    """The refusal of a body over the limit."""
    return RefusedError(Kind.TOO_LARGE, f"the {what}body is larger than {max_bytes} bytes; send smaller batches")
