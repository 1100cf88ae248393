"""Decodes plainly until the kernels are compiled, so that a collector stores data from its first second."""

from __future__ import annotations

import logging
import threading
import time

import pyarrow as pa

from ..signals import Signal
from . import kernels, reference
from .compiler import ensure_compiled
from .payloads import Payloads, Rules

logger = logging.getLogger(__name__)


def warm() -> None:
    """Have the kernels ready: compiled, a minute by a process of its own where the cache folder lacks them, and loaded.

    Raises:
        OSError: the compiler cannot be started.
        CalledProcessError: it failed; it has said why on standard error.
    """
    ensure_compiled()
    kernels.load()


class WarmingDecoder:
    """The kernels, as soon as they are ready; until then the plain decoder."""

    def __init__(self) -> None:
        self._decode = reference.decode
        threading.Thread(target=self._warm, name="warm", daemon=True).start()

    def __call__(self, signal: Signal, payloads: Payloads, rules: Rules) -> dict[str, pa.Table]:
        """Decode payloads of one signal; see `reference.decode`."""
        return self._decode(signal, payloads, rules)

    def _warm(self) -> None:
        started = time.monotonic()
        try:
            warm()
        except Exception:
            logger.exception("the decode kernels cannot be compiled; decoding goes on without them, some ten times slower")
            return
        self._decode = kernels.decode
        logger.info("the decode kernels are ready after %.1f s", time.monotonic() - started)
