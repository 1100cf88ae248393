"""Any bytes as an inbox's segments: as they are, and as frames of which some bytes were changed.

An input's first byte chooses. Even: the rest is the one file of an inbox, its last bit but one says whether it is sealed. Odd: groups of
three bytes are orders: the size of a frame to append, a byte to change, where a file ends.
"""

from __future__ import annotations

import shutil
from typing import Final

from otelpond.storage.inbox import frames
from otelpond.storage.inbox.reading import Chunk, read_chunk
from otelpond.storage.inbox.segments import BEGINNING, MARK_KEY, segment_path, segments, unread_bytes
from otelpond.storage.signals import Signal

from .folders import new_folder

_FOLDER: Final = new_folder()
_INBOX: Final = _FOLDER / "inbox"
_MOST_ORDERS: Final = 64
_KEY: Final = b"fuzz" * 8
_BEYOND_CHECKSUM: Final = 24


def check(data: bytes) -> None:
    """Reading ends, every byte of a sealed file is a frame's or reported, and a frame that nothing touched is there."""
    if not data:
        return
    shutil.rmtree(_INBOX, ignore_errors=True)
    _INBOX.mkdir()
    (_INBOX / MARK_KEY).write_bytes(_KEY)
    if data[0] & 1:
        _judge_damaged(data)
    else:
        sealed = bool(data[0] & 2)
        segment_path(_INBOX, 1, sealed=sealed).write_bytes(data[1:])
        read = _read_all(data[0] >> 2 | 1)
        if sealed:
            _judge_tiling(read, {1: len(data) - 1})


def _judge_damaged(data: bytes) -> None:
    files, untouched = _damaged(data)
    for number, content in files.items():
        segment_path(_INBOX, number, sealed=True).write_bytes(content)
    read = _read_all(data[0] >> 1 | 1)
    _judge_tiling(read, {number: len(content) for number, content in files.items()})
    found = {(chunk.segment, chunk.base + frame.start, chunk.base + frame.end) for chunk in read for frame in chunk.frames}
    assert untouched <= found, f"frames lost: {untouched - found}"


def _damaged(data: bytes) -> tuple[dict[int, bytes], set[tuple[int, int, int]]]:
    """Files by number, and the places of the frames in them that no order touched."""
    files: dict[int, bytearray] = {1: bytearray()}
    places: set[tuple[int, int, int]] = set()
    orders = [data[at : at + 3] for at in range(1, len(data) - 2, 3)]
    for kind, one, two in orders[:_MOST_ORDERS]:
        number = len(files)
        content = files[number]
        if kind & 3 == 0 and content:  # one byte changed
            at = (one << 8 | two) % len(content)
            content[at] ^= kind >> 2 | 1
            places = {place for place in places if place[0] != number or not place[1] <= at < place[2]}
        elif kind & 3 == 1 and content:  # cut off, and the writer goes on in a new file
            end = (one << 8 | two) % (len(content) + 1)
            del content[end:]
            places = {place for place in places if place[0] != number or place[2] <= end}
            files[number + 1] = bytearray()
        elif kind == 2 and content:  # a frame whose checksum is right and whose header nobody knows
            begin = len(content)
            content += _unknown_header(number, one, two)
            assert len(content) > begin
        else:
            payload = bytes([two]) * (one << (kind >> 5)) if kind & 4 else data[: one << 1]
            begin = len(content)
            content += _frame(number, payload, items=two)
            places.add((number, begin, len(content)))
    return {number: bytes(content) for number, content in files.items()}, places


def _frame(number: int, payload: bytes, *, items: int) -> bytes:
    digest = frames.digest("default", Signal.LOGS, payload)
    head = frames.encode("default", Signal.LOGS, payload, payload_digest=digest, accepted_unix_nano=1, items=items, timeless=False)
    return frames.mark(_KEY, number) + head + payload


def _unknown_header(number: int, at: int, value: int) -> bytes:
    frame = bytearray(_frame(number, b"payload", items=1))
    body = memoryview(frame)[_BEYOND_CHECKSUM:]
    body[at % len(body)] = value
    frame[_BEYOND_CHECKSUM - 8 : _BEYOND_CHECKSUM] = frames.xxhash.xxh3_64_intdigest(body.tobytes()).to_bytes(8, "little")
    return bytes(frame)


def _read_all(max_bytes: int) -> list[Chunk]:
    """Everything the inbox gives, in chunks of as many bytes and of few items."""
    read: list[Chunk] = []
    after = BEGINNING
    while (chunk := read_chunk(_INBOX, after, max_items=3, max_bytes=max_bytes)) is not None:
        assert chunk.after > after, "reading does not get on"
        for frame in chunk.frames:
            assert 0 <= frame.start < frame.payload_start <= frame.end <= len(chunk.wire)
        read.append(chunk)
        after = chunk.after
    assert unread_bytes(segments(_INBOX), after) >= 0
    return read


def _judge_tiling(read: list[Chunk], sizes: dict[int, int]) -> None:
    """Frames and damages stand one behind the other, from a file's first byte to its last."""
    ends = dict.fromkeys(sizes, 0)
    for chunk in read:
        places = [(chunk.base + frame.start, chunk.base + frame.end) for frame in chunk.frames]
        places += [(damage.start, damage.end) for damage in chunk.damages]
        for start, end in sorted(places):
            assert start == ends[chunk.segment] < end, f"segment {chunk.segment}: {start} after {ends[chunk.segment]}"
            ends[chunk.segment] = end
    assert sizes == ends, f"bytes neither read nor reported: {sizes} against {ends}"
