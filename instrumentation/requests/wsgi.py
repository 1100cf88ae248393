"""Hooks of OpenTelemetry's packages for Flask and Django: sizes, the user and details of failures; and counts what WSGI servers answer."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from typing import Any

from opentelemetry.context import Context
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor
from opentelemetry.trace import SpanKind, StatusCode

from .. import privacy
from ..guard import harmless
from ..traffic import traffic
from . import principal
from .exchange import REQUEST_SIZE, RESPONSE_SIZE, STATUS_CODE, Watch, number

ASGI_SCOPES = frozenset(f"opentelemetry.instrumentation.{name}" for name in ("asgi", "fastapi", "starlette"))
METHODS = ("http.request.method", "http.method")


class Counting(SpanProcessor):
    """Counts requests by their spans, but for those that pass through our ASGI exchange, which counts unsampled ones too."""

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """A request has come."""
        del parent_context
        if span.kind is SpanKind.SERVER and _is_ours(span):
            traffic.start()

    def on_end(self, span: ReadableSpan) -> None:
        """It has been answered."""
        if span.kind is SpanKind.SERVER and _is_ours(span):
            status = (span.attributes or {}).get(STATUS_CODE)
            traffic.end(failed=span.status.status_code is StatusCode.ERROR or (isinstance(status, int) and status >= 500))


def _is_ours(span: ReadableSpan) -> bool:
    scope, attributes = span.instrumentation_scope, span.attributes or {}
    return (scope is None or scope.name not in ASGI_SCOPES) and any(name in attributes for name in METHODS)


class Hooks:
    """What the packages call; `environ` is WSGI's."""

    def __init__(self, watch: Watch) -> None:
        self._watch = watch

    @harmless
    def flask_response(self, span: Span | None, status: str, headers: Iterable[tuple[str, str]]) -> None:
        """`response_hook` of Flask's package: the handler has run, its `g` and `request` are there."""
        if span is None or not span.is_recording():
            return
        flask = sys.modules["flask"]
        environ: Mapping[str, Any] = flask.request.environ
        state = dict(vars(flask.g))
        login = state.get("_login_user")  # of Flask-Login, where it has been loaded
        principal.find(environ, self._watch.hook(), (login,), state)
        length = next((value for name, value in headers if name.lower() == "content-length"), None)
        code = int(status.split(" ", 1)[0])
        self._tell(span, environ, code, number(length))

    @harmless
    def django_response(self, span: Span | None, request: Any, response: Any) -> None:
        """`response_hook` of Django's package."""
        if span is None or not span.is_recording():
            return
        environ: Mapping[str, Any] = request.META
        user = getattr(request, "_cached_user", None)  # where it has been loaded; `user` would ask the database
        session = getattr(getattr(request, "session", None), "_session_key", None)
        state = {"session_id": session} if session else {}
        principal.find(environ, self._watch.hook(), (user,), state)
        size = None if getattr(response, "streaming", True) else len(response.content)
        self._tell(span, environ, response.status_code, size)

    def _tell(self, span: Span, environ: Mapping[str, Any], status: int, size: int | None) -> None:
        attributes: dict[str, Any] = {REQUEST_SIZE: number(environ.get("CONTENT_LENGTH")) or 0}
        if size is not None:
            attributes[RESPONSE_SIZE] = 0 if environ.get("REQUEST_METHOD") == "HEAD" else size
        address = environ.get("REMOTE_ADDR")
        if address:
            attributes["client.address"] = privacy.address(address)
        query = environ.get("QUERY_STRING")
        if query:
            attributes["url.query"] = privacy.query(query)
        if status >= self._watch.details_from_status:
            named = ((name[5:].replace("_", "-"), value) for name, value in environ.items() if name.startswith("HTTP_"))
            attributes |= {f"http.request.header.{name}": (value,) for name, value in privacy.headers(named).items()}
        span.set_attributes(attributes)
