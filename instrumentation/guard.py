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
MAX_SAID = 200
"""Lines of `say_once` in a process."""
_said: set[tuple[str, type]] = set()


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


def say_once(what: str, error: BaseException | None = None) -> None:
    """The same, the first time in this process that an error of this class is said of it, or that it is said without one."""
    key = (what, type(error))
    if key not in _said and len(_said) < MAX_SAID:
        _said.add(key)
        say(what if error is None else f"{what}: {type(error).__name__}: {_message(error)}")


def _message(error: BaseException) -> str:
    """Without secrets and personal data; who reads the service's output need not be who may read those."""
    try:
        from .privacy import text  # noqa: PLC0415 - it needs this module

        return text(str(error))
    except Exception:  # noqa: BLE001 - an error's class may be anybody's, and privacy be what has failed
        return "its message cannot be told"


@contextmanager
def skipped(what: str) -> Iterator[None]:
    """Run a step of ours; where it fails, say so once and go on behind it."""
    try:
        yield
    except Exception as error:  # noqa: BLE001 - whatever it is, it must not reach the service
        say_once(f"{what} is skipped", error)


def harmless(function: Callable[P, R]) -> Callable[P, R | None]:
    """A function that a service calls: what goes wrong in it is said once, and None comes back."""

    @functools.wraps(function)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> R | None:
        try:
            return function(*args, **kwargs)
        except Exception as error:  # noqa: BLE001 - as above
            say_once(f"{function.__name__}() did nothing", error)
            return None

    return guarded
