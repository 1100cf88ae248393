"""Files of segments that are forgotten, kept to be written over: as PostgreSQL does with those of its WAL, and for the same reasons.

Bytes that are written over stay in the pages of memory and the blocks of the disk where they are: nothing is allocated, neither in an
fsync. What an older segment held stays behind what was written, until the segment is sealed; see `durable_end` for its end, and
`frames` for the marks by which its frames are told from older ones.
"""

from __future__ import annotations

import errno
import fcntl
import logging
import os
import signal
from pathlib import Path
from typing import Final

from ..durable import sync
from .frames import MARK_BYTES

logger = logging.getLogger(__name__)

_SUFFIX: Final = ".spare"
_MOST: Final = 24
"""More than are forgotten at once under full load."""


def leave(segment: Path) -> None:
    """Keep a segment's file, unless there are enough.

    Raises:
        FileNotFoundError: it was renamed meanwhile.
    """
    if len(spares(segment.parent)) < _MOST:
        segment.rename(segment.with_suffix(_SUFFIX))
    else:
        segment.unlink()


def take(folder: Path, name: Path) -> int | None:
    """Give a spare that name, to be written to from its beginning: a descriptor, or None where there is none that can be."""
    for spare in spares(folder):
        try:
            return _renamed(spare, name)
        except OSError as failure:
            logger.debug("%s is not written over: %s", spare, failure)
            spare.unlink(missing_ok=True)
    return None


def remove_all(folder: Path) -> None:
    """Remove the spares of an inbox that is written to slowly, or by nobody."""
    try:
        for spare in spares(folder):
            spare.unlink(missing_ok=True)
    except OSError as failure:
        logger.warning("cannot remove the spares of %s: %s", folder, failure)


def spares(folder: Path) -> list[Path]:
    """Those of an inbox, oldest first."""
    return sorted(folder.glob(f"*{_SUFFIX}"))


def _renamed(spare: Path, name: Path) -> int:
    """The spare's descriptor. No frame begins it any more, durably so before it has the name: what it held is not what it holds.

    Raises:
        OSError: it cannot be written to, or somebody else may still read what it held.
    """
    descriptor = os.open(spare, os.O_WRONLY | os.O_NOFOLLOW)
    try:
        if os.fstat(descriptor).st_nlink > 1:
            raise FileExistsError(f"{spare} has another name too")
        _require_alone(descriptor)
        os.pwrite(descriptor, bytes(MARK_BYTES), 0)
        sync(descriptor)
        spare.rename(name)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def _require_alone(descriptor: int) -> None:
    """Ask Linux for a write lease, which it gives where nobody else has the file open: a backup may read it since before it was forgotten.

    Raises:
        OSError: somebody has, or the system knows no leases.
    """
    if not hasattr(fcntl, "F_SETLEASE"):
        raise OSError(errno.ENOTSUP, os.strerror(errno.ENOTSUP))
    fcntl.fcntl(descriptor, fcntl.F_SETSIG, signal.SIGURG)  # should somebody open it this moment: SIGIO would end the process
    fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_WRLCK)
    fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_UNLCK)
