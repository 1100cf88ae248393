"""Files of segments that are forgotten, kept to be written over: as PostgreSQL does with those of its WAL, and for the same reasons.

Bytes that are written over stay in the pages of memory and the blocks of the disk where they are: nothing is allocated, neither in an
fsync. What an older segment held stays behind what was written, until the segment is sealed; see `durable_end` for its end, and
`frames` for the marks by which its frames are told from older ones.
"""

from __future__ import annotations

import contextlib
import logging
import os
from pathlib import Path
from typing import Final

from ..durable import sync
from .frames import MARK_BYTES

logger = logging.getLogger(__name__)

_SUFFIX: Final = ".spare"
_MOST: Final = 24
"""As many as are forgotten at once under full load."""


def leave(segment: Path) -> None:
    """Keep a segment's file, unless there are enough, or its bytes have another name too: then only its name goes.

    Raises:
        FileNotFoundError: it was renamed meanwhile.
    """
    if segment.stat().st_nlink > 1 or len(_spares(segment.parent)) >= _MOST:
        segment.unlink()
    else:
        segment.rename(segment.with_suffix(_SUFFIX))


def take(folder: Path, name: Path) -> int | None:
    """Give a spare that name, to be written to from its beginning: a descriptor, or None where there is none.

    No frame begins it any more, durably so before it has the name: what it held must not be taken for what it holds.
    """
    for spare in _spares(folder):
        with contextlib.suppress(FileNotFoundError):
            descriptor = os.open(spare, os.O_WRONLY | os.O_NOFOLLOW)
            try:
                os.pwrite(descriptor, bytes(MARK_BYTES), 0)
                sync(descriptor)
                spare.rename(name)
            except OSError as failure:
                os.close(descriptor)
                logger.warning("cannot write over %s, it is removed: %s", spare, failure)
                spare.unlink(missing_ok=True)
            else:
                return descriptor
    return None


def remove_all(folder: Path) -> None:
    """Remove the spares of an inbox that is written to slowly, or by nobody."""
    for spare in _spares(folder):
        try:
            spare.unlink(missing_ok=True)
        except OSError as failure:
            logger.warning("cannot remove %s: %s", spare, failure)


def _spares(folder: Path) -> list[Path]:
    return sorted(folder.glob(f"*{_SUFFIX}"))
