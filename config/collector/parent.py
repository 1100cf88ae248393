"""The collector, from the side of a child process that it started: its greeting, and what it is told; see `child`."""

from __future__ import annotations

import contextlib
import json
import os
import sys
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any, Final

from ...storage.locks import locked

LONGEST_LINE_BYTES: Final = 1 << 24
"""Of what either side says."""
_LOCK_POLL_S: Final = 0.5


def answers() -> IO[str]:
    """Where to write to the collector: standard output, which from now on nobody else writes to."""
    stream = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # a library that prints must not be taken for an answer
    return stream


def greeting(line: str | bytes) -> dict[str, Any] | None:
    """What the first line says; None for the end of input: the collector was told to end meanwhile."""
    said: dict[str, Any] | None = json.loads(line or "null")
    return said


def ended(requests: IO[str]) -> threading.Event:
    """Is set at the end of input, for a process that is told nothing but its greeting."""
    event = threading.Event()

    def wait() -> None:
        for _ in requests:
            pass
        event.set()

    threading.Thread(target=wait, name="requests", daemon=True).start()
    return event


@contextlib.contextmanager
def alone(lock: Path, until: threading.Event) -> Iterator[bool]:
    """Wait for a lock, which the process of a collector that was killed holds until it has ended; False where `until` came first."""
    with contextlib.ExitStack() as stack:
        while not (held := stack.enter_context(locked(lock, wait=False))):
            if until.wait(_LOCK_POLL_S):
                break
        yield held


def say(stream: IO[str], message: Mapping[str, Any]) -> bool:
    """Tell the collector something; False where it is gone, which the end of input tells too."""
    try:
        print(json.dumps(message), file=stream, flush=True)
    except BrokenPipeError:
        return False
    return True
