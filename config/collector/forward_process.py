"""The child process that passes accepted payloads on: `python -m otelpond.config.collector.forward_process`, started by the collector.

A process of its own, with less claim to the CPU than the others: whatever destinations do, neither an answer nor a table waits for
it. One JSON object a line (see `child`):

    <- {"settings": {...}, "destinations": {"default": [{"name": "backend", ...}]}}
                                             -> {"progress": {"backend": {"sent": {"traces": 512}, ...}}}
    end of input: pass on what is accepted by now, unless a destination does not answer, and end
"""

from __future__ import annotations

import logging
import os
import sys
import threading
from pathlib import Path
from typing import IO, NoReturn

from ...exporters.forwarding import PondForwarding
from ...storage import log_lines
from ...storage.durable import make_folder
from ..settings import Settings
from . import parent
from .forward_child import DESTINATIONS
from .forwarding import kept

_NICENESS = 5
_TEND_S = 1.0
_DRAIN_S = 5.0


def main() -> None:
    """Pass on until the input ends."""
    log_lines.configure("forwarder")
    answers = parent.answers()
    os.nice(_NICENESS)
    greeting = parent.greeting(sys.stdin.readline())
    if greeting is None:
        return
    settings = Settings.model_validate(greeting["settings"])
    ended = parent.ended(sys.stdin)
    data = Path(settings.data).absolute()
    make_folder(data)
    with parent.alone(data / "forward.lock", ended) as held:
        if not held:
            return
        ponds = [
            PondForwarding(kept(settings, tenant), destinations, retry_window_s=settings.retry_window_s)
            for tenant, destinations in DESTINATIONS.validate_python(greeting["destinations"]).items()
        ]
        _run(ponds, ended, answers)


def _run(ponds: list[PondForwarding], ended: threading.Event, answers: IO[str]) -> None:
    for pond in ponds:
        pond.start()
    while not ended.wait(_TEND_S):
        for pond in ponds:
            pond.tend()
        _say(ponds, answers)
    for pond in ponds:
        pond.drain(_DRAIN_S / len(ponds))
    _say(ponds, answers)


def _say(ponds: list[PondForwarding], answers: IO[str]) -> None:
    progress = {name: counts for pond in ponds for name, counts in pond.progress().items()}
    parent.say(answers, {"progress": progress})


def end() -> NoReturn:
    """End at once: the cursors are written, and threads that wait for a destination are not waited for."""
    logging.shutdown()
    os._exit(0)


if __name__ == "__main__":
    main()
    end()
