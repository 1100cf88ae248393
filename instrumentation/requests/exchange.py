"""One HTTP exchange, as it passes through an ASGI application: sizes, details of failures, and who made it, put on the request's span."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from contextvars import ContextVar
from typing import Any

from opentelemetry.sdk.trace import Span
from opentelemetry.trace import Status, StatusCode

from .. import context, privacy
from ..guard import say_once, skipped
from ..traffic import traffic
from . import principal
from .settings import RequestSettings

Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Any]

MARK = "otelpond.exchange"
"""Where a scope tells mounted applications that their request has a span."""
NATIVE = "fastapi.telemetry"
"""Where a scope tells FastAPI's applications, from 0.165 on, that they are to make no spans of their own."""
REQUEST_SIZE, RESPONSE_SIZE = "http.request.body.size", "http.response.body.size"
REQUEST_BODY, RESPONSE_BODY = "otelpond.http.request.body", "otelpond.http.response.body"
STATUS_CODE, ROUTE = "http.response.status_code", "http.route"
MAX_DIGITS = 18
"""Of a number in a header: more do not fit into OTLP's 64 bits."""


class Watch:
    """What is the same for all exchanges of a process."""

    def __init__(self, settings: RequestSettings) -> None:
        self.details_from_status = settings.details_from_status
        self.body_bytes = settings.body_bytes if settings.bodies else 0
        self.trusted_proxies = settings.trusted_proxies
        self._hook_name = settings.user_hook
        self._hook: principal.Hook | None = None

    def hook(self) -> principal.Hook | None:
        """The service's own, loaded when its modules are: at the first request."""
        if self._hook_name:
            self._hook, self._hook_name = principal.load(self._hook_name), ""
        return self._hook


current: ContextVar[Exchange | None] = ContextVar("otelpond_exchange", default=None)
"""That of the request that is being answered."""


