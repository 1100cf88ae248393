"""Reads what `faulthandler` leaves of a process that a signal has ended: the calls of its threads, the innermost first."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from .in_app import InApp
from .python_frames import frame_of
from .trace import Error, Frame, innermost_last

_FATAL: Final = re.compile(r"(Fatal Python error|Windows fatal exception): (.*)")
_THREAD: Final = re.compile(r"(Current thread|Thread|Stack) [^\n]*\(most recent call first\):$")


def is_dump(lines: Sequence[str]) -> bool:
    """Whether lines are such a text."""
    return any(_THREAD.match(line) for line in lines)


def read(lines: Sequence[str], in_app: InApp) -> tuple[Error, ...]:
    """One error, with the calls of the thread that was running, else of the first."""
    fatal = next(filter(None, map(_FATAL.match, lines)), None)
    kind, message = fatal.groups() if fatal else (None, "")
    return (Error(kind, message, innermost_last(_running(lines, in_app))),)


def _running(lines: Sequence[str], in_app: InApp) -> list[Frame]:
    threads = [(found[1], at) for at, line in enumerate(lines) if (found := _THREAD.match(line))]
    begin = next((at for kind, at in threads if kind == "Current thread"), threads[0][1])
    frames = []
    for line in lines[begin + 1 :]:
        frame = frame_of(line, in_app)
        if frame is None:
            break
        frames.append(frame)
    return frames
