"""Any bytes as a compressed body; an input's first line is `CODING MAX_BYTES`, the body follows."""

from __future__ import annotations

import gzip
import zlib
from typing import Final

import zstandard
from otelpond.receivers.content_coding import decompress, known_coding
from otelpond.receivers.refusals import RefusedError
from otelpond.storage.signals import UndecodableError

_COMPRESS: Final = {"gzip": lambda body: gzip.compress(body, 1), "deflate": zlib.compress, "zstd": zstandard.compress}
_MOST: Final = 1 << 20


def check(data: bytes) -> None:
    """What was compressed, never more than is allowed, with each byte reserved before; or one refusal with words."""
    first, _, body = data.partition(b"\n")
    name, _, limit = first.decode("latin-1").partition(" ")
    max_bytes = min(int(limit), _MOST) if limit.isascii() and limit.isdecimal() else _MOST
    try:
        coding = known_coding(name)
    except RefusedError as refusal:
        assert refusal.message
        return
    if coding is None:
        return
    _undo(coding, body, max_bytes)
    assert body == decompress(coding, _COMPRESS[coding](body), max_bytes=len(body), reserve=lambda _: None)


def _undo(coding: str, body: bytes, max_bytes: int) -> None:
    reserved: list[int] = []
    try:
        plain = decompress(coding, body, max_bytes=max_bytes, reserve=reserved.append)
    except (UndecodableError, RefusedError) as error:
        assert str(error)
        assert sum(reserved) <= max_bytes
        return
    assert len(plain) == sum(reserved) <= max_bytes
    if coding == "gzip":
        assert plain == gzip.decompress(body)
