"""Up to where an inbox's open segment is durable: its writer notes it behind each fsync, and readers go no further.

The file of an open segment may be longer than what it holds: see `spares`. The note is not fsynced: it is what processes tell each
other. What a power loss leaves of it may be old, and never names bytes that were not durable.
"""

from __future__ import annotations

import contextlib
import os
import struct
from pathlib import Path
from typing import Final

import xxhash

FILE: Final = "end"
_NOTE: Final = struct.Struct("<QQ")
_CHECKSUM: Final = struct.Struct("<Q")


class DurableEnd:
    """The note of one inbox, for its writer.

    Raises:
        OSError: it cannot be written.
    """

    def __init__(self, folder: Path) -> None:
        self._descriptor = os.open(folder / FILE, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW, 0o600)

    def note(self, number: int, size: int) -> None:
        """So many bytes of the segment of that number are durable; of all others nobody writes to any more, or yet."""
        note = _NOTE.pack(number, size)
        os.pwrite(self._descriptor, note + _CHECKSUM.pack(xxhash.xxh3_64_intdigest(note)), 0)

    def close(self) -> None:
        """Leave it as it is."""
        os.close(self._descriptor)


def noted(folder: Path, number: int) -> int | None:
    """How many bytes of the segment of that number are durable; None where the note is of another one, or damaged."""
    with contextlib.suppress(FileNotFoundError):
        content = (folder / FILE).read_bytes()
        note = content[: _NOTE.size]
        if len(content) == _NOTE.size + _CHECKSUM.size and _CHECKSUM.pack(xxhash.xxh3_64_intdigest(note)) == content[_NOTE.size :]:
            named, size = _NOTE.unpack(note)
            return int(size) if named == number else None
    return None
