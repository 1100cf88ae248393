"""Files of OTLP, as the Go Collector and others write them, come back as the requests that went into them."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import zstandard
from google.protobuf.message import Message
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from otelpond.receivers.otlp_file import BadRecord, FileRecord, Position, read
from otelpond.storage.signals import Signal

LINES = {
    Signal.TRACES: {
        "resourceSpans": [
            {
                "scopeSpans": [
                    {
                        "spans": [
                            {
                                "traceId": "30313233343536373839616263646566",
                                "spanId": "3132333435363738",
                                "name": "checkout",
                                "startTimeUnixNano": "1700000000000000000",
                                "endTimeUnixNano": "1700000000000000000",
                            }
                        ]
                    }
                ]
            }
        ]
    },
    Signal.METRICS: {
        "resourceMetrics": [
            {
                "scopeMetrics": [
                    {
                        "metrics": [
                            {
                                "name": "checkout",
                                "gauge": {"dataPoints": [{"asInt": "7", "timeUnixNano": 1700000000000000000}]},
                            }
                        ]
                    }
                ]
            }
        ]
    },
    Signal.LOGS: {
        "resourceLogs": [{"scopeLogs": [{"logRecords": [{"timeUnixNano": "1700000000000000000", "body": {"stringValue": "checkout"}}]}]}]
    },
}
TEXTS = {signal: json.dumps(line).encode() for signal, line in LINES.items()}


def big_endian(*messages: bytes) -> bytes:
    """Messages as the Go Collector's file exporter writes them."""
    return b"".join(len(message).to_bytes(4, "big") + message for message in messages)


def delimited(*messages: bytes) -> bytes:
    """Messages behind varint lengths."""

    def varint(number: int) -> bytes:
        return bytes([number]) if number < 128 else bytes([number & 127 | 128]) + varint(number >> 7)

    return b"".join(varint(len(message)) + message for message in messages)


@pytest.fixture
def file(tmp_path: Path) -> Callable[[bytes], Path]:
    """Writes a file."""

    def write(content: bytes) -> Path:
        path = tmp_path / "export"
        path.write_bytes(content)
        return path

    return write


def signals(path: Path, **options: Any) -> list[Signal | str]:
    """The signal of each record, and the reason of each bad one."""
    return [record.signal if isinstance(record, FileRecord) else record.reason for record in read(path, **options)]


COMPRESSIONS = {
    "plain": bytes,
    "gzip": gzip.compress,
    "gzip in two streams": lambda data: gzip.compress(data[:50]) + gzip.compress(data[50:]),
    "zstd": zstandard.compress,
    "zstd in two frames": lambda data: zstandard.compress(data[:50]) + zstandard.compress(data[50:]),
}


@pytest.mark.parametrize("compression", COMPRESSIONS)
@pytest.mark.parametrize("framing", ["lines", "big-endian", "varint"])
def test_reads_every_framing_and_compression(
    file: Callable[[bytes], Path], request_of: Callable[..., Message], compression: str, framing: str
) -> None:
    """The three signals, in one file, are the requests that were written, whatever frames and compresses them."""
    messages = [request_of(signal).SerializeToString() for signal in Signal]
    content = {"lines": b"\n".join(TEXTS.values()) + b"\n", "big-endian": big_endian(*messages), "varint": delimited(*messages)}[framing]
    records = list(read(file(COMPRESSIONS[compression](content))))
    assert list(zip([1, 2, 3], Signal, messages, strict=True)) == [(it.number, it.signal, it.payload) for it in records]  # type: ignore[union-attr]
    assert Position(len(content), 3) == records[-1].after


@pytest.mark.parametrize("json_inside", [True, False])
def test_reads_messages_compressed_one_by_one(file: Callable[[bytes], Path], request_of: Callable[..., Message], json_inside: bool) -> None:
    """The Go Collector's file exporter compresses each message, not the file."""
    inner = list(TEXTS.values()) if json_inside else [request_of(signal).SerializeToString() for signal in Signal]
    assert list(Signal) == signals(file(big_endian(*map(zstandard.compress, inner))))


