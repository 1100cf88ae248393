"""Exceptions that nobody caught: in the main thread, in threads, in tasks and callbacks of event loops, and where they cannot be raised.

The service's own hooks run first and are not changed; where one of them has logged the exception, the log record is the report.
"""

from __future__ import annotations

import functools
import sys
import threading
import time
import uuid
from collections.abc import Callable
from contextvars import Context as Variables
from types import ModuleType
from typing import Any

from opentelemetry._logs import LoggerProvider, LogRecord, SeverityNumber
from opentelemetry.context import get_current
from opentelemetry.util.types import AnyValue

from .. import imports
from ..guard import skipped
from . import log_records, reports
from .hooks import Hooks

SCOPE = "otelpond.errors"
LOOPS = (("asyncio.base_events", "BaseEventLoop"), ("uvloop", "Loop"))
ORDERLY = (SystemExit, KeyboardInterrupt, GeneratorExit)
"""Ways to end, and no errors."""


class Uncaught:
    """Observes the hooks of the interpreter and of event loops."""

    def __init__(self, provider: LoggerProvider) -> None:
        self._logger = provider.get_logger(SCOPE)
        self._crash: BaseException | None = None

    def begin(self, hooks: Hooks) -> None:
        """Observe them all."""
        hooks.after(sys, "excepthook", self._shown)
        hooks.after(threading, "excepthook", self._in_thread)
        hooks.after(sys, "unraisablehook", self._unraisable)
        for module, loop in LOOPS:
            imports.when_imported(module, functools.partial(self._observe_loop, hooks, loop))

    def end(self) -> None:
        """A service with a hook of its own in place of ours leaves what ended it in `sys`."""
        exception = _ended_by()
        if exception is not None:
            self._crashed(exception)

    def _shown(self, _kind: object, exception: BaseException | None, _traceback: object) -> None:
        """By the interpreter, which ends, or by code that calls the hook itself, and goes on."""
        if exception is None or isinstance(exception, ORDERLY):
            return
        if exception is _ended_by():
            self._crashed(exception)
        elif not _is_told(exception):
            self._emit(exception, SeverityNumber.ERROR, "exception", {})

    def _crashed(self, exception: BaseException) -> None:
        if isinstance(exception, ORDERLY) or exception is self._crash:
            return
        self._crash = exception
        self._emit(exception, SeverityNumber.FATAL, log_records.CRASH, {"app.crash.id": str(uuid.uuid4())})

    def _in_thread(self, args: threading.ExceptHookArgs) -> None:
        """The thread ends, the process does not."""
        if args.exc_value is not None and not isinstance(args.exc_value, ORDERLY) and not _is_told(args.exc_value):
            name = args.thread.name if args.thread is not None else ""
            self._emit(args.exc_value, SeverityNumber.ERROR, "exception", {"thread.name": name})

    def _unraisable(self, unraisable: Any) -> None:
        """Raised where nobody could be told: in a finalizer, in a callback of C."""
        exception = unraisable.exc_value
        if exception is not None and not isinstance(exception, ORDERLY) and not _is_told(exception):
            where = getattr(unraisable.object, "__qualname__", type(unraisable.object).__qualname__)
            self._emit(exception, SeverityNumber.ERROR, "exception", {"code.function.name": str(where)})

    def _observe_loop(self, hooks: Hooks, name: str, module: ModuleType) -> None:
        if hooks.active:
            hooks.replace(getattr(module, name), "call_exception_handler", lambda original: self._in_loop(original, hooks))

    def _in_loop(self, original: Callable[..., Any], hooks: Hooks) -> Callable[..., Any]:
        """The loop goes on; its handler, which logs unless the service has set one, is asked first."""

        @functools.wraps(original)
        def call_exception_handler(loop: Any, context: dict[str, Any]) -> Any:
            if not hooks.active:
                return original(loop, context)
            with log_records.raised_in(_variables_of(context)):
                try:
                    return original(loop, context)
                finally:
                    with skipped("observing an event loop"):
                        self._tell_of_loop(context)

        return call_exception_handler

    def _tell_of_loop(self, context: dict[str, Any]) -> None:
        exception = context.get("exception")
        if not isinstance(exception, BaseException) or isinstance(exception, ORDERLY) or _is_told(exception):
            return
        task = context.get("task") or context.get("future")
        name = getattr(task, "get_name", str)()
        self._emit(exception, SeverityNumber.ERROR, "exception", {"asyncio.task.name": name} if name else {})

    def _emit(self, exception: BaseException, severity: SeverityNumber, event: str, more: dict[str, AnyValue]) -> None:
        log_records.from_origin(self._emit_here, exception, severity, event, more)

    def _emit_here(self, exception: BaseException, severity: SeverityNumber, event: str, more: dict[str, AnyValue]) -> None:
        now = time.time_ns()
        record = LogRecord(
            timestamp=now,
            observed_timestamp=now,
            context=get_current(),
            severity_number=severity,
            severity_text=severity.name,
            body=reports.message_of(exception),
            attributes=more,
            event_name=event,
        )
        with log_records.telling(exception):
            self._logger.emit(record)


def _ended_by() -> BaseException | None:
    """What ends the interpreter, which notes it before it calls its hook; a shell goes on."""
    exception = getattr(sys, "last_exc", None) or getattr(sys, "last_value", None)
    return exception if isinstance(exception, BaseException) and not hasattr(sys, "ps1") else None


def _is_told(exception: BaseException) -> bool:
    """Whether a log record or a span has told it."""
    return reports.mark_of(exception) is not None


def _variables_of(context: dict[str, Any]) -> Variables | None:
    """The context of the task or callback that raised; Python 3.11 does not tell a task's."""
    for key in ("task", "future"):
        get_context = getattr(context.get(key), "get_context", None)
        if get_context is not None:
            variables = get_context()
            return variables if isinstance(variables, Variables) else None
    variables = getattr(context.get("handle"), "_context", None)
    return variables if isinstance(variables, Variables) else None
