"""OTLP/HTTP: POST /v1/traces, /v1/metrics and /v1/logs, each by the same handler; what is understood goes to the sink, made durable first.

Plain ASGI: a path is looked up, and its handler called, without a framework's router, request or response per request.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from google.protobuf import json_format
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ..storage.access import Caller
from ..storage.counters import Received
from ..storage.signals import Inspection, Sink, UnavailableError
from .admission import LONG_BYTES, Admission
from .authentication import OPEN, Authentication
from .content_coding import decompress, known_coding, too_large
from .counting import Counted, received
from .cross_origin import CrossOrigin
from .event_loop import Durable, inline_or_not
from .exports import DEFAULT_MAX_BODY_BYTES, Export, Response
from .http_answers import JSON, PROTOBUF, answer, refusal_answer
from .memory import return_large_blocks
from .otlp_json import to_protobuf
from .refusals import DisconnectedError, Kind, RefusedError, refusal_of

_SLOWEST_BODY_S: Final = 60.0  # a body that takes longer holds its memory no more; OTLP clients give up after 10 s
_SERVER_BUFFER_BYTES: Final = 524_288  # what uvicorn and uvloop hold beside a body that comes in pieces, with what they leave behind
# Longer bodies are understood in a thread, only so that the loop goes on serving others: it costs more CPU, not less (1.7 MB, 5,000
# spans: 6.0 ms in threads, 3.3 ms inline; 176 kB: the same), for the parsers hold the interpreter's lock.
_INLINE_BYTES: Final = {PROTOBUF: LONG_BYTES, JSON: 32_768}
_INLINE_CODED_BYTES: Final = 65_536  # as they come


@dataclass(frozen=True, slots=True)
class _Handler:
    """Takes one signal's requests: one rung of the ladder after the other, each with its own refusal."""

    export: Export
    sink: Sink
    max_body_bytes: int
    received: Received
    authentication: Authentication
    durable: Durable

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, as ASGI."""
        try:
            response = await self._accept(scope, receive)
        except DisconnectedError:
            return
        except Exception as error:  # noqa: BLE001  every error becomes an answer, sorted in one place
            await refusal_answer(refusal_of(error), _media(scope)).send(send)
        else:
            await answer(response, _media(scope)).send(send)

    async def _accept(self, scope: Scope, receive: Receive) -> bytes:
        if scope["method"] != "POST":
            raise RefusedError(Kind.WRONG_METHOD, f"{self.export.path} takes POST only", headers={"allow": "POST"})
        media = _media(scope)
        if media not in _INLINE_BYTES:
            wanted = f"Content-Type {media!r} is not supported; use {PROTOBUF} or {JSON}"
            raise RefusedError(Kind.UNSUPPORTED_MEDIA, wanted, headers={"accept": f"{PROTOBUF}, {JSON}"})
        coding = known_coding(_header(scope, b"content-encoding"))
        with Counted(self.received) as counted, Admission(self.sink) as admission:
            self._caller(scope)
            body = await self._body(scope, receive, admission)
            if coding is not None:
                body = await inline_or_not(len(body) <= _INLINE_CODED_BYTES, self._decompressed, body, coding, admission)
            payload, inspection = await inline_or_not(len(body) <= _INLINE_BYTES[media], self._understand, body, media, admission)
            counted.inspection = inspection
            if inspection.items:
                caller = self._caller(scope)  # again: a body may come long after its head
                counted.stored = stored = self.sink.append(caller.tenant, self.export.signal, payload, inspection)
                self.authentication.spend(caller, inspection.items, len(payload), stored)
                await self.durable(stored)
        return _rendered(self.export.response(inspection), media)

    def _caller(self, scope: Scope) -> Caller:
        return self.authentication.caller(_header(scope, b"authorization"), scope["query_string"])

    async def _body(self, scope: Scope, receive: Receive, admission: Admission) -> bytes:
        """The body; there is room for what it announces before any of it is read, and what has come is held as it comes."""
        announced = _header(scope, b"content-length")
        if announced.isdecimal():
            if int(announced) > self.max_body_bytes:
                raise too_large(self.max_body_bytes)
            admission.check(int(announced))
        try:
            async with asyncio.timeout(_SLOWEST_BODY_S):
                message = await receive()
                first: bytes = message.get("body", b"")
                if message["type"] == "http.request" and not message.get("more_body", False) and len(first) <= self.max_body_bytes:
                    admission.reserve(len(first))
                    return first
                return await self._rest(message, receive, admission)
        except TimeoutError:
            raise UnavailableError(f"the body was not complete after {_SLOWEST_BODY_S:.0f} s") from None

    async def _rest(self, message: Message, receive: Receive, admission: Admission) -> bytes:
        """A body that comes in pieces, `message` the first of them."""
        admission.reserve(_SERVER_BUFFER_BYTES)
        body = bytearray()  # its growth moves pages and not bytes; a list of pieces leaves the allocator full of holes
        while message["type"] != "http.disconnect":
            piece: bytes = message.get("body", b"")
            if len(body) + len(piece) > self.max_body_bytes:
                raise too_large(self.max_body_bytes)
            admission.reserve(len(piece) * 9 // 8)  # a bytearray that grows holds an eighth more
            body += piece
            if not message.get("more_body", False):
                return admission.copied(body)
            message = await receive()
        raise DisconnectedError

    def _decompressed(self, body: bytes, coding: str, admission: Admission) -> bytes:
        return decompress(coding, body, max_bytes=self.max_body_bytes, reserve=admission.reserve)

    def _understand(self, body: bytes, media: str, admission: Admission) -> tuple[bytes, Inspection]:
        """The payload as protobuf bytes, and what the rules of OTLP say of it."""
        if media == JSON:
            with admission.parsing(len(body), json=True):
                body = to_protobuf(self.export.signal, body)
            admission.reserve(len(body))
        with admission.parsing(len(body)):
            return body, self.sink.inspect(self.export.signal, body)


def _header(scope: Scope, name: bytes) -> str:
    values: list[bytes] = [value for key, value in scope["headers"] if key == name]
    return b", ".join(values).decode("latin-1")


def _media(scope: Scope) -> str:
    """The request's media type without its parameters."""
    return _header(scope, b"content-type").partition(";")[0].strip().lower()


