"""Long requests are inspected in pieces: with the same result, with little memory at a time, and not for ever."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from otelpond.storage.decode import inspection, pieces
from otelpond.storage.decode.inspection import inspect
from otelpond.storage.signals import Inspection, Signal, TooDenseError, UndecodableError

from .otlp_messages import requests

RESOURCE, SCOPE, ITEM = 0x0A, 0x12, 0x12


def field(tag: int, content: bytes) -> bytes:
    """A length-delimited field."""
    size, length = len(content), b""
    while size > 127:
        length += bytes([size & 127 | 128])
        size >>= 7
    return bytes([tag]) + length + bytes([size]) + content


@pytest.fixture
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pieces of 100 bytes."""
    for module in (pieces, inspection):
        monkeypatch.setattr(module, "PIECE_BYTES", 100)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_pieces_are_judged_as_the_whole(data: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Counts, first reason and times are the same, and every byte is in one piece, whatever is sent."""
    signal = data.draw(st.sampled_from(Signal))
    payload = data.draw(requests(signal)).SerializeToString()
    whole = inspect(signal, payload)
    with monkeypatch.context() as patched:
        for module in (pieces, inspection):
            patched.setattr(module, "PIECE_BYTES", 100)
        assert whole == inspect(signal, payload)


@pytest.mark.parametrize("signal", Signal)
def test_a_piece_is_short(signal: Signal) -> None:
    """However many items an envelope holds, and however many envelopes there are."""
    items = b"".join(field(ITEM, bytes([0x0A, 0x01, 0x41])) for _ in range(100_000))
    for payload in (field(RESOURCE, field(SCOPE, items)), field(RESOURCE, field(SCOPE, b"")) * 100_000, field(RESOURCE, items)):
        cut = list(pieces.pieces(signal, payload))
        assert len(cut) > 1
        assert all(len(piece.content) <= pieces.PIECE_BYTES for piece in cut)


def test_empty_spans_are_counted_as_they_are() -> None:
    """300,000 of them, which are no valid ones."""
    payload = field(RESOURCE, field(SCOPE, field(ITEM, b"") * 300_000))
    assert Inspection(300_000, 300_000, "trace_id has 0 bytes, 16 expected", timeless=True) == inspect(Signal.TRACES, payload)


@pytest.mark.parametrize(
    "payload",
    [
        pytest.param(field(RESOURCE, field(SCOPE, field(ITEM, b"") * 1_100_000)), id="spans"),
        pytest.param(field(RESOURCE, b"") * 1_100_000, id="resources"),
        pytest.param(field(RESOURCE, field(SCOPE, field(ITEM, field(0x4A, b"") * 1_100_000))), id="attributes of one span"),
        pytest.param(field(RESOURCE, field(0x0A, field(0x0A, b"") * 1_100_000)), id="attributes of one resource"),
    ],
)
def test_more_messages_than_anybody_sends_are_refused(payload: bytes) -> None:
    """Wherever they are; the text says how many are taken."""
    with pytest.raises(TooDenseError, match="more than 1000000 messages"):
        inspect(Signal.TRACES, payload)


@pytest.mark.usefixtures("small_pieces")
def test_groups_and_other_fields_are_in_nobodys_way() -> None:
    """What is unknown is skipped, groups with what lies in them too."""
    span = field(ITEM, field(0x0A, bytes(range(16))) + field(0x12, bytes(range(1, 9))))
    group = b"\xc3\x3e" + span * 9 + b"\xc4\x3e"
    numbers = b"\x40\xff\x01" + b"\x41" + bytes(8) + b"\x45" + bytes(4)
    assert 20 == inspect(Signal.TRACES, field(RESOURCE, field(SCOPE, span * 10 + group + numbers + span * 10))).items


@pytest.mark.usefixtures("small_pieces")
@pytest.mark.parametrize(
    ("tail", "reason"),
    [
        (b"\x12\xff\xff\x01", "cut off"),
        (b"\x0f", "wire type 7"),
        (b"\x12", "cut off"),
        (b"\xc3\x3e", "a group is cut off"),
        (b"\xc4\x3e", "a group ends that never began"),
        (b"\x00\x00", "field number 0"),
    ],
)
def test_what_is_no_protobuf_is_told_with_its_place(tail: bytes, reason: str) -> None:
    """By the runtime, which gets it as it is."""
    spans = field(ITEM, field(0x0A, bytes(range(16)))) * 20
    with pytest.raises(UndecodableError, match=rf"{reason}.*, counted from byte \d+ of the request"):
        inspect(Signal.TRACES, field(RESOURCE, field(SCOPE, spans + tail)))
