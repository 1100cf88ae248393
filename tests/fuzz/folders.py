"""Where targets that need files keep them."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from pathlib import Path

_MEMORY = Path("/dev/shm")  # noqa: S108 - a folder of its own is made in it


def memory_folder() -> Path:
    """A new folder, in memory where that can be had, which goes when this process ends."""
    folder = Path(tempfile.mkdtemp(prefix="otelpond-fuzz-", dir=_MEMORY if _MEMORY.is_dir() else None))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder
