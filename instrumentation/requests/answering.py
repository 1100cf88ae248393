"""A request's span and metrics, made as OpenTelemetry's ASGI middleware makes them, by the shortest way.

That middleware puts each attribute on the span twice and decodes every header for each that it looks for. Where a service has hooks in it,
has it capture headers, or wants the old names of the conventions, it is left to do it by itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import Token
from time import perf_counter
from typing import Any

from opentelemetry import propagate, trace
from opentelemetry.context import Context, attach, detach
from opentelemetry.instrumentation._semconv import _StabilityMode
from opentelemetry.instrumentation.propagators import get_global_response_propagator
from opentelemetry.instrumentation.utils import is_http_instrumentation_enabled
from opentelemetry.propagators.textmap import Getter
from opentelemetry.sdk.trace import Span
from opentelemetry.trace import SpanKind, Status, StatusCode, set_span_in_context
from opentelemetry.util.http import detect_synthetic_user_agent, sanitize_method

from .. import privacy
from ..guard import skipped
from .exchange import ROUTE, STATUS_CODE, Application, Exchange, Receive, Scope, Send, Watch, number

METHOD, SCHEME, VERSION, ERROR_TYPE = "http.request.method", "url.scheme", "network.protocol.version", "error.type"
PORTS = {"http": 80, "https": 443}
HOOKS = (
    "server_request_hook",
    "client_request_hook",
    "client_response_hook",
    "http_capture_headers_server_request",
    "http_capture_headers_server_response",
)


class _Headers(Getter[Mapping[str, str]]):
    """For propagators: headers by their lower-case names."""

    def get(self, carrier: Mapping[str, str], key: str) -> list[str] | None:
        """One value, equal names joined."""
        value = carrier.get(key.lower())
        return None if value is None else [value]

    def keys(self, carrier: Mapping[str, str]) -> list[str]:
        """All names."""
        return [*carrier]


_HEADERS = _Headers()


class Answering(Exchange):
    """An exchange whose span and metrics are its own."""

    __slots__ = ("_began", "_labels", "_middleware")

    def __init__(  # noqa: PLR0917 - ASGI names its three by position
        self, middleware: Any, watch: Watch, span: Span, scope: Scope, receive: Receive, send: Send
    ) -> None:
        super().__init__(watch, span, scope, receive, send)
        self._owns = True
        self._middleware = middleware
        self._began = perf_counter()
        self._labels = {METHOD: _method(scope)[0], SCHEME: scope.get("scheme", "http")}
        middleware.active_requests_counter.add(1, self._labels)

    def end(self, *, failed: bool = False) -> None:
        """Tell the span and the metrics, once."""
        if self._ended:
            return
        super().end(failed=failed)
        with skipped("the metrics of a request"):
            labels = dict(self._labels)
            self._middleware.active_requests_counter.add(-1, self._labels)
            labels[VERSION] = self._scope.get("http_version", "1.1")
            if self._status:
                labels[STATUS_CODE] = self._status
            if self._status >= 500:
                labels[ERROR_TYPE] = str(self._status)
            route = self._known_route() if self._span.is_recording() else None
            if route is not None:
                labels[ROUTE] = route
            self._middleware.duration_histogram_new.record(max(0.0, perf_counter() - self._began), labels)

    def _attributes(self) -> dict[str, Any]:
        attributes = super()._attributes()
        if self._status:
            attributes[STATUS_CODE] = self._status
        if self._status >= 500:
            attributes[ERROR_TYPE] = str(self._status)
            if self._span.status.status_code is StatusCode.UNSET:
                self._span.set_status(Status(StatusCode.ERROR))
        return attributes


Begun = tuple[Answering, Token[Context]]
"""An exchange, and what takes its span out of the context again."""


def is_plain(middleware: Any) -> bool:
    """Whether nobody has asked OpenTelemetry's middleware for more than it does by itself."""
    return middleware._sem_conv_opt_in_mode is _StabilityMode.HTTP and not any(  # noqa: SLF001 - nobody else knows
        getattr(middleware, name) for name in HOOKS
    )


def is_left_alone(middleware: Any, scope: Scope) -> bool:
    """Whether the middleware would make no span of its own kind here: told not to, or within another one."""
    if not is_http_instrumentation_enabled() or trace.get_current_span() is not trace.INVALID_SPAN:
        return True
    excluded = middleware.excluded_urls
    if excluded and getattr(excluded, "_excluded_urls", True):
        server = scope.get("server") or ("0.0.0.0", 80)  # noqa: S104 - what the middleware takes
        host = next((value.decode("latin-1") for name, value in scope["headers"] if name == b"host"), f"{server[0]}:{server[1]}")
        return bool(excluded.url_disabled(f"{scope.get('scheme', 'http')}://{host}{scope['path']}"))
    return get_global_response_propagator() is not None  # type: ignore[no-untyped-call]


def begin(middleware: Any, watch: Watch, scope: Scope, receive: Receive, send: Send) -> Begun | None:
    """A request's exchange and span; None where the middleware is left to it, also where a request is so strange that this fails."""
    with skipped("the short way of a request"):
        if is_left_alone(middleware, scope):
            return None
        headers: dict[str, str] = {}
        for raw, value in scope["headers"]:
            name = raw.decode("latin-1").lower()
            text = value.decode("latin-1")
            headers[name] = f"{headers[name]},{text}" if name in headers else text
        parent = propagate.extract(headers, getter=_HEADERS)
        name, attributes = middleware.default_span_details(scope)
        attributes = _told(scope, headers) | attributes
        span = middleware.tracer.start_span(name, context=parent, kind=SpanKind.SERVER, attributes=attributes)
        exchange = Answering(middleware, watch, span, scope, receive, send)
        return exchange, attach(set_span_in_context(span, parent))
    return None


async def answer(app: Application, begun: Begun) -> None:
    """One request: its span around the application."""
    exchange, token = begun
    try:
        await exchange.run(app)
    finally:
        detach(token)


def _method(scope: Scope) -> tuple[str, str]:
    """As the conventions know it, and as it came."""
    came = scope["method"]
    return sanitize_method(came), came


def _told(scope: Scope, headers: Mapping[str, str]) -> dict[str, Any]:
    """What is known of a request before it is answered, under the conventions' names."""
    scheme = scope.get("scheme", "http")
    method, came = _method(scope)
    attributes: dict[str, Any] = {
        METHOD: method,
        SCHEME: scheme,
        "url.path": scope["path"],
        VERSION: scope.get("http_version", "1.1"),
    }
    if method == "_OTHER":
        attributes["http.request.method_original"] = came
    server = scope.get("server")
    told = headers.get("host", "")
    host, _, digits = told.rpartition(":") if not told.endswith("]") else ("", "", "")
    port = number(digits)
    if not host or port is None:
        host, port = told, None
    address = host or (server[0] if server else None)
    if address:
        attributes["server.address"] = address
        if port is None:
            port = PORTS.get(scheme) if host or not server else server[1]
        if port:
            attributes["server.port"] = port
    agent = headers.get("user-agent")
    if agent:
        attributes["user_agent.original"] = agent
        kind = detect_synthetic_user_agent(agent)
        if kind:
            attributes["user_agent.synthetic.type"] = kind
    client = scope.get("client")
    if client:
        attributes["client.port"] = client[1]
    query = scope.get("query_string")
    if query:
        attributes["url.query"] = privacy.query(query.decode("latin-1"))
    return attributes
