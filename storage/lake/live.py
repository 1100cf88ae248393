"""DATA/live/<table>/dt=*/*.parquet: hard links to exactly the live files, for readers that know Parquet and nothing of Delta.

The lake hands over the newest snapshot after each publish or compaction. New files are linked into their day's folder; where files
left a day, a folder with the right links is exchanged for the old one in one step, so that no listing shows rows twice or not
at all. What a crash left behind is put right the same way: the folders are compared with the snapshot, not with what was done.
"""

from __future__ import annotations

import ctypes
import logging
import os
import shutil
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Final

logger = logging.getLogger(__name__)
STAGING: Final = ".staging"
_AT_FDCWD: Final = -2 if sys.platform == "darwin" else -100
_EXCHANGE: Final = 2  # RENAME_EXCHANGE of Linux's renameat2, RENAME_SWAP of macOS's renameatx_np


def link_snapshot(table: Path, live: Path, files: Iterable[str]) -> None:
    """Make `live` show exactly these files of the table's folder (paths `dt=.../name`). The caller holds the lock of the pond."""
    staging = live.parent / STAGING / live.name
    if staging.exists():
        shutil.rmtree(staging)
    wanted: dict[str, set[str]] = {}
    for path in files:
        day, name = path.split("/", 1)
        wanted.setdefault(day, set()).add(name)
    shown = {entry.name for entry in os.scandir(live)} if live.is_dir() else set()
    for day in sorted(wanted.keys() | shown):
        _link_day(table / day, live / day, staging / day, wanted.get(day, set()))


def _link_day(source: Path, day: Path, staging: Path, names: set[str]) -> None:
    linked = {entry.name for entry in os.scandir(day)} if day.is_dir() else set()
    if linked <= names and day.is_dir() and names:
        for name in names - linked:
            _link(source / name, day / name)
        return
    staging.mkdir(parents=True)
    for name in names:
        _link(source / name, staging / name)
    if not names:
        day.rename(staging / "dropped")
    elif day.is_dir():
        exchange(staging, day)
    else:
        day.parent.mkdir(parents=True, exist_ok=True)
        staging.rename(day)
    shutil.rmtree(staging.parent)


def _link(source: Path, target: Path) -> None:
    """A hard link, or a symbolic one where the file system has no hard links. A file that is lost must not stop the others."""
    try:
        os.link(source, target)
    except FileNotFoundError:
        logger.error("%s is gone: it cannot be shown in %s", source, target.parent)  # noqa: TRY400 - it is no fault of the program
    except OSError:
        target.symlink_to(source.resolve())


def exchange(first: Path, second: Path) -> None:
    """Exchange two folders in one step; in two steps, a moment apart, where the system cannot."""
    if not _exchange_in_one_step(first, second):
        aside = first.with_name(f"{first.name}.aside")
        second.rename(aside)
        first.rename(second)
        aside.rename(first)


def _exchange_in_one_step(first: Path, second: Path) -> bool:
    function = getattr(ctypes.CDLL(None, use_errno=True), "renameatx_np" if sys.platform == "darwin" else "renameat2", None)
    if function is None:
        return False
    return bool(function(_AT_FDCWD, os.fsencode(first), _AT_FDCWD, os.fsencode(second), _EXCHANGE) == 0)
