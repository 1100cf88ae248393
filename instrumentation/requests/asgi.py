"""Joins our exchange to OpenTelemetry's ASGI middleware, which the packages of FastAPI and Starlette use, and uses it where there is none.

The middleware makes the span and ends it with the last of the answer. What it cannot tell is put on the span just before, from inside. Its
spans for single messages (`http receive`, `http send`) are left out: they cost more than the request's own.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Collection
from types import ModuleType
from typing import Any

from opentelemetry import trace
from opentelemetry.sdk.trace import Span
from opentelemetry.trace import SpanKind, Status, StatusCode

from .. import imports
from ..guard import skipped
from . import answering
from .exchange import MARK, Application, Exchange, Receive, Scope, Send, Watch

ASGI = "opentelemetry.instrumentation.asgi"


class Inside:
    """Between OpenTelemetry's middleware and the application."""

    def __init__(self, app: Application, watch: Watch) -> None:
        self.app = app
        self._watch = watch

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Watch a request that has a span, or would have one if it were sampled."""
        span = trace.get_current_span()
        if scope["type"] != "http" or MARK in scope or not _is_request(span):
            await self.app(scope, receive, send)
            return
        await Exchange(self._watch, span, scope, receive, send).run(self.app)  # type: ignore[arg-type] # or one that records nothing


def _is_request(span: trace.Span) -> bool:
    return span.kind is SpanKind.SERVER if isinstance(span, Span) else span.get_span_context().is_valid


class Asgi:
    """What was changed in the libraries; `undo` changes it back."""

    def __init__(self, watch: Watch, disabled: Collection[str] = ()) -> None:
        self._watch: Watch | None = watch
        self._disabled = {*disabled}
        self._undo: list[Callable[[], None]] = []

    def begin(self) -> None:
        """Act when the service imports what it uses."""
        imports.when_imported(ASGI, self._join, "the part requests")
        imports.when_imported("starlette.middleware.exceptions", self._handlers)
        if not self._disabled & {"starlette", "*"}:
            imports.when_imported("starlette.applications", self._starlette)
        if not self._disabled & {"asgi", "*"}:
            imports.when_imported("uvicorn.config", self._uvicorn)

    def undo(self) -> None:
        """Applications that are running are no longer watched, new ones are not touched."""
        self._watch = None
        while self._undo:
            self._undo.pop()()

    def _replace(self, owner: Any, name: str, make: Callable[[Callable[..., Any]], Callable[..., Any]]) -> None:
        if self._watch is None:
            return
        original = getattr(owner, name)
        setattr(owner, name, functools.wraps(original)(make(original)))
        self._undo.append(lambda: setattr(owner, name, original))

    def _join(self, module: ModuleType) -> None:
        """Be inside every middleware that is made from now on."""

        def init(original: Callable[..., None]) -> Callable[..., None]:
            def made(middleware: Any, *args: Any, **kwargs: Any) -> None:
                original(middleware, *args, **kwargs)
                with skipped("the part requests"):
                    if middleware.client_request_hook is None and middleware.client_response_hook is None:
                        middleware.exclude_receive_span = middleware.exclude_send_span = True
                    if self._watch is not None:
                        middleware.app = Inside(middleware.app, self._watch)
                        middleware.otelpond_plain = answering.is_plain(middleware)

            return made

        def call(original: Callable[..., Any]) -> Callable[..., Any]:
            async def called(middleware: Any, scope: Scope, receive: Receive, send: Send) -> None:
                exchange = scope.get(MARK)
                if exchange is None:
                    watch = self._watch
                    plain = scope["type"] == "http" and getattr(middleware, "otelpond_plain", False)
                    begun = answering.begin(middleware, watch, scope, receive, send) if plain and watch is not None else None
                    if begun is not None:
                        await answering.answer(middleware.app, begun)
                    else:
                        await original(middleware, scope, receive, send)
                    return
                with skipped("the route of a mounted application"):
                    exchange.below(middleware.default_span_details(scope)[1].get("http.route"))
                await middleware.app(scope, receive, send)

            return called

        self._replace(module.OpenTelemetryMiddleware, "__init__", init)
        self._replace(module.OpenTelemetryMiddleware, "__call__", call)

    def _starlette(self, module: ModuleType) -> None:
        """Applications of Starlette itself; FastAPI's build their own stack."""

        def build(original: Callable[..., Any]) -> Callable[..., Any]:
            def built(app: Any) -> Any:
                stack = original(app)
                with skipped("the instrumentation of Starlette"):
                    stack.app = _Reporter(stack.app)
                    return wrapped(stack)
                return stack

            return built

        self._replace(module.Starlette, "build_middleware_stack", build)

    def _handlers(self, module: ModuleType) -> None:
        """What a handler of Starlette or FastAPI answers for, an HTTPException mostly, is known to nobody afterwards."""

        def init(original: Callable[..., None]) -> Callable[..., None]:
            def made(middleware: Any, *args: Any, **kwargs: Any) -> None:
                original(middleware, *args, **kwargs)
                with skipped("the reasons of answers"):
                    for handlers in (middleware._exception_handlers, middleware._status_handlers):  # noqa: SLF001 - no other way
                        handlers.update({key: _noting(handler) for key, handler in handlers.items()})

            return made

        self._replace(module.ExceptionMiddleware, "__init__", init)

    def _uvicorn(self, module: ModuleType) -> None:
        """Applications of no framework, or of one without a package."""

        def load(original: Callable[..., None]) -> Callable[..., None]:
            def loaded(config: Any) -> None:
                original(config)
                with skipped("the application"):
                    if config.interface != "wsgi":
                        self._load(config)

            return loaded

        self._replace(module.Config, "load", load)

    def _load(self, config: Any) -> None:
        app = innermost(config.loaded_app)
        if "fastapi" in roots(app):
            if "fastapi" not in self._disabled:
                instrument_app(app)
        elif not roots(app) & {"starlette", "django", "opentelemetry"}:
            config.loaded_app = wrapped(config.loaded_app)


