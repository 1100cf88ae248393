"""The hooks into SQLAlchemy's engines, and the spans that come of them: one a statement that is sent, one a connection that fails.

SQLAlchemy's own events, the same in 1.4, 2.0 and 2.1 and with every driver, listened to for all engines at once, those made before too.
A span is made when its statement has ended, whole: that costs half of what opening one and adding to it does.
"""

from __future__ import annotations

import functools
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from time import time_ns
from typing import Any, cast

from opentelemetry import trace
from opentelemetry.context import (
    _SUPPRESS_INSTRUMENTATION_KEY,  # pyright: ignore[reportPrivateUsage] - what OpenTelemetry's own instrumentation sets and asks
    Context,
    get_current,
    get_value,
)
from opentelemetry.metrics import Meter

from ..guard import harmless, say_once, skipped
from .drivers import Drivers
from .failures import Failure
from .pools import Pools
from .results import Counting, Pending
from .targets import Many, Target

CLIENT = trace.SpanKind.CLIENT
DEFAULT_SLOW_MS = 1000.0
"""The threshold that the tables use unless set; a service with another one says itself what is slow."""

CONNECTIONS = "otelpond.db.pool.connections"
"""Connections of the engine's pool that are open, used and idle; the tables read it."""
ENOUGH = 64
"""Attributes that a span may have where nobody has limited them to few."""
SLOW = "otelpond.slow"
"""Whether it took longer than the service's own threshold; the tables read it."""


class Engines:
    """Listens to all engines of this process."""

    def __init__(self, tracer: trace.Tracer, meter: Meter, slow_ms: float) -> None:
        """Prepare to listen.

        Args:
            tracer: makes the spans.
            meter: makes the metrics of pools.
            slow_ms: milliseconds above which a query is slow.
        """
        self._start_span = tracer.start_span
        self._slow_ns = None if slow_ms == DEFAULT_SLOW_MS else int(slow_ms * 1e6)
        self._abandoned: deque[Pending] = deque()
        self._pools = Pools(meter, self._report_abandoned)
        self._undo: list[Callable[[], object]] = []
        self._drivers = Drivers()

    def listen(self, sqlalchemy: Any) -> None:
        """Begin with the module `sqlalchemy`."""
        engine, event = sqlalchemy.engine.Engine, sqlalchemy.event
        for name, listener, options in (
            ("before_cursor_execute", self._before, {"retval": True}),
            ("after_cursor_execute", self._after, {}),
            ("handle_error", self._failed, {}),
        ):
            event.listen(engine, name, listener, **options)
            self._undo.append(functools.partial(event.remove, engine, name, listener))
        inner = engine.raw_connection
        engine.raw_connection = watched = self._watched(inner, sqlalchemy.exc.DBAPIError)

        def undo() -> None:
            if engine.raw_connection is watched:
                engine.raw_connection = inner

        self._undo.append(undo)

    def leave(self) -> None:
        """Listen no more."""
        self._report_abandoned()
        for undo in (*reversed(self._undo), self._pools.forget, self._drivers.forget):
            with skipped("leaving SQLAlchemy"):
                undo()
        self._undo.clear()

    def _target(self, engine: Any) -> Target:
        dialect = engine.dialect
        owner, target = dialect.__dict__.get("_otelpond", (None, None))
        if owner is not self:
            target = Target(engine, self._pools)
            dialect._otelpond = (self, target)  # noqa: SLF001 - ours
            self._drivers.add(dialect)
        return cast("Target", target)

    def _before(self, _conn: Any, _cursor: Any, statement: str, parameters: Any, context: Any, executemany: bool) -> tuple[str, Any]:
        """A statement is sent: remember when, and what it was before other listeners add comments to it."""
        many = Many.of(parameters, context) if executemany else None
        context._otelpond = None if get_value(_SUPPRESS_INSTRUMENTATION_KEY) else (time_ns(), statement, many)  # noqa: SLF001 - ours
        return statement, parameters

    def _after(self, conn: Any, cursor: Any, _statement: str, _parameters: Any, context: Any, _executemany: bool) -> None:
        """It has been executed."""
        ended = time_ns()
        try:
            begun = getattr(context, "_otelpond", None)
            if begun is None:
                return
            started, sql, many = begun
            context._otelpond = None  # noqa: SLF001
            if self._abandoned:
                self._report_abandoned()
            engine = conn.engine
            target = self._target(engine)
            known = target.known(sql, conn)
            if known.is_transaction:
                return
            attributes = known.attributes.copy()
            attributes[CONNECTIONS] = target.pool.open_connections(engine.pool)
            theirs = getattr(context, "_otel_span", None)
            rows = target.rows(known, cursor, context, many)
            if rows is None and theirs is None:
                what = (known, attributes, started, ended, get_current())
                self._await_rows(context, Pending(self._report_fetched, self._abandoned, what))
                return
            if rows is not None and rows >= 0:
                attributes[known.rows] = rows
            if many is not None and many.size > 1 and not many.is_one:
                attributes["db.operation.batch.size"] = many.size
            if theirs is None:
                self._report(known.name, attributes, started, ended)
            else:  # the service has this engine instrumented by OpenTelemetry's package, and this is its span
                theirs.set_attributes(attributes)
        except Exception as error:  # noqa: BLE001 - whatever it is, it must not reach the service
            _say_lost(error)

    def _report(self, name: str, attributes: dict[str, Any], started: int, ended: int, context: Context | None = None) -> None:
        if self._slow_ns is not None:
            attributes[SLOW] = ended - started > self._slow_ns
        span = self._start_span(name, context, CLIENT, None, None, started)
        own = getattr(span, "_attributes", None)
        if own is not None and own.max_value_len is None and (own.maxlen is None or own.maxlen >= ENOUGH):
            own._dict.update(attributes)  # noqa: SLF001 - what the public way takes 8 us to look through is clean, and nobody else has it yet
        elif span.is_recording():
            span.set_attributes(attributes)
        span.end(ended)

    def _await_rows(self, context: Any, pending: Pending) -> None:
        """Have the rows counted of the result that SQLAlchemy makes next."""
        context._otelpond_pending = pending  # noqa: SLF001
        context._setup_result_proxy = functools.partial(self._set_up_result, context)  # noqa: SLF001 - the one place that all pass

    @staticmethod
    def _set_up_result(context: Any) -> Any:
        del context._setup_result_proxy  # noqa: SLF001 - what the class has is behind it
        pending: Pending = context._otelpond_pending  # noqa: SLF001
        result = context._setup_result_proxy()  # noqa: SLF001
        try:
            returned = context.returned_default_rows
            if returned is None and not result._soft_closed:  # noqa: SLF001
                result.cursor_strategy = Counting(result.cursor_strategy, pending)
            else:  # SQLAlchemy has fetched them itself
                pending.rows = len(returned or ())
                pending.end()
        except Exception as error:  # noqa: BLE001 - as in _after
            _say_lost(error)
        return result

    def _report_fetched(self, pending: Pending) -> None:
        try:
            known, attributes, started, ended, context = pending.what
            attributes[known.rows] = pending.rows
            self._report(known.name, attributes, started, ended + pending.fetch_ns, context)
        except Exception as error:  # noqa: BLE001 - as in _after
            _say_lost(error)

    def _report_abandoned(self) -> None:
        while self._abandoned:
            with suppress(IndexError):  # another thread was faster
                self._abandoned.popleft().end()

    @harmless
    def _failed(self, failed: Any) -> None:
        """A statement, a fetch or the end of a transaction has failed; of failed connections `_watched` knows more."""
        ended = time_ns()
        conn, context, error = failed.connection, failed.execution_context, failed.original_exception
        if conn is None:
            return
        target = self._target(conn.engine)
        begun = getattr(context, "_otelpond", None)
        pending = getattr(context, "_otelpond_pending", None)
        lost = bool(failed.is_disconnect)
        shown = failed.sqlalchemy_exception or error
        if begun is not None:
            context._otelpond = None  # noqa: SLF001
            started, sql, many = begun
            known = target.known(sql, conn)
            attributes = {**known.attributes, CONNECTIONS: target.pool.open_connections(conn.engine.pool)}
            failure = Failure(error, shown, target.system, disconnected=lost, sanitised=known.sanitised)
            if failure.kind != "connection" and many is None:
                attributes[known.rows] = 0  # a statement is done wholly or not at all
            self._report_failure(known.name, attributes, started, ended, failure, context=context)
        elif pending is not None and pending.give_up():
            known, attributes, started, _, _ = pending.what
            failure = Failure(error, shown, target.system, disconnected=lost, sanitised=known.sanitised)
            self._report_failure(known.name, {**attributes, known.rows: pending.rows}, started, ended, failure)
        elif context is None and failed.statement is None:
            operation = _ended_transaction(error)
            attributes = {**target.common, "db.operation.name": operation, "db.query.summary": operation}
            failure = Failure(error, shown, target.system, disconnected=lost)
            self._report_failure(operation, attributes, ended, ended, failure)

    def _report_failure(
        self, name: str, attributes: dict[str, Any], started: int, ended: int, failure: Failure, *, context: Any = None
    ) -> None:
        attributes |= failure.attributes()
        theirs = getattr(context, "_otel_span", None)
        if theirs is not None:
            theirs.set_attributes(attributes)
            return
        span = self._start_span(name, None, CLIENT, attributes, None, started)
        if span.is_recording():
            span.record_exception(failure.shown, failure.event(), ended)  # which the part errors knows again further up
            span.set_status(trace.StatusCode.ERROR, failure.message)
        span.end(ended)

    def _watched(self, inner: Callable[..., Any], wrapper: Any) -> Callable[..., Any]:
        """`Engine.raw_connection`, by which every connection is taken: the engine is known from then on, and failures are reported."""

        @functools.wraps(inner)
        def raw_connection(engine: Any, *args: Any, **kwargs: Any) -> Any:
            if "_otelpond" not in engine.dialect.__dict__:
                self._introduce(engine)
            started = time_ns()
            try:
                return inner(engine, *args, **kwargs)
            except Exception as error:
                self._not_connected(engine, error, started, wrapper)
                raise

        return raw_connection

    @harmless
    def _introduce(self, engine: Any) -> None:
        self._target(engine)

    @harmless
    def _not_connected(self, engine: Any, error: Exception, started: int, wrapper: Any) -> None:
        if get_value(_SUPPRESS_INSTRUMENTATION_KEY):
            return
        target = self._target(engine)
        dbapi_error = getattr(getattr(engine.dialect, "dbapi", None), "Error", ())
        original, shown = getattr(error, "orig", None) or error, error
        if isinstance(error, dbapi_error):  # what the service will see of it
            shown = wrapper.instance(None, None, error, dbapi_error, dialect=engine.dialect)
        elif original is error and type(error).__name__ == "TimeoutError" and type(error).__module__.startswith("sqlalchemy"):
            target.pool.timeouts += 1
        self._report_failure(
            "connect", target.common.copy(), started, time_ns(), Failure(original, shown, target.system, disconnected=True)
        )


def _say_lost(error: Exception) -> None:
    say_once("a database statement is not reported", error)


def _ended_transaction(error: BaseException) -> str:
    """Which of SQLAlchemy's own steps failed: it names none."""
    step = error.__traceback__
    code = step.tb_frame.f_code.co_name if step is not None else ""
    return "COMMIT" if "commit" in code else "ROLLBACK" if "rollback" in code else "BEGIN"
