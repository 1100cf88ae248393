"""Decodes plainly until the kernels are compiled, so that a collector stores data from its first second."""

from __future__ import annotations

import logging
import os
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
                _compile_in_a_child()
            kernels.warm()
        except Exception:
            logger.exception("the decode kernels cannot be compiled; decoding goes on without them, some ten times slower")
            return
        self._decode = kernels.decode
        logger.info("the decode kernels are ready after %.1f s", time.monotonic() - started)


def _compile_in_a_child() -> None:
    with subprocess.Popen([sys.executable, "-m", __spec__.name], stdin=subprocess.PIPE) as compiler:
        if compiler.wait():
            raise subprocess.CalledProcessError(compiler.returncode, compiler.args)


def main() -> None:
    """Compile the kernels; end when the parent does, however that ends: its end of the pipe is then closed."""
    from . import kernels  # noqa: PLC0415 - importing Numba takes a second

    threading.Thread(target=lambda: os._exit(int(sys.stdin.read() == "")), daemon=True).start()
    kernels.warm()


if __name__ == "__main__":
    main()
    os._exit(0)  # the thread that waits for the parent holds standard input
