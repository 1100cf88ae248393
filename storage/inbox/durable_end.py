"""Up to where an inbox's open segment is durable: its writer notes it behind each fsync, and readers go no further.

The file of an open segment may be longer than what it holds: see `spares`. The note is not fsynced: it is what processes tell each
other. What a power loss leaves of it may be old, and never names bytes that were not durable. It names the file too, so that it says
nothing of a copy.
"""

from __future__ import annotations

import os
import struct
from pathlib import Path
from typing import Final

import xxhash

FILE: Final = "end"
_NOTE: Final = struct.Struct("<QQQ")
_CHECKSUM: Final = struct.Struct("<Q")


class DurableEnd:
    """The note of one inbox, for its writer.

    Raises:
        OSError: it cannot be written.
    """

    def __init__(self, folder: Path) -> None:
        self._descriptor = os.open(folder / FILE, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW, 0o600)

    def note(self, number: int, inode: int, size: int) -> None:
        """So many bytes of the open segment are durable, which has that number and whose file has that inode."""
        note = _NOTE.pack(number, inode, size)
        os.pwrite(self._descriptor, note + _CHECKSUM.pack(xxhash.xxh3_64_intdigest(note)), 0)

    def close(self) -> None:
        """Leave it as it is."""
        os.close(self._descriptor)


def noted(segment: Path) -> int:
    """How many bytes of an open segment are durable, as far as was noted; 0 where the note is of another one, or damaged.

    Raises:
        FileNotFoundError: the segment was sealed or forgotten.
    """
    content = _content(segment.with_name(FILE))
    inode = segment.stat().st_ino  # behind the note, which is of the next segment once this one has been sealed
    note = content[: _NOTE.size]
    if content[_NOTE.size :] != _CHECKSUM.pack(xxhash.xxh3_64_intdigest(note)):
        return 0
    *named, size = _NOTE.unpack(note)
    return int(size) if named == [int(segment.stem), inode] else 0


def _content(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except FileNotFoundError:
        return b""
