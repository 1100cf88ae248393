"""Files that are there after a power loss: the one place that asks the system for it, for the inbox, the plans, the keys and the lake."""

from __future__ import annotations

import contextlib
import fcntl
import os
from pathlib import Path


def sync(descriptor: int) -> None:
    """Put a file's bytes on the medium, and of its metadata what is needed to find them."""
    if hasattr(fcntl, "F_FULLFSYNC"):  # macOS: fsync alone leaves them in the drive's memory
        fcntl.fcntl(descriptor, fcntl.F_FULLFSYNC)
    else:
        os.fdatasync(descriptor)


def fsync_file(path: Path) -> None:
    """Make the content of a finished file durable; its folder is the caller's to fsync."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        sync(descriptor)
    finally:
        os.close(descriptor)


def fsync_folder(folder: Path) -> None:
    """Make a folder's entries durable: what was created, renamed or removed in it."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        if hasattr(fcntl, "F_FULLFSYNC"):
            sync(descriptor)
        else:
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


def make_folder(folder: Path) -> None:
    """Create a folder and its parents, each of them durable."""
    missing = []
    while not folder.is_dir():
        missing.append(folder)
        folder = folder.parent
    for created in reversed(missing):
        created.mkdir(exist_ok=True)
        fsync_folder(created.parent)


def hand_over(path: Path, like: Path) -> None:
    """Give what root has made to the owner of a folder, who runs the collector; a link that somebody has put there is not followed."""
    if os.geteuid() == 0:
        owner = like.stat()
        os.chown(path, owner.st_uid, owner.st_gid, follow_symlinks=False)


def write_file(path: Path, content: bytes, *, mode: int = 0o644) -> None:
    """Write or replace a whole file in one durable step: a reader, or a crash, sees the old or the new one."""
    temporary = path.with_name(f".{path.name}.tmp")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, mode)
    try:
        view = memoryview(content)
        while view:
            view = view[os.write(descriptor, view) :]
        sync(descriptor)
    except OSError:
        with contextlib.suppress(OSError):
            temporary.unlink()  # half of it would take room on a disk that is full
        raise
    finally:
        os.close(descriptor)
    temporary.replace(path)
    fsync_folder(path.parent)