class Exchange:
    """Stands between server and application; of bodies it keeps at most `body_bytes`, and none unless told to.

    Where it owns the span it ends it too, and has told of the query before.
    """

    __slots__ = (
        "_answer",
        "_content",
        "_disconnected",
        "_ended",
        "_handled",
        "_headers",
        "_looked_at",
        "_owns",
        "_receive",
        "_received",
        "_received_all",
        "_root",
        "_routed",
        "_scope",
        "_send",
        "_sent",
        "_span",
        "_status",
        "_watch",
    )

    def __init__(self, watch: Watch, span: Span, scope: Scope, receive: Receive, send: Send) -> None:
        self._watch = watch
        self._span = span
        self._scope = scope
        self._receive = receive
        self._send = send
        self._looked_at: tuple[int, object] = (0, None)
        self._owns = False
        self._root = scope.get("root_path", "")
        self._received = self._sent = self._status = 0
        self._received_all = self._disconnected = self._routed = self._ended = False
        self._handled: Exception | None = None
        self._headers: Iterable[tuple[bytes, bytes]] = ()
        self._content = bytearray()
        self._answer = bytearray()
        traffic.start()

    async def receive(self) -> Message:
        """What the client sends, counted on its way."""
        message = await self._receive()
        if message["type"] == "http.request":
            body = message.get("body", b"")
            if body:
                self._received += len(body)
                if self._watch.body_bytes:
                    self._keep(self._content, body)
            if not message.get("more_body", False):
                self._received_all = True
        elif message["type"] == "http.disconnect":
            self._disconnected = True
        return message

    async def send(self, message: Message) -> None:
        """What the application answers; with the last of it the exchange is over, for the span ends then."""
        kind = message["type"]
        if kind == "http.response.body":
            body = message.get("body", b"")
            if body:
                self._sent += len(body)
                if self._watch.body_bytes:
                    self._keep(self._answer, body)
            if not message.get("more_body", False):
                self.end()
        elif kind == "http.response.start":
            self._status = message["status"]
            self._headers = message.get("headers", ())
        elif kind in {"http.response.pathsend", "http.response.zerocopysend"}:  # the server reads the file
            self._sent += number(_header(self._headers, b"content-length")) or 0
            if not message.get("more_body", False):
                self.end()
        await self._send(message)
        if self._ended and self._owns and self._span.is_recording():
            self._span.end()

    def _keep(self, kept: bytearray, body: bytes) -> None:
        room = self._watch.body_bytes - len(kept)
        if room > 0:
            kept += body[:room]

    def handle(self, error: Exception) -> None:
        """The application answers for an exception: what it answers says whether that is an error."""
        self._handled = error

    def fail(self, error: BaseException) -> None:
        """The application raised before it had answered whole: the span ends here, so that nobody reports the same once more."""
        span = self._span
        if self._ended or isinstance(error, (asyncio.CancelledError, GeneratorExit)):
            return
        if not self._status:
            self._answer_for_the_application()
        if span.is_recording():
            self._record(error)
            span.set_status(Status(StatusCode.ERROR, f"{type(error).__name__}: {error}"))
        self.end(failed=True)
        if span.is_recording():
            span.end()

    def _record(self, error: BaseException) -> None:
        if not any(event.name == "exception" for event in self._span.events):
            self._span.record_exception(error)

    async def run(self, app: Application) -> None:
        """Have the application answer."""
        scope = self._scope
        scope[MARK] = self
        scope.setdefault(NATIVE, None)
        token = current.set(self)
        try:
            await app(scope, self.receive, self.send)
        except BaseException as error:
            with skipped("the failure of a request"):
                self.fail(error)
            raise
        finally:
            current.reset(token)
            scope.pop(MARK, None)  # each holds the other
            self.leave()

    def leave(self) -> None:
        """The application is through; nothing is new where the answer was whole."""
        if not self._ended:
            if not self._status and not self._disconnected:
                self._answer_for_the_application()
            self.end(failed=not self._status and not self._disconnected)
        if self._owns and self._span.is_recording():
            self._span.end()

    def _answer_for_the_application(self) -> None:
        """Every server says 500 where the application says nothing."""
        self._status = 500
        self._span.set_attribute(STATUS_CODE, 500)

    def end(self, *, failed: bool = False) -> None:
        """Tell the span, once, while it can still be told."""
        if self._ended:
            return
        self._ended = True
        traffic.end(failed=failed or self._status >= 500)
        if not self._span.is_recording():
            return
        try:
            self.identify()
            self._span.set_attributes(self._attributes())
        except Exception as error:  # noqa: BLE001 - the service's own objects and headers are read here
            say_once("a request is described in part", error)
        self._handled = None  # its traceback holds frames that hold this

    def identify(self, *, early: bool = False) -> bool:
        """Find out who makes the request, unless that is known; False where there is nothing new to look at.

        `early` is before the handler has run: the service's hook is not asked yet.
        """
        scope = self._scope
        hook = None if early else self._watch.hook()
        state, user = scope.get("state"), scope.get("user")
        there = (len(state) if state else 0, user)
        if hook is None and there == self._looked_at:
            return False
        self._looked_at = there
        known = context.current()
        if context.USER_ID not in known or context.SESSION_ID not in known:
            principal.find(scope, hook, (user,), state if isinstance(state, dict) else {})
        return True

    def _attributes(self) -> dict[str, Any]:
        scope = self._scope
        attributes: dict[str, Any] = {
            REQUEST_SIZE: self._request_size(),
            RESPONSE_SIZE: 0 if scope.get("method") == "HEAD" else self._sent,
        }
        address = self._client_address()
        if address:
            attributes["client.address"] = privacy.address(address)
        query = scope.get("query_string")
        if query and not self._owns:
            attributes["url.query"] = privacy.query(query.decode("latin-1"))
        route = self._route()
        if route is not None:
            self._name(route)
        if self._status >= 400 and self._handled is not None:
            attributes |= self._reason(self._handled)
        if self._status >= self._watch.details_from_status:
            attributes |= self._details()
        return attributes

    def _request_size(self) -> int:
        """Bytes of the request's body: counted, unless the application left them with the server."""
        if not (self._received_all or self._disconnected):
            told = number(_header(self._scope.get("headers", ()), b"content-length"))
            if told is not None:
                return told
        return self._received

    def _client_address(self) -> str | None:
        client = self._scope.get("client")
        address: str | None = client[0] if client else None
        hops = self._watch.trusted_proxies or (0 if address else 1)
        if hops:
            forwarded = [value for name, value in self._scope.get("headers", ()) if name == b"x-forwarded-for"]
            passed = [part.strip() for part in b",".join(forwarded).decode("latin-1").split(",") if part.strip()]
            if passed:
                return passed[-min(hops, len(passed))]
        return address

    def below(self, route: str | None) -> None:
        """A mounted application with an instrumentation of its own has found its route."""
        if route and self._span.is_recording():
            self._routed = True
            self._name((self._known_route() or self._mounted()) + route)

    def _name(self, route: str) -> None:
        self._span.set_attribute(ROUTE, route)
        self._span.update_name(f"{self._scope['method']} {route}")

    def _known_route(self) -> str | None:
        attributes = self._span.attributes
        return str(attributes[ROUTE]) if attributes is not None and ROUTE in attributes else None

    def _mounted(self) -> str:
        """Where the application that answered is mounted in the one that was asked."""
        return str(self._scope.get("root_path", "")).removeprefix(self._root)

    def _route(self) -> str | None:
        """Of Starlette's applications, mounted ones too; None where the span knows it already, or nothing says it."""
        known, mounted = self._known_route(), self._mounted()
        route = self._scope.get("route")
        path = getattr(route, "path_format", None)
        if self._routed or path is None or (known is not None and not mounted):
            return None
        if hasattr(route, "routes"):  # a mount: who answered has no routes
            return None if known is not None else mounted
        return (known if known is not None and "{" in known else mounted) + str(path)

    def _reason(self, error: Exception) -> dict[str, Any]:
        """What the answer was made of: an event with its stack from 500 on, else its name and message."""
        if self._status >= 500:
            self._record(error)
            return {}
        return {"exception.type": _name(error), "exception.message": privacy.text(str(error))}

    def _details(self) -> dict[str, Any]:
        pairs = self._scope.get("headers", ())
        details: dict[str, Any] = {f"http.request.header.{name}": (value,) for name, value in privacy.headers(pairs).items()}
        for name, body, headers in ((REQUEST_BODY, self._content, pairs), (RESPONSE_BODY, self._answer, self._headers)):
            if body:
                details[name] = privacy.body(bytes(body), (_header(headers, b"content-type") or b"").decode("latin-1"))
        return details


def number(text: str | bytes | None) -> int | None:
    """What a header tells in decimal digits, of 64 bits at most; None where it tells no such number. Python calls `²` a digit."""
    return int(text) if text is not None and len(text) <= MAX_DIGITS and text.isascii() and text.isdigit() else None


def _header(pairs: Iterable[tuple[bytes, bytes]], wanted: bytes) -> bytes | None:
    return next((value for name, value in pairs if name.lower() == wanted), None)


def _name(error: Exception) -> str:
    """As `record_exception` names it."""
    kind = type(error)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
