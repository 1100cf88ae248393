"""The collector, from the side of a child process that it started: its greeting, and what it is told; see `child`."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from typing import IO, Any, Final

LONGEST_LINE_BYTES: Final = 1 << 24
"""Of what either side says."""


def answers() -> IO[str]:
    """Where to write to the collector: standard output, which from now on nobody else writes to."""
    stream = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # a library that prints must not be taken for an answer
    return stream


def greeting(line: str | bytes) -> dict[str, Any] | None:
    """What the first line says; None for the end of input: the collector was told to end meanwhile."""
    said: dict[str, Any] | None = json.loads(line or "null")
    return said


def say(stream: IO[str], message: Mapping[str, Any]) -> bool:
    """Tell the collector something; False where it is gone, which the end of input tells too."""
    try:
        print(json.dumps(message), file=stream, flush=True)
    except BrokenPipeError:
        return False
    return True
