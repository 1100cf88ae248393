"""OTLP/HTTP: POST /v1/traces, /v1/metrics and /v1/logs, each by the same handler; what is understood goes to the sink, made durable first.

Plain ASGI: a path is looked up, and its handler called, without a framework's router, request or response per request. Handlers of other
paths (`events.handler`, `browser_script`) are handed in.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from google.protobuf import json_format
from starlette.types import ASGIApp, Receive, Scope, Send

from ..storage.counters import Received
from ..storage.signals import Inspection, Sink
from .admission import LONG_BYTES, Admission
from .authentication import OPEN, Authentication
from .counting import Counted, received
from .cross_origin import CrossOrigin
from .event_loop import inline_or_not
from .exports import DEFAULT_MAX_BODY_BYTES, Export, Response
from .http_answers import JSON, PROTOBUF, answer, refusal_answer
from .memory import return_large_blocks
from .otlp_json import to_protobuf
from .refusals import DisconnectedError, Kind, RefusedError, refusal_of
from .request_body import RequestBody, media_type
from .storing import Storing

# Longer bodies are understood in a thread, only so that the loop goes on serving others: it costs more CPU, not less (1.7 MB, 5,000
# spans: 6.0 ms in threads, 3.3 ms inline; 176 kB: the same), for the parsers hold the interpreter's lock.
_INLINE_BYTES: Final = {PROTOBUF: LONG_BYTES, JSON: 32_768}
_NO_OTHERS: Final[Mapping[str, ASGIApp]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class _Handler:
    """Takes one signal's requests: one rung of the ladder after the other, each with its own refusal."""

    export: Export
    storing: Storing
    max_body_bytes: int
    received: Received

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, as ASGI."""
        try:
            response = await self._accept(scope, receive)
        except DisconnectedError:
            return
        except Exception as error:  # noqa: BLE001  every error becomes an answer, sorted in one place
            await refusal_answer(refusal_of(error), media_type(scope)).send(send)
        else:
            await answer(response, media_type(scope)).send(send)

    async def _accept(self, scope: Scope, receive: Receive) -> bytes:
        if scope["method"] != "POST":
            raise RefusedError(Kind.WRONG_METHOD, f"{self.export.path} takes POST only", headers={"allow": "POST"})
        media = media_type(scope)
        if media not in _INLINE_BYTES:
            wanted = f"Content-Type {media!r} is not supported; use {PROTOBUF} or {JSON}"
            raise RefusedError(Kind.UNSUPPORTED_MEDIA, wanted, headers={"accept": f"{PROTOBUF}, {JSON}"})
        coming = RequestBody.of(scope, receive, self.max_body_bytes)
        with Counted(self.received) as counted, Admission(self.storing.sink) as admission:
            self.storing.caller(scope)
            body = await coming.read(admission)
            payload, inspection = await inline_or_not(len(body) <= _INLINE_BYTES[media], self._understand, body, media, admission)
            counted.inspection = inspection
            if inspection.items:
                await self.storing(scope, self.export.signal, payload, inspection, counted)
        return _rendered(self.export.response(inspection), media)

    def _understand(self, body: bytes, media: str, admission: Admission) -> tuple[bytes, Inspection]:
        """The payload as protobuf bytes, and what the rules of OTLP say of it."""
        if media == JSON:
            with admission.parsing(len(body), json=True):
                body = to_protobuf(self.export.signal, body)
            admission.reserve(len(body))
        with admission.parsing(len(body)):
            return body, self.storing.sink.inspect(self.export.signal, body)


def _rendered(response: Response, media: str) -> bytes:
    json = media == JSON
    body: bytes = json_format.MessageToJson(response, indent=None).encode() if json else response.SerializeToString()
    return body


class _Receiver:
    """Finds a request's handler by its path."""

    def __init__(self, storing: Storing, max_body_bytes: int, others: Mapping[str, ASGIApp]) -> None:
        exports = {export.path: _Handler(export, storing, max_body_bytes, counters) for export, counters in received("http").items()}
        self._handlers: dict[str, ASGIApp] = {**exports, **others}
        self._paths = f"OTLP goes to {', '.join(exports)}{'; there are ' if others else ''}{', '.join(others)}"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        handler = self._handlers.get(scope["path"])
        if handler is not None:
            await handler(scope, receive, send)
        else:
            nothing = RefusedError(Kind.UNKNOWN_PATH, f"there is nothing at {scope['path']}; {self._paths}")
            await refusal_answer(nothing, media_type(scope)).send(send)


def app(
    sink: Sink,
    *,
    max_body_bytes: int = DEFAULT_MAX_BODY_BYTES,
    authentication: Authentication = OPEN,
    cors_allowed_origins: Sequence[str] = (),
    others: Mapping[str, ASGIApp] = _NO_OTHERS,
) -> ASGIApp:
    """The OTLP/HTTP receiver as an ASGI application.

    Args:
        sink: where payloads go.
        max_body_bytes: the longest body, as it comes and decompressed.
        authentication: who may send.
        cors_allowed_origins: the pages, as `SCHEME://HOST[:PORT]`, whose scripts may send; none leaves CORS out.
        others: what answers at paths beside those of OTLP.
    """
    return_large_blocks()
    receiver = _Receiver(Storing(sink, authentication), max_body_bytes, others)
    return CrossOrigin(receiver, cors_allowed_origins) if cors_allowed_origins else receiver
