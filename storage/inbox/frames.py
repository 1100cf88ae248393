"""The frame in which the inbox keeps one accepted payload: bytes in, frames out, no I/O.

A frame is `magic, length, checksum, accepted_unix_nano, digest, items, signal, flags, tenant length, tenant, payload`, little endian.
`length` counts what follows the checksum, and the xxh3-64 checksum covers it, so that a frame torn by a crash, or a flipped bit, is
seen. The digest is xxh3-128 of tenant, signal and payload: equal digests are a retry.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

import xxhash

from ..signals import Signal

MAGIC = b"opf1"
_ENVELOPE = struct.Struct("<4sIQ")
_HEADER = struct.Struct("<q16sIBBH")
_TIMELESS = 1
_MIN_BYTES = _ENVELOPE.size + _HEADER.size
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


def encode(
    tenant: str, signal: Signal, payload: bytes, *, payload_digest: bytes, accepted_unix_nano: int, items: int, timeless: bool
) -> bytes:
    """Everything of a frame but its payload, which follows it on disk (so that it is not copied)."""
    name = tenant.encode()
    head = _HEADER.pack(accepted_unix_nano, payload_digest, items, signal, _TIMELESS if timeless else 0, len(name)) + name
    hasher = xxhash.xxh3_64(head)
    hasher.update(payload)
    return _ENVELOPE.pack(MAGIC, len(head) + len(payload), hasher.intdigest()) + head


def read(buffer: memoryview, start: int) -> Frame | None:
    """The frame at `start`, or None where no whole and undamaged frame stands there."""
    end = _declared_end(buffer, start)
    if end is None or end > len(buffer):
        return None
    body = start + _ENVELOPE.size
    _, _, checksum = _ENVELOPE.unpack_from(buffer, start)
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


HEAD_BYTES = _MIN_BYTES
"""What `accepted_unix_nano` wants to see of a frame."""


def accepted_unix_nano(head: bytes) -> int:
    """When the frame that begins with these bytes was accepted; 0 where they begin none."""
    if len(head) < HEAD_BYTES or not head.startswith(MAGIC):
        return 0
    return int(_HEADER.unpack_from(head, _ENVELOPE.size)[0])


def incomplete(buffer: memoryview, start: int) -> bool:
    """Whether what stands at `start` may yet become a frame when more bytes arrive."""
    if len(buffer) - start < _ENVELOPE.size:
        return True
    end = _declared_end(buffer, start)
    return end is not None and end > len(buffer)


def scan(buffer: memoryview) -> Iterator[Frame]:
    """The whole frames from the beginning of a buffer, up to the first that is not."""
    start = 0
    while (frame := read(buffer, start)) is not None:
        yield frame
        start = frame.end


def resume(buffer: memoryview, after: int, patience: Patience | None = None) -> int | None:
    """Where the next undamaged frame begins after a damaged one at `after`, or None."""
    patience = patience or Patience.for_buffer(buffer)
    whole = bytes(buffer)
    start = whole.find(MAGIC, after + 1)
    while start >= 0 and patience.left > 0:
        end = _declared_end(buffer, start)
        if end is not None and end <= len(buffer):
            patience.left -= end - start
            if read(buffer, start) is not None:
                return start
        start = whole.find(MAGIC, start + 1)
    return None


def _declared_end(buffer: memoryview, start: int) -> int | None:
    if len(buffer) - start < _ENVELOPE.size:
        return None
    magic, length, _ = _ENVELOPE.unpack_from(buffer, start)
    if magic != MAGIC or not _HEADER.size <= length <= MAX_BYTES:
        return None
    return start + _ENVELOPE.size + int(length)
