"""The frame in which the inbox keeps one accepted payload: bytes in, frames out, no I/O.

A frame is `mark, length, checksum, accepted_unix_nano, digest, items, signal, flags, tenant length, tenant, payload`, little endian.
`length` counts what follows the checksum, and the xxh3-64 checksum covers it, so that a frame torn by a crash, or a flipped bit, is
seen. The digest is xxh3-128 of tenant, signal and payload: equal digests are a retry.

All frames of a segment begin with the same mark: `opf2` and eight bytes that no sender knows, so that what looks like frames in a
payload is none, even where the payload is damaged. A key of the inbox and the segment's number give them, so that no damaged byte is
needed to tell them. A segment of before 2026-11-21 has the mark `opf1`.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from hashlib import blake2b

import xxhash

from ..signals import Signal

_MAGIC = b"opf2"
MARK_BYTES = 12
OLD_MARK = b"opf1"
KEY_BYTES = 32
_ENVELOPE = struct.Struct("<IQ")
_HEADER = struct.Struct("<q16sIBBH")
_TIMELESS = 1
MAX_BYTES = 1 << 30
"""No frame is larger: a length beyond it is a damaged one."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One payload in a buffer.

    Attributes:
        start, end: where the whole frame lies in the buffer.
        payload_start: where its payload begins; it ends with the frame.
        accepted_unix_nano: when the receiver took it.
        digest: xxh3-128 of tenant, signal and payload, 16 bytes.
        items: how many items the payload holds, rejected ones included.
        timeless: no item carries a time, so that an equal digest is no evidence of a retry.
    """

    start: int
    end: int
    payload_start: int
    accepted_unix_nano: int
    digest: bytes
    items: int
    signal: Signal
    timeless: bool
    tenant: str


@dataclass(slots=True)
class Patience:
    """How many bytes may yet be hashed in search of undamaged frames in one buffer.

    A payload may be full of what looks like frames, each as long as the rest of the buffer: 64 MiB of them would take half an hour.
    """

    left: int

    @classmethod
    def for_buffer(cls, buffer: memoryview) -> Patience:
        """As much as half a second takes for the largest payload."""
        return cls(64 * len(buffer))


def digest(tenant: str, signal: Signal, payload: bytes) -> bytes:
    """What makes two payloads the same, 16 bytes."""
    hasher = xxhash.xxh3_128(tenant.encode())
    hasher.update(bytes((0, signal)))
    hasher.update(payload)
    return hasher.digest()


def mark(key: bytes, number: int) -> bytes:
    """What the frames of an inbox's segment begin with."""
    return _MAGIC + blake2b(number.to_bytes(8, "little"), key=key, digest_size=MARK_BYTES - len(_MAGIC)).digest()


def mark_of(head: bytes) -> bytes | None:
    """The mark that the first bytes of a frame tell, MARK_BYTES or all there are; None where they begin none."""
    if head.startswith(_MAGIC) and len(head) >= MARK_BYTES:
        return head[:MARK_BYTES]
    return OLD_MARK if head.startswith(OLD_MARK) else None


def encode(
    tenant: str, signal: Signal, payload: bytes, *, payload_digest: bytes, accepted_unix_nano: int, items: int, timeless: bool
) -> bytes:
    """What stands between a frame's mark, which its segment knows, and its payload, which follows on disk (so that it is not copied)."""
    name = tenant.encode()
    head = _HEADER.pack(accepted_unix_nano, payload_digest, items, signal, _TIMELESS if timeless else 0, len(name)) + name
    hasher = xxhash.xxh3_64(head)
    hasher.update(payload)
    return _ENVELOPE.pack(len(head) + len(payload), hasher.intdigest()) + head


def read(buffer: memoryview, start: int, mark: bytes) -> Frame | None:
    """The frame at `start`, or None where no whole and undamaged frame stands there."""
    end = _declared_end(buffer, start, mark)
    if end is None or end > len(buffer):
        return None
    envelope = start + len(mark)
    body = envelope + _ENVELOPE.size
    _, checksum = _ENVELOPE.unpack_from(buffer, envelope)
    if xxhash.xxh3_64_intdigest(buffer[body:end]) != checksum:
        return None
    accepted, payload_digest, items, signal, flags, tenant_bytes = _HEADER.unpack_from(buffer, body)
    payload_start = body + _HEADER.size + tenant_bytes
    try:  # whole, but nobody's that we know: of a later version
        tenant, known = bytes(buffer[body + _HEADER.size : payload_start]).decode(), Signal(signal)
    except ValueError:
        return None
    if payload_start > end:
        return None
    return Frame(start, end, payload_start, accepted, payload_digest, items, known, bool(flags & _TIMELESS), tenant)


HEAD_BYTES = MARK_BYTES + _ENVELOPE.size + _HEADER.size
"""What `accepted_unix_nano` wants to see of a frame."""


def accepted_unix_nano(head: bytes) -> int:
    """When the frame that begins with these bytes was accepted; 0 where they begin none."""
    mark = mark_of(head)
    if mark is None or len(head) < len(mark) + _ENVELOPE.size + _HEADER.size:
        return 0
    return int(_HEADER.unpack_from(head, len(mark) + _ENVELOPE.size)[0])


def incomplete(buffer: memoryview, start: int, mark: bytes) -> bool:
    """Whether what stands at `start` may yet become a frame when more bytes arrive."""
    if len(buffer) - start < len(mark) + _ENVELOPE.size:
        return True
    end = _declared_end(buffer, start, mark)
    return end is not None and end > len(buffer)


def resume(buffer: memoryview, after: int, mark: bytes, patience: Patience | None = None) -> int | None:
    """Where the next undamaged frame begins after a damaged one at `after`, or None."""
    patience = patience or Patience.for_buffer(buffer)
    whole = bytes(buffer)
    start = whole.find(mark, after + 1)
    while start >= 0 and patience.left > 0:
        end = _declared_end(buffer, start, mark)
        if end is not None and end <= len(buffer):
            patience.left -= end - start
            if read(buffer, start, mark) is not None:
                return start
        start = whole.find(mark, start + 1)
    return None


def _declared_end(buffer: memoryview, start: int, mark: bytes) -> int | None:
    envelope = start + len(mark)
    if len(buffer) - envelope < _ENVELOPE.size or buffer[start:envelope] != mark:
        return None
    length, _ = _ENVELOPE.unpack_from(buffer, envelope)
    if not _HEADER.size <= length <= MAX_BYTES:
        return None
    return envelope + _ENVELOPE.size + int(length)