def _rendered(response: Response, media: str) -> bytes:
    json = media == JSON
    body: bytes = json_format.MessageToJson(response, indent=None).encode() if json else response.SerializeToString()
    return body


class _Receiver:
    """Finds a request's handler by its path."""

    def __init__(self, sink: Sink, max_body_bytes: int, authentication: Authentication) -> None:
        durable = Durable()
        self._handlers = {
            export.path: _Handler(export, sink, max_body_bytes, counters, authentication, durable)
            for export, counters in received("http").items()
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        handler = self._handlers.get(scope["path"])
        if handler is not None:
            await handler(scope, receive, send)
        else:
            paths = ", ".join(self._handlers)
            nothing = RefusedError(Kind.UNKNOWN_PATH, f"there is nothing at {scope['path']}; OTLP goes to {paths}")
            await refusal_answer(nothing, _media(scope)).send(send)


def app(
    sink: Sink,
    *,
    max_body_bytes: int = DEFAULT_MAX_BODY_BYTES,
    authentication: Authentication = OPEN,
    cors_allowed_origins: Sequence[str] = (),
) -> ASGIApp:
    """The OTLP/HTTP receiver as an ASGI application.

    Args:
        sink: where payloads go.
        max_body_bytes: the longest body, as it comes and decompressed.
        authentication: who may send.
        cors_allowed_origins: the pages, as `SCHEME://HOST[:PORT]`, whose scripts may send; none leaves CORS out.
    """
    return_large_blocks()
    receiver = _Receiver(sink, max_body_bytes, authentication)
    return CrossOrigin(receiver, cors_allowed_origins) if cors_allowed_origins else receiver
