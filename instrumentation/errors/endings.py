"""How a process ends, noted in its crash file while it still can: asked to stop by a signal, by `os._exit`, by becoming another program."""

from __future__ import annotations

import functools
import os
import signal
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from types import FrameType
from typing import Any

from .crash_file import RUNNING
from .hooks import Hooks

STOPS = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGINT", "SIGQUIT") if hasattr(signal, name))
"""SIGHUP is none: services read their settings anew at it."""
STOPPED_S = 60.0
"""A process that lives this long after such a signal has not stopped for it."""


class _Noted:
    """The service's own handler of a signal, before which the signal is noted."""

    def __init__(self, handler: Callable[[int, FrameType | None], Any], note: Callable[[int], None]) -> None:
        self.handler = handler
        self._note = note

    def __call__(self, number: int, frame: FrameType | None) -> Any:
        self._note(number)
        return self.handler(number, frame)


class Endings:
    """Tells `say` how the process is about to end."""

    def __init__(self, say: Callable[[str], None], said: Callable[[], str]) -> None:
        self._say = say
        self._said = said
        self._asked_s = 0.0

    def begin(self, hooks: Hooks) -> None:
        """Observe what ends a process; signals are the main thread's."""
        hooks.before(os, "_exit", lambda status=0: self._say(f"exit {status}"))
        for name in ("execv", "execve"):
            hooks.replace(os, name, functools.partial(self._becoming, hooks))
        if threading.current_thread() is threading.main_thread():
            hooks.replace(signal, "signal", functools.partial(self._setting, hooks))
            hooks.replace(signal, "getsignal", _telling)

    def end(self) -> None:
        """Once the hooks are taken away: give signals back the handlers that the service has set."""
        if threading.current_thread() is threading.main_thread():
            for number in STOPS:
                handler = signal.getsignal(number)
                if isinstance(handler, _Noted):
                    signal.signal(number, handler.handler)

    def survived(self) -> None:
        """To be called now and then: a signal that was long ago was the service's to handle."""
        if self._said().startswith("stopping") and time.monotonic() - self._asked_s > STOPPED_S:
            self._say(RUNNING)

    def _becoming(self, hooks: Hooks, original: Callable[..., Any]) -> Callable[..., Any]:
        """`exec` ends this program, and comes back only where it fails."""

        @functools.wraps(original)
        def observed(*args: Any, **kwargs: Any) -> Any:
            before = self._said()
            if hooks.active:
                self._say("exit 0")
            try:
                return original(*args, **kwargs)
            finally:
                if hooks.active:
                    self._say(before)

        return observed

    def _setting(self, hooks: Hooks, original: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(original)
        def observed(signalnum: int, handler: Any) -> Any:
            if hooks.active and signalnum in STOPS and callable(handler) and handler is not signal.default_int_handler:
                handler = _Noted(handler, self._asked)
            return _own(original(signalnum, handler))

        return observed

    def _asked(self, number: int) -> None:
        with suppress(ValueError):
            self._asked_s = time.monotonic()
            self._say(f"stopping {signal.Signals(number).name}")


def _telling(original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def observed(signalnum: int) -> Any:
        return _own(original(signalnum))

    return observed


def _own(handler: Any) -> Any:
    """The service's own, which it knows."""
    return handler.handler if isinstance(handler, _Noted) else handler
