"""SIGTERM, where the service leaves it to the system: what is left is sent before the process dies of it, as it would have.

Python runs nothing at exit when it dies of a signal, and servers let it: uvicorn handles SIGTERM, puts back what it found, and raises it
again; gunicorn's workers put the default back before they set their own. So the default itself is what we replace, in the one process
and for this one signal; who asks for the handler is told that it is the default.

The default ends a process whatever it does; a handler in Python only runs when the main thread comes by. A signal that arrives while that
thread enters a system call, or that another thread is given, would be forgotten until the call returns: a worker of a pool then waits
for ever (seen once in 250 runs). So Python also tells our thread of signals (`signal.set_wakeup_fd`), which has somebody insist: the main
thread is interrupted until it comes by, and where it does not, because C code does not come back, the process ends without it.
"""

from __future__ import annotations

import functools
import os
import signal
import threading
import time
from _thread import start_new_thread  # gevent's, if it comes later, would run in the main thread
from collections.abc import Callable
from contextlib import suppress
from types import FrameType
from typing import Any

from ..guard import skipped

_set: Callable[[int, Any], Any] = signal.signal
_get: Callable[[int], Any] = signal.getsignal
_set_fd: Callable[..., int] = signal.set_wakeup_fd
_sleep = time.sleep
_before_death: list[Callable[[], bool]] = []
_fd = -1
_patience_s = 0.0
_came_by = False
_is_seen_to = False
_held = threading.local()
INSIST_S = 0.05
"""How long the main thread has to come by before it is interrupted again, up to `TIMES` times."""
TIMES = 20


def begin(before_death: Callable[[], bool], wakeup_fd: int, patience_s: float) -> None:
    """From now on call `before_death` when the default would end the process; False where it must not die yet.

    It is called in the main thread, or in one of its own where that is in C. `patience_s` is how long it may take. The numbers of signals
    are written to `wakeup_fd`; its reader calls `arrived` for SIGTERM.
    """
    global _patience_s  # noqa: PLW0603 - there is one default to replace
    if threading.current_thread() is not threading.main_thread():
        return
    _before_death[:] = [before_death]
    _patience_s = patience_s
    signal.signal = _signal
    signal.getsignal = _getsignal
    signal.set_wakeup_fd = _set_wakeup_fd
    tell(wakeup_fd)
    if _get(signal.SIGTERM) is signal.SIG_DFL:
        _set(signal.SIGTERM, _on_sigterm)
    if hasattr(signal, "SIGURG") and _get(signal.SIGURG) is signal.SIG_DFL:
        _set(signal.SIGURG, _nothing)


def end() -> None:
    """From now on the default is the system's again."""
    tell(-1)
    _before_death.clear()
    for name, original, ours in (
        ("signal", _set, _signal),
        ("getsignal", _get, _getsignal),
        ("set_wakeup_fd", _set_fd, _set_wakeup_fd),
    ):
        if getattr(signal, name) is ours:  # somebody else may have wrapped it since
            setattr(signal, name, original)
    with suppress(Exception):  # of which one is that this is not the main thread
        if _get(signal.SIGTERM) is _on_sigterm:
            _set(signal.SIGTERM, signal.SIG_DFL)
        if _get(signal.SIGURG) is _nothing:
            _set(signal.SIGURG, signal.SIG_DFL)


def tell(wakeup_fd: int) -> None:
    """Have the numbers of signals written there, unless somebody else has them written elsewhere; also in a child, also in our thread."""
    global _fd  # noqa: PLW0603 - Python has one for the process too
    if not _before_death:
        return
    with suppress(ValueError, OSError, AttributeError):
        exchange = _exchange if threading.current_thread() is threading.main_thread() else _exchange_in_c
        previous = exchange(wakeup_fd)
        if previous not in {-1, _fd}:
            exchange(previous)
        _fd = wakeup_fd


def _exchange(fd: int) -> int:
    return _set_fd(fd, warn_on_full_buffer=False)


def _exchange_in_c(fd: int) -> int:
    """Python has the main thread do it; what is below its check needs no more than the GIL."""
    import ctypes  # noqa: PLC0415 - as good as never needed

    return int(ctypes.pythonapi.PySignal_SetWakeupFd(fd))


def begin_anew(wakeup_fd: int) -> None:
    """In a forked child: what the parent was sent is the parent's."""
    global _came_by, _is_seen_to  # noqa: PLW0603 - as above
    _came_by = _is_seen_to = False
    tell(wakeup_fd)


def hold() -> None:
    """Before a fork: SIGTERM waits. Python forgets what a child is sent in its first moments, and a pool waits for it for ever."""
    if _before_death and hasattr(signal, "pthread_sigmask"):
        _held.mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})


def release() -> None:
    """After it, in parent and child: SIGTERM comes, if it was not held up before."""
    mask = _held.__dict__.pop("mask", None)
    if mask is not None:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)


def arrived() -> None:
    """SIGTERM has arrived: somebody sees to it that the process dies of it, if it is the default's to handle."""
    global _is_seen_to  # noqa: PLW0603 - as above
    if not _is_seen_to and _get(signal.SIGTERM) is _on_sigterm:
        _is_seen_to = True
        with skipped("seeing to SIGTERM"):
            start_new_thread(_see_to_it, ())


def _see_to_it() -> None:
    """Interrupt what the main thread waits for, until it comes by; then the process has `patience_s` to end.

    By a signal that means nothing (Go uses it for the same): nobody is harmed by one too many.
    """
    global _is_seen_to  # noqa: PLW0603 - as above
    main = threading.main_thread().ident or 0
    for _ in range(TIMES):
        if _came_by or _get(signal.SIGTERM) is not _on_sigterm:
            break
        if hasattr(signal, "pthread_kill") and _get(signal.SIGURG) is _nothing:
            signal.pthread_kill(main, signal.SIGURG)
        _sleep(INSIST_S)
    else:
        if all(may_die() for may_die in _before_death):
            _die()
    _sleep(_patience_s + 1)
    if _get(signal.SIGTERM) is _on_sigterm:
        _die()
    _is_seen_to = False


def _die() -> None:
    """Of SIGTERM's default, which Python lets only the main thread put back."""
    with suppress(Exception):
        import ctypes  # noqa: PLC0415 - as above

        ctypes.pythonapi.PyOS_setsig(signal.SIGTERM, None)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
        signal.raise_signal(signal.SIGTERM)
    os._exit(128 + signal.SIGTERM)


def _nothing(_number: int, _frame: FrameType | None) -> None:
    """What SIGURG does by default, but that it interrupts."""


@functools.wraps(_set_fd)
def _set_wakeup_fd(fd: int, **options: bool) -> int:
    """Event loops take it, and give it back with -1."""
    if fd != -1:
        previous = _set_fd(fd, **options)
    else:
        try:
            previous = _exchange(_fd)
        except (ValueError, OSError):  # somebody has closed it
            previous = _set_fd(-1)
    return -1 if previous == _fd else previous


@functools.wraps(_set)
def _signal(signalnum: int, handler: Any) -> Any:
    ours = signalnum == signal.SIGTERM and handler is signal.SIG_DFL and _before_death
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
