"""Start and end: what `otelpond run`, `opentelemetry-instrument` and `instrument()` in code all come down to."""

from __future__ import annotations

import atexit
import os
import signal
import sys
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from importlib.metadata import EntryPoint
from typing import Any

from .. import imports, instrumentors
from ..guard import harmless, say_once, skipped
from ..parts import Parts
from ..sending import exporting
from ..sending.providers import Providers
from ..settings import Settings, read
from . import termination


@dataclass(eq=False)
class _State:
    """What runs in this process."""

    settings: Settings | None = None
    providers: Providers | None = None
    parts: Parts = field(default_factory=Parts)
    hooked: bool = False
    ending: bool = False
    asked_to_end: bool = False


_state = _State()
_lock = threading.RLock()


@harmless
def instrument(app: object | None = None) -> None:
    """Instrument this process, and `app` where it was made before; a second call only does what the first did not.

    Settings come from the environment (see README.md). Never raises.
    """
    with _lock:
        if start() and _state.settings is not None:
            instrumentors.activate(_state.settings, _state.parts)
    if app is not None and _state.providers is not None and not _state.parts.instrument_app(app):
        with skipped("the application"):
            if not instrumentors.instrument_app(app):
                say_once(f"no instrumentation is installed for {type(app).__module__}.{type(app).__qualname__}")


def start() -> bool:
    """Start providers and parts, without the instrumentors; False where they run already, or are not wanted here."""
    with _lock:
        if _state.providers is not None or _is_bystander(sys.orig_argv):
            return False
        settings = read(Settings)
        if settings.disabled:
            return False
        providers = Providers(settings)
        if not _state.parts.start(settings, providers):
            providers.close(0.0)
            say_once("nothing is observed: secrets and personal data would be sent")
            return False
        _state.settings, _state.providers = settings, providers
        providers.begin()
        if settings.on_sigterm and os.getpid() != 1:  # the kernel lets no default SIGTERM end a container's first process
            termination.begin(_before_death, providers.delivery.wakeup_fd, settings.exit_timeout_s)
        if not _state.hooked:
            _state.hooked = True
            atexit.register(_at_exit)
            for name in ("multiprocessing.util", "billiard.util"):
                imports.when_imported(name, _end_with_process)
            imports.when_imported("celery.signals", _end_with_worker)
            if hasattr(os, "register_at_fork"):
                os.register_at_fork(before=_before_fork, after_in_parent=_after_fork_in_parent, after_in_child=_after_fork_in_child)
        _state.parts.began()
        return True


def activate_one(entry_point: EntryPoint) -> None:
    """Activate one instrumentor for a start that finds them itself (`opentelemetry-instrument`)."""
    if _state.settings is not None:
        instrumentors.activate_one(entry_point, _state.settings, _state.parts)


@harmless
def shutdown() -> None:
    """Stop observing and send what is left, for at most `exit_timeout_s`. It happens by itself when the process ends."""
    _end(final=False)


@harmless
def _at_exit() -> None:
    try:
        _end(final=True)
    finally:
        if isinstance(getattr(sys, "last_value", None), KeyboardInterrupt) and not hasattr(sys, "ps1"):
            _stay_interrupted()


def _stay_interrupted() -> None:
    """Have Python end the process by SIGINT, as it would have.

    It notes that a KeyboardInterrupt ended the program, and forgets it at the next `eval`; importing the exporters has some (named
    tuples). Shells stop a loop over commands only where one died of the signal.
    """

    def interrupt() -> None:
        raise KeyboardInterrupt

    with suppress(KeyboardInterrupt):
        eval("interrupt()", {"interrupt": interrupt})  # noqa: S307 - our own text


def _end(*, final: bool) -> None:
    if _state.settings is None:
        return
    timeout_s = _state.settings.exit_timeout_s
    started = time.monotonic()
    if not _lock.acquire(timeout=timeout_s):
        say_once("another thread is starting or ending, and what is left is not sent")
        return
    try:
        providers, _state.providers = _state.providers, None
        if providers is not None:
            _state.ending = True
            try:
                _state.parts.stop()
                if not final:
                    termination.tell(-1)
                providers.close(max(0.0, timeout_s - (time.monotonic() - started)), final=final)
                if not final:
                    termination.end()
            finally:
                _state.ending = False
            if _state.asked_to_end:
                signal.raise_signal(signal.SIGTERM)
    finally:
        _lock.release()


def _end_with_process(util: Any) -> None:
    """A process of multiprocessing (or Celery's billiard) that was forked ends by `os._exit`: only its own finalizers run."""
    util.register_after_fork(_state, lambda _state: util.Finalize(None, _at_exit, exitpriority=-100))


def _end_with_worker(signals: Any) -> None:
    """A process of Celery's pool ends by `os._exit` without finalizers: it only tells that it does."""
    signals.worker_process_shutdown.connect(lambda **_said: _at_exit(), weak=False)


def _before_death() -> bool:
    """Send what is left; False while that is being done already, perhaps by the very code that SIGTERM interrupts."""
    if _state.ending:
        _state.asked_to_end = True
        return False
    _at_exit()
    return True


def _is_bystander(command: list[str]) -> bool:
    """Whether Python itself started this process to keep its house in order: it is none of the service's."""
    return "-c" in command and any("resource_tracker import main" in word for word in command)


def _before_fork() -> None:
    if _state.providers is not None:
        with skipped("pausing for a fork"):
            _state.providers.delivery.before_fork()
            exporting.hold()
    termination.hold()


def _after_fork_in_parent() -> None:
    termination.release()
    exporting.release(in_child=False)
    if _state.providers is not None:
        with skipped("going on after a fork"):
            _state.providers.delivery.start()


def _after_fork_in_child() -> None:
    global _lock  # noqa: PLW0603 - a thread that held it does not exist here
    _lock = threading.RLock()
    _state.ending = _state.asked_to_end = False  # another thread of the parent may have been ending it
    exporting.release(in_child=True)
    if _state.providers is not None:
        with skipped("a forked process"):
            _state.providers.after_fork_in_child()
            termination.begin_anew(_state.providers.delivery.wakeup_fd)
        _state.parts.after_fork()
    termination.release()
