"""Spans: a request opens a scope of breadcrumbs, queries and requests to other services leave one, and exceptions are told completely."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor
from opentelemetry.util.types import Attributes

from .. import breadcrumbs
from ..guard import skipped
from . import reports
from .hooks import Hooks

SERVER, CONSUMER, CLIENT, PRODUCER = trace.SpanKind.SERVER, trace.SpanKind.CONSUMER, trace.SpanKind.CLIENT, trace.SpanKind.PRODUCER


class Trail(SpanProcessor):
    """Opens and closes scopes, and leaves breadcrumbs; `changed` is told when a scope has opened or closed."""

    def __init__(self, changed: Callable[[breadcrumbs.Scope], object]) -> None:
        self._changed = changed

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """A request begins."""
        del parent_context
        kind = span.kind
        if kind is SERVER or kind is CONSUMER:
            breadcrumbs.open_scope(span)
            self._changed(breadcrumbs.scope())
            breadcrumbs.add("request", span.name, data=span)

    def on_end(self, span: ReadableSpan) -> None:
        """A request ends, or something it asked of others."""
        kind = span.kind
        if kind is SERVER or kind is CONSUMER:
            ended = breadcrumbs.close_scope(span)
            if ended is not None:
                self._changed(ended)
        elif kind is CLIENT or kind is PRODUCER:
            known = span.attributes or {}
            is_query = "db.system.name" in known or "db.system" in known
            breadcrumbs.add("query" if is_query else "request", span.name, data=span)


def tell_exceptions_completely(hooks: Hooks) -> None:
    """Have `Span.record_exception` of the SDK write what a report must say, instead of its own four attributes."""

    def place(original: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(original)
        def record_exception(
            self: Span, exception: BaseException, attributes: Attributes = None, timestamp: int | None = None, escaped: bool = False
        ) -> None:
            told: dict[str, Any] = {}
            if hooks.active and self.is_recording():
                with skipped("completing an exception of a span"):
                    told = _told(self, exception)
            if told:
                self.add_event("exception", {**told, "exception.escaped": str(escaped), **(attributes or {})}, timestamp)
            else:
                original(self, exception, attributes, timestamp, escaped)

        return record_exception

    hooks.replace(Span, "record_exception", place)


def _told(span: Span, exception: BaseException) -> dict[str, Any]:
    request = breadcrumbs.scope().span
    if request is not None and request is not span and "http.request.method" not in (span.attributes or {}):
        met = reports.of_request(request)
        span.set_attributes({key: met[key] for key in ("url.full", "user_agent.original") if key in met})
    mark, is_new = reports.marked(exception, "span", span)
    told = {**reports.of_exception(exception, mark), **reports.of_process()}
    return {**told, **reports.of_breadcrumbs()} if is_new else told
