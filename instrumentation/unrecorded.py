"""Requests that no span tells of, not sampled, excluded or of a framework without a package: in them nobody acts until it is said.

A request's span opens the scopes of who acts and of breadcrumbs. Without one a thread that serves one request after another would have
those of the last.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from types import ModuleType
from typing import Any

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.trace import Tracer

from . import imports

SERVER, CONSUMER, INTERNAL = trace.SpanKind.SERVER, trace.SpanKind.CONSUMER, trace.SpanKind.INTERNAL
ENTRIES = {"flask": ("Flask", "wsgi_app"), "django.core.handlers.wsgi": ("WSGIHandler", "__call__")}
"""Where a request comes into a framework whose threads serve one after another, before it has a span: class and method, by module."""


class Unrecorded:
    """What calls `forget` where such a request begins; it must be quick and must not raise."""

    def __init__(self, forget: Callable[[], object]) -> None:
        self._forget = forget
        self._active = True
        self._placed: list[tuple[type, str, Any, Any]] = []

    def begin(self) -> None:
        """Watch the SDK's tracers, whatever samples for them, and the frameworks that the service imports."""
        self._replace(Tracer, "start_span", self._starting)
        for module, (owner, name) in ENTRIES.items():
            imports.when_imported(module, functools.partial(self._enter, owner, name), "who acts in a request without a span")

    def end(self) -> None:
        """Put back what was there; what somebody has wrapped meanwhile stays, and does nothing."""
        self._active = False
        while self._placed:
            owner, name, original, ours = self._placed.pop()
            if vars(owner).get(name) is ours:
                setattr(owner, name, original)

    def _enter(self, owner: str, name: str, module: ModuleType) -> None:
        if self._active:
            self._replace(getattr(module, owner), name, self._entering)

    def _replace(self, owner: type, name: str, place: Callable[[Callable[..., Any]], Callable[..., Any]]) -> None:
        original = getattr(owner, name)
        ours = functools.wraps(original)(place(original))
        setattr(owner, name, ours)
        self._placed.append((owner, name, original, ours))

    def _starting(self, original: Callable[..., trace.Span]) -> Callable[..., trace.Span]:
        def start_span(
            tracer: Tracer, name: str, context: Context | None = None, kind: trace.SpanKind = INTERNAL, *args: Any, **kwargs: Any
        ) -> trace.Span:
            span = original(tracer, name, context, kind, *args, **kwargs)
            if (kind is SERVER or kind is CONSUMER) and self._active and not span.is_recording():
                self._forget()
            return span

        return start_span

    def _entering(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def entered(*args: Any, **kwargs: Any) -> Any:
            if self._active:
                self._forget()
            return original(*args, **kwargs)

        return entered
