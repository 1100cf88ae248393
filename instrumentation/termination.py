"""SIGTERM, where the service leaves it to the system: what is left is sent before the process dies of it, as it would have.

Python runs nothing at exit when it dies of a signal, and servers let it: uvicorn handles SIGTERM, puts back what it found, and raises it
again; gunicorn's workers put the default back before they set their own. So the default itself is what we replace, in the one process
and for this one signal; who asks for the handler is told that it is the default.
"""

from __future__ import annotations

import functools
import signal
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any

_set: Callable[[int, Any], Any] = signal.signal
_get: Callable[[int], Any] = signal.getsignal
_before_death: list[Callable[[], bool]] = []


def begin(before_death: Callable[[], bool]) -> None:
    """From now on call `before_death` in the main thread when the default would end the process; False where it must not die yet."""
    if _before_death or threading.current_thread() is not threading.main_thread():
        return
    _before_death.append(before_death)
    signal.signal = _signal
    signal.getsignal = _getsignal
    if _get(signal.SIGTERM) is signal.SIG_DFL:
        _set(signal.SIGTERM, _on_sigterm)


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
    if all(may_die() for may_die in _before_death):
        _set(number, signal.SIG_DFL)
        signal.raise_signal(number)
