"""A file's bytes as they were before gzip or zstd, told from the file's first bytes; for the reader of OTLP files."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import BinaryIO, Final

from ..storage.signals import UndecodableError
from .content_coding import SLICE_BYTES, Decoder, fed, gzip_decoder, zstd_decoder

GZIP_MAGIC: Final = b"\x1f\x8b"
ZSTD_MAGIC: Final = b"\x28\xb5\x2f\xfd"
_LARGEST_ZSTD_WINDOW: Final = 128 * 1024 * 1024  # what the zstd command reads without being asked for more


def open_decompressed(file: io.BufferedReader) -> io.BufferedReader:
    """The file itself, or a reader of what it was before compression.

    Reading raises UndecodableError where the compressed bytes are broken or end in the middle.
    """
    magic = file.peek(4)[:4]
    if magic.startswith(GZIP_MAGIC):
        return io.BufferedReader(_Decompressed(file, "gzip", gzip_decoder))
    if magic == ZSTD_MAGIC:
        return io.BufferedReader(_Decompressed(file, "zstd", lambda: zstd_decoder(_LARGEST_ZSTD_WINDOW)))
    return file


class _Decompressed(io.RawIOBase):
    """Concatenated compressed streams as one; a slice of the file at a time, so that memory stays small."""

    def __init__(self, file: BinaryIO, coding: str, new_decoder: Callable[[], Decoder]) -> None:
        self._file = file
        self._coding = coding
        self._new_decoder = new_decoder
        self._decoder: Decoder | None = None
        self._unread = b""
        self._ready = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview, /) -> int:  # type: ignore[override]  # typeshed's buffer has no length
        """As io.RawIOBase."""
        while not self._ready:
            if not self._refill():
                return 0
        count = min(len(buffer), len(self._ready))
        buffer[:count] = self._ready[:count]
        self._ready = self._ready[count:]
        return count

    def _refill(self) -> bool:
        data = self._unread or self._file.read(SLICE_BYTES[self._coding])
        if not data:
            if self._decoder is not None:
                raise UndecodableError(f"the file is {self._coding} and ends in the middle")
            return False
        decoder = self._decoder or self._new_decoder()
        self._ready = memoryview(fed(self._coding, decoder, data))
        self._unread = decoder.unused_data if decoder.eof else b""
        self._decoder = None if decoder.eof else decoder
        return True
