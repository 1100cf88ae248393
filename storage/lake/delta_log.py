"""What delta-rs leaves to us of a Delta log on a local disk: durable entries, and mending after a power loss; the lake calls it.

delta-rs writes an entry to a temporary file and renames it, so that a process killed at any moment leaves whole entries only; it
fsyncs nothing, so that a power loss may leave the newest ones empty, cut off or gone. Every process of ours fsyncs the entries
up to its own before it reports anything, so that a torn entry is one that nobody was promised.
"""

from __future__ import annotations

import contextlib
import json
import logging
import re
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq

from ..durable import fsync_folder, write_file
from .parquet import LakeError, fsync_files

logger = logging.getLogger(__name__)
FOLDER: Final = "_delta_log"
RECENT: Final = 16
"""Entries of this many last versions may be undurable when a process starts: those of killed publishes and one maintenance run."""
UNDURABLE: Final = ".undurable"
NEWEST: Final = 3
"""A damaged entry with more entries behind it is a failing disk and not a power loss: that is told, and not mended."""
_ENTRY = re.compile(r"(\d{20})\.json")


def entries(log: Path) -> list[tuple[int, Path]]:
    """The log's entries in the order of their versions."""
    return sorted((int(match[1]), path) for path in log.iterdir() if (match := _ENTRY.fullmatch(path.name)))


def entry(version: int) -> str:
    """The name of a version's entry."""
    return f"{version:020d}.json"


def fsync_entries(log: Path, first: int, last: int) -> None:
    """Make the entries of these versions durable, with the folder they stand in; cleaned-up ones are passed over."""
    fsync_files([log / entry(version) for version in range(first, last + 1)])
    fsync_folder(log)


def rewrite_entries(log: Path, first: int, last: int) -> None:
    """Write the entries of these versions anew, durably, with the content that they show."""
    for path in (log / entry(version) for version in range(first, last + 1)):
        if path.exists():
            write_file(path, path.read_bytes())


def mend(log: Path) -> None:
    """Bring a log back to its last whole entry after a power loss. Only at start, and while nobody else writes to it.

    Torn entries at the end are renamed to `<version>.json.torn`: their publish was never reported, so that its plan is replayed,
    and a compaction's inputs still lie there. A torn checkpoint is removed: the entries it sums up are there until it is durable.
    Entries that a checkpoint sums up say nothing: a clean-up that was not durable may have left any of them.

    Damage farther from the end, or of a table's first entry, which is durable before there is a second, is left for `explain` to tell.
    """
    if not log.is_dir():
        return
    _mend_checkpoint(log)
    summed_up = max((_version(checkpoint) for checkpoint in log.glob("*.checkpoint.parquet") if readable(checkpoint)), default=-1)
    found = [(version, path) for version, path in entries(log) if version > summed_up]
    torn = _first_torn(found, summed_up + 1)
    if torn is not None and len(found) - torn <= NEWEST and (found[torn][0] > 0 or len(found) == 1):
        for _, path in reversed(found[torn:]):
            logger.warning("log entry %s was cut off by a power loss; its rows will be published again", path)
            path.rename(path.with_name(f"{path.name}.torn"))
        fsync_folder(log)


def settle(log: Path) -> None:
    """Make the recent entries durable, whoever wrote them. Only at start."""
    recent = [version for version, _ in entries(log)[-RECENT:]] if log.is_dir() else []
    if recent and (log / UNDURABLE).exists():
        rewrite_entries(log, recent[0], recent[-1])
        (log / UNDURABLE).unlink()
    elif recent:
        fsync_entries(log, recent[0], recent[-1])


def _first_torn(found: list[tuple[int, Path]], first: int) -> int | None:
    """The place of the first entry that is not whole, or lacks the one before it; none where the log's beginning is what is missing."""
    if found and found[0][0] > first == 0:
        return None
    newest = len(found) - RECENT
    return next((i for i, (version, path) in enumerate(found) if version != first + i or (i >= newest and not _whole(path))), None)


def note_undurable(log: Path) -> None:
    """Note that an fsync failed: the system tells that once, so that the next process could not know it. It needs no fsync itself."""
    with contextlib.suppress(OSError):
        (log / UNDURABLE).touch()


def _whole(path: Path) -> bool:
    """An entry is whole when each of its lines is a JSON object; an empty one would pass for a version without actions."""
    content = path.read_bytes()
    try:
        return bool(content.strip()) and all(isinstance(json.loads(line), dict) for line in content.splitlines() if line.strip())
    except ValueError:
        return False


def _mend_checkpoint(log: Path) -> None:
    for checkpoint in log.glob("*.checkpoint.parquet"):
        older = any(version < _version(checkpoint) for version, _ in entries(log))
        if older and not readable(checkpoint):
            logger.warning("checkpoint %s was cut off by a power loss; the log's entries take its place", checkpoint)
            (log / "_last_checkpoint").unlink(missing_ok=True)
            checkpoint.unlink(missing_ok=True)
            fsync_folder(log)


def _version(checkpoint: Path) -> int:
    return int(checkpoint.name.split(".", 1)[0])


def readable(file: Path) -> bool:
    """Whether there is a Parquet file with a whole footer.

    Raises:
        OSError: the system does not let it be read, which says nothing of the file.
    """
    try:
        pq.read_metadata(file)
    except (pa.ArrowException, FileNotFoundError):
        return False
    except OSError as failure:
        if failure.errno is not None:
            raise
        return False  # Arrow's own, for what is no footer
    return True


def last_checkpoint(log: Path) -> int:
    """The version of the last checkpoint; -1 where there is none."""
    try:
        return int(json.loads((log / "_last_checkpoint").read_bytes())["version"])
    except (FileNotFoundError, ValueError, KeyError):
        return -1


def fsync_checkpoint(log: Path) -> None:
    """Make the newest checkpoint durable, then the pointer to it: only then may entries be cleaned up."""
    fsync_files(sorted(log.glob("*.checkpoint.parquet"))[-1:])
    fsync_files([log / "_last_checkpoint"])


def explain(table: str, log: Path, error: Exception) -> LakeError:
    """The error to show for one of delta-rs: it names the damaged file where there is one, and what to do."""
    damaged = [path for _, path in entries(log) if not _whole(path)] if log.is_dir() else []
    damaged += [path for path in log.glob("*.checkpoint.parquet") if not readable(path)] if log.is_dir() else []
    if damaged:
        return LakeError(
            f"table {table}: {damaged[0]} is damaged. Restore this file from a backup, or move {log.parent} away: "
            f"the table then starts empty, and its Parquet files stay readable by themselves."
        )
    first_line = str(error).split("\n", maxsplit=1)[0]
    return LakeError(f"table {table}: {log.parent} cannot be opened: {first_line}")