def test_reads_one_document_over_many_lines(file: Callable[[bytes], Path]) -> None:
    """A file that was made readable is one record."""
    for signal, line in LINES.items():
        assert [signal] == signals(file(json.dumps(line, indent=2).encode()))


@pytest.mark.parametrize("start", range(5))
def test_goes_on_where_an_earlier_run_ended(file: Callable[[bytes], Path], request_of: Callable[..., Message], start: int) -> None:
    """From any record's position on the rest is read, with the same numbers and positions."""
    messages = [request_of(Signal.LOGS, name="n" * size).SerializeToString() for size in (3, 200, 40_000, 5)]
    for content in (b"\n".join(TEXTS.values()) + b"\n\nbad\n", big_endian(*messages), delimited(*messages)):
        for compress in COMPRESSIONS.values():
            path = file(compress(content))
            records = list(read(path))
            position = ([Position()] + [record.after for record in records])[start]
            assert records[start:] == list(read(path, start=position))


def test_reports_a_bad_line_and_reads_on(file: Callable[[bytes], Path]) -> None:
    """Each bad line is told by number, reason and content; blank ones are nothing."""
    good = TEXTS[Signal.TRACES]
    bad = [
        b"not json",
        b"[]",
        b'{"resourceCats": []}',
        good[:-4],
        b'{"resourceSpans": 1}',
        b"\xff",
        b'{"resourceSpans":[],"resourceLogs":[]}',
    ]
    records = list(read(file(b"\n".join([bad[0], b"", good, *bad[1:], b"  ", b"{}", good]))))
    reported = [(record.number, record.content) for record in records if isinstance(record, BadRecord)]
    assert [(1, bad[0]), *enumerate(bad[1:], 4)] == reported
    assert [3, 12] == [record.number for record in records if isinstance(record, FileRecord)]
    assert all(record.reason for record in records if isinstance(record, BadRecord))


def test_reports_a_bad_message_and_reads_on(file: Callable[[bytes], Path], request_of: Callable[..., Message]) -> None:
    """A message of no signal is told by number; an empty one, or one without items, is nothing."""
    good = request_of(Signal.METRICS).SerializeToString()
    without_items = type(request_of(Signal.METRICS)).FromString(b"\x0a\x00").SerializeToString()
    records = list(read(file(big_endian(good, b"\x0a\xff\xff", b"", without_items, good))))
    assert [(1, FileRecord), (2, BadRecord), (5, FileRecord)] == [(record.number, type(record)) for record in records]


def test_takes_the_signal_from_the_caller(file: Callable[[bytes], Path], request_of: Callable[..., Any]) -> None:
    """A record without a time is no evidence of its signal; whoever knows can say it."""
    request = request_of(Signal.LOGS)
    request.resource_logs[0].scope_logs[0].log_records[0].time_unix_nano = 0
    path = file(big_endian(request.SerializeToString()))
    assert ["the message holds neither spans nor log records with a time, nor metrics"] == signals(path)
    assert [Signal.LOGS] == signals(path, signal=Signal.LOGS)
    assert ["the message is no traces request"] == signals(file(big_endian(b"\x0a\xff")), signal=Signal.TRACES)


def test_limits_a_record(file: Callable[[bytes], Path], request_of: Callable[..., Message]) -> None:
    """A record over the limit is reported with its beginning, and reading goes on behind it."""
    small, large = (request_of(Signal.LOGS, name="n" * size).SerializeToString() for size in (3, 3_000_000))
    for content in (big_endian(small, large, small), delimited(small, large, small), big_endian(small, zstandard.compress(large), small)):
        first, second, third = read(file(content), max_record_bytes=1000)
        assert isinstance(second, BadRecord)
        assert "larger than 1000" in second.reason or "longer than 1000" in second.reason
        assert len(second.content) <= 1000
        assert (1, 3) == (first.number, third.number)
    lines = TEXTS[Signal.LOGS] + b"\n" + b"x" * 3_000_000 + b"\n" + TEXTS[Signal.LOGS]
    assert [Signal.LOGS, "the line is longer than 1000 bytes", Signal.LOGS] == signals(file(lines), max_record_bytes=1000)


