"""OTLP files for `otelpond import`: JSON lines and length-prefixed protobuf, plain, .gz or .zst, as payloads one after another.

A pure reader: it opens one file and hands records, and what is wrong with the others, to whoever asked; nothing is stored here.
What it reads is told from the bytes, not from the file's name:

* JSON, one TracesData, MetricsData or LogsData a line (OTLP file exporter specification); one document over many lines is taken too;
* protobuf, each message behind its length as an unsigned 32-bit big-endian number (the Go Collector's file exporter, which may
  have compressed each message with zstd; JSON is written so too, when compressed) or as a varint (the usual delimited protobuf).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from typing import Final

import orjson

from ..storage.signals import Signal, UndecodableError
from .compressed_file import ZSTD_MAGIC, open_decompressed
from .content_coding import decompress
from .exports import DEFAULT_MAX_BODY_BYTES
from .otlp_json import to_protobuf
from .refusals import RefusedError
from .signal_detection import checked, signal_of

_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
_LONGEST_EXCERPT: Final = 65_536  # bytes of a record too long to be read, kept to show what it was
_PIECE_BYTES: Final = 1_048_576
_NOWHERE: Final = 2**63 - 1  # the offset behind a place from which a file cannot be read on: broken compression, a broken length
_FIRST_OF_LENGTH: Final = (b"\0", b"\1", b"\2", b"\3", b"\4")  # of 4 bytes, big-endian, up to 80 MiB; no text begins so
_KEYS: Final = {
    "resourceSpans": Signal.TRACES,
    "resourceMetrics": Signal.METRICS,
    "resourceLogs": Signal.LOGS,
    "resource_spans": Signal.TRACES,
    "resource_metrics": Signal.METRICS,
    "resource_logs": Signal.LOGS,
}


@dataclass(frozen=True, slots=True)
class Position:
    """Between two records of a file: where a later run goes on.

    Attributes:
        offset: bytes before it, counted in the decompressed file.
        number: lines or messages before it.
    """

    offset: int = 0
    number: int = 0


@dataclass(frozen=True, slots=True)
class FileRecord:
    """One Export request of a file.

    Attributes:
        number: its line or message, counted from 1.
        signal: what it carries.
        payload: the request's protobuf bytes.
        after: the position behind it.
    """

    number: int
    signal: Signal
    payload: bytes
    after: Position


@dataclass(frozen=True, slots=True)
class BadRecord:
    """A line or message that is no Export request.

    Attributes:
        number: the line or message, counted from 1.
        reason: what is wrong with it.
        content: its bytes, or the first of them where it is too long.
        after: the position behind it; reading goes on there unless it is the end.
    """

    number: int
    reason: str
    content: bytes
    after: Position


Progress = Callable[[int, int], None]


def read(
    path: Path,
    *,
    start: Position = Position(),
    signal: Signal | None = None,
    max_record_bytes: int = DEFAULT_MAX_BODY_BYTES,
    progress: Progress | None = None,
) -> Iterator[FileRecord | BadRecord]:
    """The records of a file in their order.

    Args:
        path: the file.
        start: where to begin: the `after` of an earlier run's last record.
        signal: what protobuf messages carry; None finds it out for each.
        max_record_bytes: the longest line or message, as it stands and decompressed.
        progress: called after each record with the bytes of the file read so far (compressed ones, where it is) and in all.

    Raises:
        OSError: the file cannot be read.
    """
    size = path.stat().st_size
    with path.open("rb") as compressed:
        reader = _Reader(open_decompressed(compressed), start, signal, max_record_bytes)
        for record in reader.records():
            yield record
            if progress is not None:
                progress(compressed.tell(), size)
    if progress is not None:
        progress(size, size)


class _Reader:
    """Walks one file; its position is behind the record it is at."""

    def __init__(self, file: BufferedReader, start: Position, signal: Signal | None, max_record_bytes: int) -> None:
        self._file = file
        self._start = start
        self._offset = 0
        self._number = start.number
        self._signal = signal
        self._max_record_bytes = max_record_bytes

    def records(self) -> Iterator[FileRecord | BadRecord]:
        """The records from the start on; an end in the middle of compression is one more bad record, and the last."""
        if self._start.offset == _NOWHERE:
            return
        try:
            head = self._file.peek(64)[:64]
            self._skip(self._start.offset)
            if head[:1] in _FIRST_OF_LENGTH:
                yield from self._messages(self._big_endian_length)
            elif _is_delimited(head):
                yield from self._messages(self._varint_length)
            elif head.removeprefix(_BYTE_ORDER_MARK).split(b"\n", 1)[0].strip() == b"{":
                yield from self._document()
            else:
                yield from self._lines()
        except UndecodableError as error:
            self._number, self._offset = self._number + 1, _NOWHERE
            yield self._bad(str(error), b"")

    def _lines(self) -> Iterator[FileRecord | BadRecord]:
        while line := self._taken(self._file.readline(self._max_record_bytes + 1)):
            self._number += 1
            if len(line) > self._max_record_bytes:
                while line[-1:] != b"\n" and (rest := self._taken(self._file.readline(_PIECE_BYTES))):
                    line = line[:_LONGEST_EXCERPT] + rest[-1:]
                yield self._bad(f"the line is longer than {self._max_record_bytes} bytes", line[:_LONGEST_EXCERPT])
            elif text := line.removeprefix(_BYTE_ORDER_MARK).strip():
                yield from self._understood(text, self._of_json)

    def _document(self) -> Iterator[FileRecord | BadRecord]:
        text = self._taken(self._file.read(self._max_record_bytes + 1)).removeprefix(_BYTE_ORDER_MARK).strip()
        if not text:
            return
        self._number += 1
        if len(text) > self._max_record_bytes:
            yield self._bad(f"the document is longer than {self._max_record_bytes} bytes", text[:_LONGEST_EXCERPT])
        else:
            yield from self._understood(text, self._of_json)

    def _messages(self, next_length: Callable[[], int | None]) -> Iterator[FileRecord | BadRecord]:
        while (length := next_length()) is not None:
            self._number += 1
            body = self._taken(self._file.read(min(length, self._max_record_bytes)))
            missing = length - len(body) - self._skip(length - len(body))
            if missing:
                yield self._bad(f"the file ends {missing} bytes before the message's {length}", body[:_LONGEST_EXCERPT])
            elif length > self._max_record_bytes:
                yield self._bad(f"the message is longer than {self._max_record_bytes} bytes", body[:_LONGEST_EXCERPT])
            else:
                yield from self._understood(body, self._of_message)

    def _big_endian_length(self) -> int | None:
        prefix = self._taken(self._file.read(4))
        if 0 < len(prefix) < 4:
            raise UndecodableError("the file ends within the length of a message")
        return int.from_bytes(prefix, "big") if prefix else None

    def _varint_length(self) -> int | None:
        length = 0
        for shift in range(0, 35, 7):
            byte = self._taken(self._file.read(1))
            if not byte and shift == 0:
                return None
            if not byte:
                break
            length |= (byte[0] & 0x7F) << shift
            if byte[0] < 0x80:
                return length
        raise UndecodableError("the length of a message is cut off or no varint of 32 bits")

    def _understood(self, content: bytes, read_one: Callable[[bytes], tuple[Signal, bytes] | None]) -> Iterator[FileRecord | BadRecord]:
        try:
            understood = read_one(content)
        except (UndecodableError, RefusedError) as error:
            yield self._bad(str(error), content)
        else:
            if understood is not None:
                yield FileRecord(self._number, *understood, self._position())

    def _of_message(self, body: bytes) -> tuple[Signal, bytes] | None:
        if body.startswith(ZSTD_MAGIC):
            body = decompress("zstd", body, max_bytes=self._max_record_bytes, reserve=lambda _size: None)
        if body[:1] == b"{":
            return self._of_json(body)
        signal = signal_of(body) if self._signal is None else checked(self._signal, body)
        return None if signal is None else (signal, body)

    def _of_json(self, text: bytes) -> tuple[Signal, bytes] | None:
        try:
            keys = orjson.loads(text)
        except orjson.JSONDecodeError as error:
            raise UndecodableError(f"not JSON: {error}") from None
        if not isinstance(keys, dict):
            raise UndecodableError("not a JSON object")
        signals = {_KEYS[key] for key in keys if key in _KEYS}
        if not keys:
            return None
        if len(signals) != 1:
            raise UndecodableError("an object with one of resourceSpans, resourceMetrics and resourceLogs is expected")
        signal = signals.pop()
        return signal, to_protobuf(signal, text)

    def _taken(self, data: bytes) -> bytes:
        self._offset += len(data)
        return data

    def _skip(self, count: int) -> int:
        """Read on by so many bytes; gives how many there were."""
        skipped = 0
        while skipped < count and (piece := self._taken(self._file.read(min(_PIECE_BYTES, count - skipped)))):
            skipped += len(piece)
        return skipped

    def _position(self) -> Position:
        return Position(self._offset, self._number)

    def _bad(self, reason: str, content: bytes) -> BadRecord:
        return BadRecord(self._number, reason, content, self._position())


def _is_delimited(head: bytes) -> bool:
    """Whether a varint length stands here and then a message's first field, which is number 1 and fits into that length.

    JSON over many lines begins like a message of 123 bytes (`{` and a line feed), and goes on with a quote.
    """
    if head.strip()[:1] == b"{" and head.strip()[1:].lstrip()[:1] in (b'"', b"}"):
        return False
    length, after = _varint(head)
    inner, _ = _varint(head[after + 1 :])
    return head[after : after + 1] == b"\n" and inner < length


def _varint(data: bytes) -> tuple[int, int]:
    """A varint of at most 32 bits at the beginning, and how many bytes it has; the greatest number where there is none."""
    number = 0
    for index, byte in enumerate(data[:5]):
        number |= (byte & 0x7F) << 7 * index
        if byte < 0x80:
            return number, index + 1
    return 2**63, 0
