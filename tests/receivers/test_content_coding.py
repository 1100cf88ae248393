"""Content codings undone from any bytes, within what is allowed."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st
from otelpond.receivers.content_coding import decompress
from otelpond.receivers.refusals import Kind, RefusedError
from otelpond.storage.signals import UnavailableError, UndecodableError

CODINGS = {"gzip": gzip.compress, "deflate": zlib.compress, "zstd": zstandard.compress}


@given(coding=st.sampled_from(sorted(CODINGS)), data=st.binary(), cut=st.integers(min_value=1, max_value=7), more=st.binary(min_size=1))
def test_takes_a_body_whole_or_not_at_all(coding: str, data: bytes, cut: int, more: bytes) -> None:
    """Any data comes back; the same cut off, or followed by something else, is undecodable."""
    body = CODINGS[coding](data)
    assert data == decompress(coding, body, max_bytes=len(data), reserve=lambda _size: None)
    with pytest.raises(UndecodableError):
        decompress(coding, body[:-cut], max_bytes=len(data), reserve=lambda _size: None)
    with pytest.raises(UndecodableError):
        decompress(coding, body + more, max_bytes=len(data), reserve=lambda _size: None)


@pytest.mark.parametrize("coding", CODINGS)
@pytest.mark.parametrize("make", [bytes, lambda size: bytes(range(256)) * (size // 256)])
def test_stops_at_the_limit(coding: str, make: Callable[[int], bytes]) -> None:
    """A result of one byte more than allowed is refused for good, and hardly more of it was ever reserved."""
    reserved: list[int] = []
    body = CODINGS[coding](make(1_000_192))
    assert 1_000_192 == len(decompress(coding, body, max_bytes=1_000_192, reserve=reserved.append))
    assert 1_000_192 == sum(reserved)
    reserved.clear()
    with pytest.raises(RefusedError) as refusal:
        decompress(coding, body, max_bytes=1_000_191, reserve=reserved.append)
    assert Kind.TOO_LARGE is refusal.value.kind
    assert sum(reserved) <= 1_000_191


def test_stops_where_there_is_no_room() -> None:
    """What the reservation raises ends the decompression."""

    def refuse(_size: int) -> None:
        raise UnavailableError("full")

    with pytest.raises(UnavailableError, match="full"):
        decompress("gzip", gzip.compress(b"data"), max_bytes=100, reserve=refuse)
