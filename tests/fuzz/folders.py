"""Where targets that need files keep them."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_MEMORY = Path("/dev/shm")  # noqa: S108 - a folder of its own is made in it


def new_folder() -> Path:
    """A new folder that goes when this process ends; `TMPDIR` says where."""
    folder = Path(tempfile.mkdtemp(prefix="otelpond-fuzz-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


@contextmanager
def memory_folder() -> Iterator[str]:
    """A folder in memory, where that can be had, for a process that a fuzzer may end without leave."""
    with tempfile.TemporaryDirectory(prefix="otelpond-fuzz-", dir=_MEMORY if _MEMORY.is_dir() else None) as folder:
        yield folder