@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_says_where_a_file_is_cut_off(file: Callable[[bytes], Path], request_of: Callable[..., Message], compression: str) -> None:
    """What stands before the cut is read; the cut is the last bad record."""
    message = request_of(Signal.LOGS).SerializeToString()
    records = list(read(file(COMPRESSIONS[compression](big_endian(message, message))[:-7])))
    assert isinstance(records[-1], BadRecord)
    assert "ends" in records[-1].reason
    assert all(isinstance(record, FileRecord) for record in records[:-1])
    for content in (big_endian(message) + b"\0\0", delimited(message) + b"\x80"):
        assert [FileRecord, BadRecord] == [type(record) for record in read(file(content))]


def test_says_what_is_no_compressed_file(file: Callable[[bytes], Path]) -> None:
    """Bytes that only begin like gzip or zstd, or go on after it as something else, are one bad record."""
    for content in (b"\x1f\x8bnonsense", b"\x28\xb5\x2f\xfdnonsense", gzip.compress(TEXTS[Signal.LOGS] + b"\n") + b"rest"):
        assert BadRecord is type(list(read(file(content)))[-1])


def test_behind_a_break_nothing_is_reported_twice(file: Callable[[bytes], Path], request_of: Callable[..., Message]) -> None:
    """Whoever goes on behind the record that ended the reading, in broken compression or a broken length, hears no more."""
    whole = delimited(request_of(Signal.LOGS).SerializeToString())
    for content in (zstandard.compress(whole)[:-3], whole + b"\xff" * 9 + whole, big_endian(b"")[:3]):
        path = file(content)
        *_, last = read(path)
        assert isinstance(last, BadRecord)
        assert [] == list(read(path, start=last.after))


def test_reads_nothing_from_nothing(file: Callable[[bytes], Path]) -> None:
    """An empty file, also a compressed one, holds no record."""
    for content in (b"", gzip.compress(b""), zstandard.compress(b""), b"\n\n", b"\xef\xbb\xbf"):
        assert [] == list(read(file(content)))


def test_tells_how_far_it_is(file: Callable[[bytes], Path], request_of: Callable[..., Message]) -> None:
    """Progress grows to the size of the file as it is on disk."""
    message = request_of(Signal.LOGS, name="n" * 100_000).SerializeToString()
    path = file(big_endian(*[message] * 20))
    told: list[tuple[int, int]] = []
    assert 20 == len(list(read(path, progress=lambda done, total: told.append((done, total)))))
    assert {path.stat().st_size} == {total for _, total in told}
    assert sorted(told) == told
    assert (path.stat().st_size, len(set(told)) > 10) == (told[-1][0], True)


_HEADS = st.sampled_from(
    [b"", b"\x1f\x8b\x08\x00", b"\x28\xb5\x2f\xfd", b"\0\0\0\x09\x0a", b"\x09\x0a\x07", b"{\n", b'{"resourceLogs":', TEXTS[Signal.LOGS]]
)


@given(head=_HEADS, tail=st.binary(max_size=300), compress=st.sampled_from([bytes, gzip.compress, zstandard.compress]))
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_reads_any_bytes_to_their_end(file: Callable[[bytes], Path], head: bytes, tail: bytes, compress: Callable[[bytes], bytes]) -> None:
    """Whatever a file holds, reading ends, never raises, and goes forward; and from every position it goes on as it did."""
    path = file(compress(head + tail))
    records = list(read(path))
    places = [record.after for record in records]
    assert sorted(set(places), key=lambda place: place.number) == places
    for index, place in enumerate(places):
        if place.offset < places[-1].offset:
            assert records[index + 1 :] == list(read(path, start=place))
