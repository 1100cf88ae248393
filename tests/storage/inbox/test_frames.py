"""The inbox's frame: what is written is read again, and what is damaged is seen."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from otelpond.storage.inbox import frames
from otelpond.storage.signals import Signal


def framed(payload: bytes, tenant: str = "default", *, timeless: bool = False) -> bytes:
    """One whole frame of traces."""
    digest = frames.digest(tenant, Signal.TRACES, payload)
    head = frames.encode(tenant, Signal.TRACES, payload, payload_digest=digest, accepted_unix_nano=5, items=3, timeless=timeless)
    return head + payload


def test_a_frame_gives_back_what_was_put_in() -> None:
    """Tenant, signal, items, time and payload survive the way to disk and back."""
    buffer = memoryview(framed(b"payload", "tenant-ü", timeless=True))

    (frame,) = frames.scan(buffer)

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

    assert (None, True) == (frames.read(part, 0), frames.incomplete(part, 0))


@given(st.binary(min_size=1, max_size=200), st.integers(min_value=0))
def test_any_flipped_bit_is_seen_and_the_next_frame_is_found(payload: bytes, bit: int) -> None:
    """One flipped bit makes a frame invalid, and reading resumes at the next one."""
    first, second = framed(payload), framed(b"second")
    position = bit % (len(first) * 8)
    damaged = bytearray(first + second)
    damaged[position // 8] ^= 1 << (position % 8)

    assert frames.read(memoryview(damaged), 0) is None
    assert len(first) == frames.resume(memoryview(damaged), 0)


@given(st.binary(max_size=300))
def test_arbitrary_bytes_are_no_frames_and_no_error(junk: bytes) -> None:
    """Whatever stands on the disk, the reader says none, or what it found, and never fails."""
    assert all(frame.end <= len(junk) for frame in frames.scan(memoryview(junk)))
    frames.resume(memoryview(junk), 0)
