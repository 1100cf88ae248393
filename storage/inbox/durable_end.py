"""Up to where an inbox's open segment is durable: its writer notes it behind each fsync, and readers go no further.

The file of an open segment may be longer than what it holds: see `spares`. The note is not fsynced: it is what processes tell each
other. What a power loss leaves of it may be old, and never names bytes that were not durable. It names the file too, so that it says
nothing of a copy.
"""

from __future__ import annotations

import contextlib
import mmap
import os
import struct
from pathlib import Path
from typing import Final

import xxhash

FILE: Final = "end"
_NOTE: Final = struct.Struct("<QQQ")
_CHECKSUM: Final = struct.Struct("<Q")
_BYTES: Final = _NOTE.size + _CHECKSUM.size
_TRIES: Final = 3


class DurableEnd:
    """The note of one inbox, for its writer.

    It is written through memory: a system call would let go of the interpreter's lock, and the group's answers wait to have it again.

    Raises:
        OSError: it cannot be written.
    """

    def __init__(self, folder: Path) -> None:
        descriptor = os.open(folder / FILE, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        try:
            os.pwrite(descriptor, bytes(_BYTES), 0)
            self._note = mmap.mmap(descriptor, _BYTES)
        finally:
            os.close(descriptor)

    def note(self, number: int, inode: int, size: int) -> None:
        """So many bytes of the open segment are durable, which has that number and whose file has that inode."""
        note = _NOTE.pack(number, inode, size)
        self._note[:] = note + _checksum(note)

    def close(self) -> None:
        """Leave it as it is."""
        self._note.close()


def noted(segment: Path) -> int:
    """How many bytes of an open segment are durable, as far as was noted; 0 where the note is of another one, or damaged.

    Raises:
        FileNotFoundError: the segment was sealed or forgotten.
    """
    note = _whole_note(segment.with_name(FILE))
    inode = segment.stat().st_ino  # behind the note, which is of the next segment once this one has been sealed
    *named, size = _NOTE.unpack(note)
    return int(size) if named == [int(segment.stem), inode] else 0


def _whole_note(file: Path) -> bytes:
    """The note; zeros where there is none that is whole, also a moment later."""
    for _ in range(_TRIES):
        with contextlib.suppress(FileNotFoundError):
            content = file.read_bytes()
            if len(content) == _BYTES and content[_NOTE.size :] == _checksum(content[: _NOTE.size]):
                return content[: _NOTE.size]
    return bytes(_NOTE.size)


def _checksum(note: bytes) -> bytes:
    return _CHECKSUM.pack(xxhash.xxh3_64_intdigest(note))
