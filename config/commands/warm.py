"""`otelpond warm`: compiles the decode kernels into their cache, so that an image starts with them."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console

from ..sources import load


def run(config: Path | None, options: Mapping[str, Any]) -> None:
    """Compile every kernel, or load it from the cache."""
    load(config, options)
    console = Console(stderr=True, highlight=False)
    started = time.monotonic()
    with console.status("compiling the decoders, which takes about a minute the first time"):
        from ...storage.decode import kernels

        kernels.warm()
    console.print(f"the decoders are ready ({time.monotonic() - started:.1f} s)")
