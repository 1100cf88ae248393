"""What the service logs: a breadcrumb each, and from a level on an OTLP log record with its trace; of exceptions, a report.

`Logger.callHandlers` is observed, and no handler added: it sees what does not propagate to the root logger too, survives
`logging.config.dictConfig`, and `logging.basicConfig` still finds a root without handlers. A record that a handler of OpenTelemetry's
exports is left to that one, and made complete on its way.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import Context as Variables
from typing import Any

from opentelemetry import context as otel_context
from opentelemetry._logs import LoggerProvider, SeverityNumber
from opentelemetry.context import (
    _SUPPRESS_INSTRUMENTATION_KEY,  # pyright: ignore[reportPrivateUsage] - what every export of the SDK sets
)
from opentelemetry.instrumentation.log_utils import std_to_otel
from opentelemetry.sdk._logs import LogRecordProcessor, ReadWriteLogRecord
from opentelemetry.util.types import AnyValue

from .. import breadcrumbs, privacy
from ..guard import skipped
from . import reports
from .hooks import Hooks

CRASH = "app.crash"
RESERVED = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
OTEL_HANDLER = "LoggingHandler"
SEVERITY_TEXT = {"WARNING": "WARN", "CRITICAL": "FATAL"}


class _Here(threading.local):
    """What this thread is doing."""

    busy = False
    exception: BaseException | None = None
    origin: Variables | None = None
    """Where an exception was raised that is logged elsewhere: a task's context."""


_here = _Here()
_names: dict[str, dict[str, object]] = {}
_levels = {logging.DEBUG: "debug", logging.INFO: "info", logging.WARNING: "warning", logging.ERROR: "error", logging.CRITICAL: "fatal"}


@contextmanager
def raised_in(origin: Variables | None) -> Iterator[None]:
    """What is logged in this block was raised in another context."""
    _here.origin = origin
    try:
        yield
    finally:
        _here.origin = None


def from_origin(report: Callable[..., None], *args: object) -> None:
    """Call it in the context in which the exception was raised, as far as that is known."""
    if _here.origin is None:
        report(*args)
    else:
        _here.origin.copy().run(report, *args)


class LogRoad:
    """Observes loggers."""

    def __init__(self, provider: LoggerProvider, level: int) -> None:
        self._provider = provider
        self._level = level

    def begin(self, hooks: Hooks) -> None:
        """Observe every logger of the process."""
        hooks.replace(logging.Logger, "callHandlers", lambda original: self._observed(original, hooks))

    def _observed(self, original: Callable[..., Any], hooks: Hooks) -> Callable[..., Any]:
        def callHandlers(logger: logging.Logger, record: logging.LogRecord) -> None:  # noqa: N802 - logging's name
            if _here.busy or not hooks.active or otel_context.get_value(_SUPPRESS_INSTRUMENTATION_KEY):
                original(logger, record)
                return
            _here.busy = True
            try:
                with skipped("observing a log record"):
                    self._see(logger, record)
            finally:
                _here.busy = False
            before, _here.exception = _here.exception, record.exc_info[1] if record.exc_info else None
            try:
                original(logger, record)
            finally:
                _here.exception = before

        return callHandlers

    def _see(self, logger: logging.Logger, record: logging.LogRecord) -> None:
        try:
            message = record.getMessage()
        except Exception:  # noqa: BLE001 - the service's format and arguments; its handlers will complain
            message = str(record.msg)
        if record.levelno >= self._level and not _is_exported(logger, record.levelno):
            from_origin(self._emit, record, message)
        data = _names.get(record.name) or _names.setdefault(record.name, {"logger": record.name})
        level = _levels.get(record.levelno) or record.levelname.lower()
        breadcrumbs.add("log", message, level=level, data=data)

    def _emit(self, record: logging.LogRecord, message: str) -> None:
        attributes: dict[str, AnyValue] = {
            "code.file.path": record.pathname,
            "code.function.name": record.funcName,
            "code.line.number": record.lineno,
        }
        extra = {key: value for key, value in vars(record).items() if key not in RESERVED and not key.startswith("_")}
        if extra:
            attributes |= {key: _plain(value) for key, value in privacy.values(extra).items()}
        with telling(record.exc_info[1] if record.exc_info else None):
            self._provider.get_logger(record.name).emit(
                timestamp=int(record.created * 1e9),
                observed_timestamp=time.time_ns(),
                context=otel_context.get_current(),
                severity_number=std_to_otel(record.levelno),
                severity_text=SEVERITY_TEXT.get(record.levelname, record.levelname),
                body=message,
                attributes=attributes,
            )


@contextmanager
def telling(exception: BaseException | None) -> Iterator[None]:
    """Log records that are emitted in this block tell of this exception."""
    before, _here.exception = _here.exception, exception
    try:
        yield
    finally:
        _here.exception = before


def _plain(value: object) -> AnyValue:
    """As an attribute: what OTLP cannot carry as its text."""
    if isinstance(value, (str, bool, float)) or (isinstance(value, int) and -(2**63) <= value < 2**63):
        return value
    return privacy.text(str(value))


def _is_exported(logger: logging.Logger, level: int) -> bool:
    """Whether a handler of OpenTelemetry's will export it."""
    current: logging.Logger | None = logger
    while current is not None:
        for handler in current.handlers:
            kind = type(handler)
            if kind.__name__ == OTEL_HANDLER and kind.__module__.startswith("opentelemetry.") and level >= handler.level:
                return True
        current = current.parent if current.propagate else None
    return False


class Completion(LogRecordProcessor):
    """Makes log records of errors complete, whoever emits them, and remembers events."""

    def on_emit(self, log_record: ReadWriteLogRecord) -> None:
        """Add the exception, what led to it, whom it met and how the process was."""
        with skipped("completing a log record"):
            record = log_record.log_record
            if (
                record.attributes is None
                or reports.CRASH_TYPE in record.attributes
                or otel_context.get_value(_SUPPRESS_INSTRUMENTATION_KEY)
            ):
                return
            severity = record.severity_number
            if (severity is not None and severity.value >= SeverityNumber.ERROR.value) or _here.exception is not None:
                complete(record, _here.exception)
            elif record.event_name:
                breadcrumbs.add("event", record.event_name, data=breadcrumbs.bounded(record.attributes))

    def shutdown(self) -> None:
        """Nothing is held."""

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        """Nothing is held."""
        del timeout_millis
        return True


def complete(record: Any, exception: BaseException | None) -> None:
    """Have an API log record tell all that is known of the exception; what its sender has said itself stays, but for the exception."""
    attributes = record.attributes
    scope = breadcrumbs.scope()
    is_new, is_of_request = True, scope.is_open
    if exception is not None:
        mark, is_new = reports.marked(exception, "log")
        attributes.update(reports.of_exception(exception, mark))
        if mark.db_system:
            attributes.setdefault("db.system.name", mark.db_system)
        if mark.trace_id and not record.trace_id:
            record.trace_id, record.span_id = mark.trace_id, mark.span_id
        is_of_request = is_of_request or (scope.span is not None and scope.span.context.trace_id == mark.trace_id)
    told = reports.of_process()
    if is_of_request:
        told = {**told, **reports.of_request(scope.span)}
    if (is_new or record.event_name == CRASH) and reports.BREADCRUMBS not in attributes:
        told = {**told, **reports.of_breadcrumbs(scope)}
    for key, value in told.items():
        attributes.setdefault(key, value)
