"""Decodes plainly until the kernels are compiled, so that a collector stores data from its first second."""

from __future__ import annotations

import logging
import subprocess
import sys
import threading
import time

import pyarrow as pa

from ..signals import Signal
from . import reference
from .payloads import Payloads, Rules

logger = logging.getLogger(__name__)


class WarmingDecoder:
    """The kernels, compiled in a thread of their own (about a minute, or seconds from their cache); until then the plain decoder."""

    def __init__(self) -> None:
        self._decode = reference.decode
        threading.Thread(target=self._warm, name="warm", daemon=True).start()

    def __call__(self, signal: Signal, payloads: Payloads, rules: Rules) -> dict[str, pa.Table]:
        """Decode payloads of one signal; see `reference.decode`."""
        return self._decode(signal, payloads, rules)

    def _warm(self) -> None:
        """Have a child compile what the cache lacks: compiling costs half a gigabyte, and Python's lock for a minute; then load it."""
        started = time.monotonic()
        try:
            from . import kernels  # noqa: PLC0415 - importing Numba takes a second

            if not kernels.is_compiled():
                subprocess.run([sys.executable, "-c", f"from {__package__} import kernels; kernels.warm()"], check=True)
            kernels.warm()
        except Exception:
            logger.exception("the decode kernels cannot be compiled; decoding goes on without them, some ten times slower")
            return
        self._decode = kernels.decode
        logger.info("the decode kernels are ready after %.1f s", time.monotonic() - started)