class _Reporter:
    """Inside Starlette's outermost middleware, which answers for an exception first and lets it go on afterwards."""

    def __init__(self, app: Application) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self.app(scope, receive, send)
        except Exception as error:
            span = trace.get_current_span()
            if span.is_recording():
                with skipped("the failure of a request"):
                    span.record_exception(error)
                    span.set_status(Status(StatusCode.ERROR, f"{type(error).__name__}: {error}"))
            raise


def _noting(handler: Callable[..., Any]) -> Callable[..., Any]:
    """An exception handler that tells the exchange what it handles."""

    def note(connection: Any, error: Exception) -> None:
        exchange = connection.scope.get(MARK)
        if exchange is not None:
            exchange.handle(error)

    if inspect.iscoroutinefunction(handler) or inspect.iscoroutinefunction(getattr(handler, "__call__", None)):  # noqa: B004 - as Starlette asks

        @functools.wraps(handler)
        async def handled(connection: Any, error: Exception) -> Any:
            note(connection, error)
            return await handler(connection, error)

        return handled

    @functools.wraps(handler)
    def answered(connection: Any, error: Exception) -> Any:
        note(connection, error)
        return handler(connection, error)

    return answered


def wrapped(app: Application) -> Application:
    """An application inside OpenTelemetry's middleware."""
    from opentelemetry.instrumentation.asgi import OpenTelemetryMiddleware  # noqa: PLC0415 - only where it is needed
    from opentelemetry.util.http import get_excluded_urls  # noqa: PLC0415

    middleware: Application = OpenTelemetryMiddleware(app, excluded_urls=get_excluded_urls("ASGI"), default_span_details=_details)
    return middleware


def _details(scope: Scope) -> tuple[str, dict[str, str]]:
    """The span's first name: what the route is turns out when it is found."""
    return str(scope.get("method") or "websocket"), {}


def instrument_app(app: Any) -> bool:
    """Have an application of FastAPI or Starlette built anew around the middleware, at its next request; False where it is neither."""
    if "fastapi" in roots(app):
        if getattr(app, "_is_instrumented_by_opentelemetry", False):
            return True
        from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor  # noqa: PLC0415 - only where FastAPI is there

        FastAPIInstrumentor.instrument_app(app)
    elif "starlette" not in roots(app):
        return False
    app.middleware_stack = None
    return True


def innermost(app: Any) -> Any:
    """The application beneath what servers put around it."""
    for _ in range(16):
        if roots(app) & {"starlette", "fastapi", "django", "opentelemetry"} or getattr(app, "app", None) is None:
            break
        app = app.app
    return app


def roots(app: object) -> set[str]:
    """The packages that an object's classes are of."""
    return {kind.__module__.partition(".")[0] for kind in type(app).__mro__}
