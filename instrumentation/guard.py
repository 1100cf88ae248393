"""Nothing of ours reaches the service: what fails here is skipped, and said in one line on standard error.

Not by `logging`: what the service sets up there may swallow the line, or send it round in a circle through our own handlers.
"""

from __future__ import annotations

import functools
import os
import select
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, ParamSpec, TextIO, TypeVar

P = ParamSpec("P")
R = TypeVar("R")

MAX_BYTES = getattr(select, "PIPE_BUF", 4096)
"""What a pipe that takes anything takes at once."""
_poll: Any = getattr(select, "poll", None)  # gevent puts its own there later, which is not for every thread
_said: set[str] = set()


def say(text: str) -> None:
    """One line on standard error, where there is one that takes it at once: a pipe that nobody reads would hold up the service."""
    with suppress(Exception):  # closed, None, or in the middle of a line of its own (a signal handler's reentrant call)
        line = f"otelpond: {' '.join(text.split())}"
        descriptor = _descriptor(sys.stderr)
        if descriptor is None:
            sys.stderr.write(f"{line}\n")
            sys.stderr.flush()
        elif _takes(descriptor):
            os.write(descriptor, line.encode(errors="backslashreplace")[: MAX_BYTES - 1] + b"\n")


def _descriptor(stream: TextIO) -> int | None:
    """What a stream writes to; None where it stands for something else, as in tests."""
    with suppress(Exception):
        descriptor = stream.fileno()
        return descriptor if isinstance(descriptor, int) else None
    return None


def _takes(descriptor: int) -> bool:
    if _poll is None:  # Windows
        return True
    poll = _poll()
    poll.register(descriptor, select.POLLOUT)
    return any(event & select.POLLOUT for _, event in poll.poll(0))


def say_once(text: str) -> None:
    """The same, the first time in this process that exactly this is said."""
    if text not in _said:
        _said.add(text)
        say(text)


@contextmanager
def skipped(what: str) -> Iterator[None]:
    """Run a step of ours; where it fails, say so once and go on behind it."""
    try:
        yield
    except Exception as error:  # noqa: BLE001 - whatever it is, it must not reach the service
        say_once(f"{what} is skipped: {type(error).__name__}: {error}")


def harmless(function: Callable[P, R]) -> Callable[P, R | None]:
    """A function that a service calls: what goes wrong in it is said once, and None comes back."""

    @functools.wraps(function)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> R | None:
        try:
            return function(*args, **kwargs)
        except Exception as error:  # noqa: BLE001 - as above
            say_once(f"{function.__name__}() did nothing: {type(error).__name__}: {error}")
            return None

    return guarded
