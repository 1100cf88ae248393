"""Long requests are inspected in pieces: with the same result, with little memory at a time, and not for ever."""

from __future__ import annotations

from typing import Any

import pytest
from google.protobuf.message import DecodeError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.metrics.v1.metrics_pb2 import NumberDataPoint
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


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
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
        assert all(len(piece.content) <= pieces.PIECE_BYTES + 8 for piece in cut)


def test_empty_spans_are_counted_as_they_are() -> None:
    """300,000 of them, which are no valid ones."""
    payload = field(RESOURCE, field(SCOPE, field(ITEM, b"") * 300_000))
    assert Inspection(300_000, 300_000, "trace_id has 0 bytes, 16 expected", timeless=True) == inspect(Signal.TRACES, payload)


@pytest.mark.parametrize(
    "payload",
    [
        pytest.param(field(RESOURCE, field(SCOPE, field(ITEM, b"") * 2_100_000)), id="spans"),
        pytest.param(field(RESOURCE, b"") * 2_100_000, id="resources"),
        pytest.param(field(RESOURCE, field(SCOPE, field(ITEM, field(0x4A, b"") * 2_100_000))), id="attributes of one span"),
        pytest.param(field(RESOURCE, field(0x0A, field(0x0A, b"") * 2_100_000)), id="attributes of one resource"),
    ],
)
def test_more_messages_than_anybody_sends_are_refused(payload: bytes) -> None:
    """Wherever they are; the text says how many are taken."""
    with pytest.raises(TooDenseError, match="more than 2000000 messages"):
        inspect(Signal.TRACES, payload)


def test_a_long_field_is_judged_by_its_density() -> None:
    """A metric of 143,000 series, and a log record of a million numbers."""
    attributes = [KeyValue(key=f"attribute.{key}", value=AnyValue(string_value="v")) for key in range(5)]
    series = NumberDataPoint(time_unix_nano=1, as_int=7, attributes=attributes).SerializeToString()
    metric = field(ITEM, field(0x2A, field(0x0A, series) * 143_000))
    assert Inspection(143_000) == inspect(Signal.METRICS, field(RESOURCE, field(SCOPE, metric)))
    numbers = field(0x2A, field(0x2A, field(0x0A, b"\x18\x01") * 1_000_000))
    assert Inspection(1, timeless=True) == inspect(Signal.LOGS, field(RESOURCE, field(SCOPE, field(ITEM, numbers))))


@pytest.mark.usefixtures("small_pieces")
@pytest.mark.parametrize("values", [46, 47, 48, 49, 50])
@pytest.mark.parametrize("others", [0, 20])
def test_nesting_in_a_piece_counts_as_in_the_whole(values: int, others: int) -> None:
    """What the decoder would refuse later is refused now, in long requests too."""
    body = b""
    for _ in range(values):
        body = field(0x2A, field(0x0A, body))
    record = field(ITEM, field(0x2A, body))
    payload = field(RESOURCE, field(SCOPE, field(ITEM, b"") * others + record))
    try:
        ExportLogsServiceRequest.FromString(payload)
    except DecodeError:
        with pytest.raises(UndecodableError, match="deeper than 100"):
            inspect(Signal.LOGS, payload)
    else:
        assert others + 1 == inspect(Signal.LOGS, payload).items


@pytest.mark.usefixtures("small_pieces")
def test_an_overlong_tag_is_no_protobuf() -> None:
    """Of a field of the request and of one that is entered, as the runtime says."""
    spans = field(ITEM, field(0x0A, bytes(range(16)))) * 20
    for payload in (b"\x8a\x80\x80\x80\x80" + field(0, field(SCOPE, spans)), field(RESOURCE, b"\x92\x80\x80\x80\x80" + field(0, spans))):
        with pytest.raises(DecodeError):
            ExportTraceServiceRequest.FromString(payload)
        with pytest.raises(UndecodableError):
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
