"""The process that compiles the kernels: it needs half a gigabyte, Numba and Python's lock for a minute, and then it is gone.

`python -m otelpond.storage.decode.compiler`, started by whoever finds that the cache folder lacks kernels; ends when its parent does.
"""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading

from .. import log_lines
from ..durable import make_folder
from ..locks import locked
from . import compilation
from .machine_code import cache_folder, is_compiled, note_compiled, note_used

logger = logging.getLogger(__name__)


def ensure_compiled() -> None:
    """Have the kernels compiled where the cache folder lacks them; errors as `warming.warm` has them."""
    if is_compiled():
        note_used()
        return
    with subprocess.Popen([sys.executable, "-m", __name__], stdin=subprocess.PIPE) as compiler:
        if compiler.wait():
            raise subprocess.CalledProcessError(compiler.returncode, compiler.args)


def main() -> None:
    """Compile the kernels; end when the parent does, however that ends: its end of the pipe is then closed."""
    in_collector = log_lines.FORMAT_VARIABLE in os.environ  # and not in `otelpond warm`
    log_lines.configure("compiler")
    threading.Thread(target=lambda: os._exit(int(sys.stdin.read() == "")), daemon=True).start()
    try:
        make_folder(cache_folder())
        with locked(cache_folder() / ".lock"):
            if not is_compiled():  # by another collector, meanwhile
                compilation.begin()
                from . import kernels  # noqa: PLC0415 - what `begin` has to come before

                kernels.load()
                note_compiled()
    except OSError as failure:
        reason = f"the decoders cannot be kept in {cache_folder()}: {failure.strerror}; name another folder by OTELPOND_CACHE_DIR"
        if not in_collector:
            sys.exit(f"otelpond: {reason}")
        logger.error("%s", reason)  # noqa: TRY400 - it is no fault of the program
        sys.exit(1)


if __name__ == "__main__":
    main()
    os._exit(0)  # the thread that waits for the parent holds standard input
