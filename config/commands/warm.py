"""`otelpond warm`: compiles the decode kernels into their cache, so that an image starts with them."""

from __future__ import annotations

import time

from rich.console import Console


def run() -> None:
    """Compile every kernel, or load it from the cache, and say how long it took."""
    console = Console(stderr=True, highlight=False)
    started = time.monotonic()
    with console.status("compiling the decoders, which takes about a minute the first time"):
        from ...storage.decode.warming import warm

        warm()
    console.print(f"the decoders are ready ({time.monotonic() - started:.1f} s)")
