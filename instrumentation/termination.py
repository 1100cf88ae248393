"""SIGTERM, where the service leaves it to the system: what is left is sent before the process dies of it, as it would have.

Python runs nothing at exit when it dies of a signal, and servers let it: uvicorn handles SIGTERM, puts back what it found, and raises it
again; gunicorn's workers put the default back before they set their own. So the default itself is what we replace, in the one process
and for this one signal; who asks for the handler is told that it is the default.

The default ends a process whatever it does; a handler in Python only runs when the main thread comes by. A signal that arrives while that
thread enters a system call, or that another thread is given, would be forgotten until the call returns: a worker of a pool then waits
for ever (seen once in 250 runs). So Python also tells our thread of signals (`signal.set_wakeup_fd`), which insists.
"""

from __future__ import annotations

import functools
import signal
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from types import FrameType
from typing import Any

_set: Callable[[int, Any], Any] = signal.signal
_get: Callable[[int], Any] = signal.getsignal
_set_fd: Callable[..., int] = signal.set_wakeup_fd
_before_death: list[Callable[[], bool]] = []
_fd = -1
_came_by = False
_held = threading.local()
INSIST_S = 0.05
"""How long the main thread has to come by before it is interrupted again, up to 20 times."""


def begin(before_death: Callable[[], bool], wakeup_fd: int) -> None:
    """From now on call `before_death` in the main thread when the default would end the process; False where it must not die yet.

    The numbers of signals are written to `wakeup_fd`; its reader calls `insist` for SIGTERM.
    """
    if _before_death or threading.current_thread() is not threading.main_thread():
        return
    _before_death.append(before_death)
    signal.signal = _signal
    signal.getsignal = _getsignal
    signal.set_wakeup_fd = _set_wakeup_fd
    tell(wakeup_fd)
    if _get(signal.SIGTERM) is signal.SIG_DFL:
        _set(signal.SIGTERM, _on_sigterm)
    if hasattr(signal, "SIGURG") and _get(signal.SIGURG) is signal.SIG_DFL:
        _set(signal.SIGURG, _nothing)


def tell(wakeup_fd: int) -> None:
    """Have the numbers of signals written there, unless somebody else has them written elsewhere; in the main thread, also of a child."""
    global _fd  # noqa: PLW0603 - Python has one for the process too
    if not _before_death:
        return
    with suppress(ValueError, OSError):
        previous = _set_fd(wakeup_fd, warn_on_full_buffer=False)
        if previous not in {-1, _fd}:
            _set_fd(previous)
        _fd = wakeup_fd


def hold() -> None:
    """Before a fork: SIGTERM waits. Python forgets what a child is sent in its first moments, and a pool waits for it for ever."""
    if _before_death and hasattr(signal, "pthread_sigmask"):
        _held.mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})


def release() -> None:
    """After it, in parent and child: SIGTERM comes, if it was not held up before."""
    mask = _held.__dict__.pop("mask", None)
    if mask is not None:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)


def insist() -> None:
    """SIGTERM has arrived: interrupt what the main thread waits for, until it comes by.

    By a signal that means nothing (Go uses it for the same): nobody is harmed by one too many.
    """
    main = threading.main_thread().ident
    if main is None or not hasattr(signal, "pthread_kill"):
        return
    for _ in range(20):
        if _came_by or _get(signal.SIGTERM) is not _on_sigterm or _get(signal.SIGURG) is not _nothing:
            return
        signal.pthread_kill(main, signal.SIGURG)
        time.sleep(INSIST_S)


def _nothing(_number: int, _frame: FrameType | None) -> None:
    """What SIGURG does by default, but that it interrupts."""


@functools.wraps(_set_fd)
def _set_wakeup_fd(fd: int, **options: bool) -> int:
    """Event loops take it, and give it back with -1."""
    previous = _set_fd(_fd, warn_on_full_buffer=False) if fd == -1 else _set_fd(fd, **options)
    return -1 if previous == _fd else previous


@functools.wraps(_set)
def _signal(signalnum: int, handler: Any) -> Any:
    ours = signalnum == signal.SIGTERM and handler is signal.SIG_DFL
    return _told(_set(signalnum, _on_sigterm if ours else handler))


@functools.wraps(_get)
def _getsignal(signalnum: int) -> Any:
    return _told(_get(signalnum))


def _told(handler: Any) -> Any:
    return signal.SIG_DFL if handler is _on_sigterm else handler


def _on_sigterm(number: int, _frame: FrameType | None) -> None:
    global _came_by  # noqa: PLW0603 - as above
    _came_by = True
    if all(may_die() for may_die in _before_death):
        _set(number, signal.SIG_DFL)
        signal.raise_signal(number)
