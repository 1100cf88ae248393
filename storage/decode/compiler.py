"""The process that compiles the kernels: it needs half a gigabyte, Numba and Python's lock for a minute, and then it is gone.

`python -m otelpond.storage.decode.compiler`, started by whoever finds that the cache folder lacks kernels; ends when its parent does.
"""

from __future__ import annotations

import contextlib
import logging
import os
import subprocess
import sys
import threading
from collections.abc import Iterable
from typing import Final

from .. import log_lines
from ..durable import make_folder
from ..locks import locked
from ..signals import Signal
from . import compilation
from .machine_code import cache_folder, is_compiled, note_compiled, note_used

logger = logging.getLogger(__name__)
_HALVES: Final = ((Signal.TRACES,), (Signal.METRICS, Signal.LOGS))
"""Signals whose kernels take about as long to compile."""


def ensure_compiled(*, at_once: bool = False) -> None:
    """Have the kernels compiled where the cache folder lacks them; errors as `warming.warm` has them.

    Args:
        at_once: by two processes, each of which needs half a gigabyte, in two thirds of the time.
    """
    if is_compiled():
        note_used()
        return
    with contextlib.ExitStack() as ahead:
        for compiler in [ahead.enter_context(_compiler(*signals)) for signals in _HALVES if at_once]:
            compiler.wait()
    with _compiler() as compiler:  # what the others have compiled it only loads, and what they could not it tells of
        if compiler.wait():
            raise subprocess.CalledProcessError(compiler.returncode, compiler.args)


def _compiler(*signals: Signal) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-m", __name__, *(signal.name for signal in signals)], stdin=subprocess.PIPE)


def main(*names: str) -> None:
    """Compile the kernels, or those of some signals; end when the parent does, however that ends: its end of the pipe is then closed."""
    in_collector = log_lines.FORMAT_VARIABLE in os.environ  # and not in `otelpond warm`
    log_lines.configure("compiler")
    threading.Thread(target=lambda: os._exit(int(sys.stdin.read() == "")), daemon=True).start()
    try:
        make_folder(cache_folder())
        if names:
            _compile([Signal[name] for name in names])
            return
        with locked(cache_folder() / ".lock"):
            if not is_compiled():  # by another collector, meanwhile
                _compile(Signal)
                note_compiled()
    except OSError as failure:
        reason = f"the decoders cannot be kept in {cache_folder()}: {failure.strerror}; name another folder by OTELPOND_CACHE_DIR"
        if not in_collector:
            sys.exit(f"otelpond: {reason}")
        logger.error("%s", reason)  # noqa: TRY400 - it is no fault of the program
        sys.exit(1)


def _compile(signals: Iterable[Signal]) -> None:
    compilation.begin()
    from . import kernels  # noqa: PLC0415 - what `begin` has to come before

    kernels.load(signals)


if __name__ == "__main__":
    main(*sys.argv[1:])
    os._exit(0)  # the thread that waits for the parent holds standard input
