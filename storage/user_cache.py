"""Where what can be made again is kept from one start to the next: compiled kernels, and tables that were checked."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

CACHE_DIR_VARIABLE: Final = "OTELPOND_CACHE_DIR"


def user_cache() -> Path:
    """$OTELPOND_CACHE_DIR, else otelpond's folder in the user's cache."""
    users = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return Path(os.environ.get(CACHE_DIR_VARIABLE) or users / "otelpond")
