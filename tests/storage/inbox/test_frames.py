"""The inbox's frame: what is written is read again, and what is damaged is seen."""

from __future__ import annotations

import struct
import time

import pytest
import xxhash
from hypothesis import given
from hypothesis import strategies as st
from otelpond.storage.inbox import frames
from otelpond.storage.signals import Signal

MARK = frames.mark(bytes(frames.KEY_BYTES), 1)
_HEADER = 24  # where it begins, behind mark, length and checksum


def framed(payload: bytes, tenant: str = "default", *, timeless: bool = False, mark: bytes = MARK) -> bytes:
    """One whole frame of traces."""
    digest = frames.digest(tenant, Signal.TRACES, payload)
    head = frames.encode(tenant, Signal.TRACES, payload, payload_digest=digest, accepted_unix_nano=5, items=3, timeless=timeless)
    return mark + head + payload


@pytest.mark.parametrize("mark", [MARK, frames.OLD_MARK], ids=["new", "old"])
def test_a_frame_gives_back_what_was_put_in(mark: bytes) -> None:
    """Tenant, signal, items, time and payload survive the way to disk and back; frames of before there were marks too."""
    buffer = memoryview(framed(b"payload", "tenant-ü", timeless=True, mark=mark))

    frame = frames.read(buffer, 0, mark)
    assert frame is not None
    assert (mark, 5) == (frames.mark_of(bytes(buffer[: frames.MARK_BYTES])), frames.accepted_unix_nano(bytes(buffer[: frames.HEAD_BYTES])))

    assert (b"payload", "tenant-ü", Signal.TRACES, 3, 5, True) == (
        bytes(buffer[frame.payload_start : frame.end]),
        frame.tenant,
        frame.signal,
        frame.items,
        frame.accepted_unix_nano,
        frame.timeless,
    )


def test_equal_payloads_of_two_tenants_or_signals_have_different_digests() -> None:
    """A retry is a retry of the same tenant and signal only."""
    digests = {frames.digest(tenant, signal, b"x") for tenant in ("a", "b") for signal in Signal}

    assert len(digests) == 6


@given(st.binary(max_size=200), st.integers(min_value=0))
def test_a_torn_frame_is_not_read_and_may_yet_become_one(payload: bytes, cut: int) -> None:
    """Any beginning of a frame is incomplete, never a frame."""
    whole = framed(payload)
    part = memoryview(whole)[: cut % len(whole)]

    assert (None, True) == (frames.read(part, 0, MARK), frames.incomplete(part, 0, MARK))


@given(st.binary(min_size=1, max_size=200), st.integers(min_value=0))
def test_any_flipped_bit_is_seen_and_the_next_frame_is_found(payload: bytes, bit: int) -> None:
    """One flipped bit makes a frame invalid, and reading resumes at the next one."""
    first, second = framed(payload), framed(b"second")
    position = bit % (len(first) * 8)
    damaged = bytearray(first + second)
    damaged[position // 8] ^= 1 << (position % 8)

    assert frames.read(memoryview(damaged), 0, MARK) is None
    assert len(first) == frames.resume(memoryview(damaged), 0, MARK)


@given(st.binary(max_size=300))
def test_arbitrary_bytes_are_no_frames_and_no_error(junk: bytes) -> None:
    """Whatever stands on the disk, the reader says none, or what it found, and never fails."""
    assert frames.read(memoryview(junk), 0, MARK) is None
    frames.resume(memoryview(junk), 0, MARK)
    frames.accepted_unix_nano(junk)


def test_a_whole_frame_that_nobody_knows_is_damage_and_not_an_error() -> None:
    """Of a signal of a later version, or with a tenant that is no text: the next frame is found."""
    for place, value in ((_HEADER + 28, 9), (_HEADER + 30, 200), (_HEADER + 32, 0xFF)):
        frame = bytearray(framed(b"payload"))
        frame[place] = value
        frame[_HEADER - 8 : _HEADER] = xxhash.xxh3_64_intdigest(bytes(frame[_HEADER:])).to_bytes(8, "little")
        buffer = memoryview(bytes(frame) + framed(b"second"))

        assert frames.read(buffer, 0, MARK) is None
        assert len(frame) == frames.resume(buffer, 0, MARK)


def test_what_looks_like_many_frames_is_given_up_in_time() -> None:
    """A damaged payload of a million heads, each of which covers all the rest, is not hashed a million times."""
    size = 16 << 20
    heads = b"".join(MARK + struct.pack("<IQ", size - at - _HEADER, 0) for at in range(0, size - 64, _HEADER))
    started = time.monotonic()

    assert frames.resume(memoryview(heads + bytes(64)), 0, MARK) is None
    assert time.monotonic() - started < 10
