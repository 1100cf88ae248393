"""One HTTP request as the handlers take it: its fields, and its body, read within the limits and decompressed."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Final

from starlette.types import Message, Receive, Scope

from ..storage.signals import UnavailableError
from .admission import Admission
from .content_coding import decompress, known_coding, too_large
from .event_loop import inline_or_not
from .refusals import DisconnectedError

_SLOWEST_BODY_S: Final = 60.0  # a body that takes longer holds its memory no more; OTLP clients give up after 10 s
_SERVER_BUFFER_BYTES: Final = 524_288  # what uvicorn and uvloop hold beside a body that comes in pieces, with what they leave behind
_INLINE_CODED_BYTES: Final = 65_536  # as they come


def header(scope: Scope, name: bytes) -> str:
    """The values of a field of the request's head, with commas between."""
    values: list[bytes] = [value for key, value in scope["headers"] if key == name]
    return b", ".join(values).decode("latin-1")


def media_type(scope: Scope) -> str:
    """The request's media type without its parameters."""
    return header(scope, b"content-type").partition(";")[0].strip().lower()


@dataclass(frozen=True, slots=True)
class RequestBody:
    """A body that is still to come.

    Attributes:
        scope, receive: of the request, as ASGI.
        max_bytes: how long it may be, as it comes and decompressed.
        coding: its Content-Encoding, None where it is as it is.
    """

    scope: Scope
    receive: Receive
    max_bytes: int
    coding: str | None

    @staticmethod
    def of(scope: Scope, receive: Receive, max_bytes: int) -> RequestBody:
        """That of a request.

        Raises:
            RefusedError: its coding is none that we know.
        """
        return RequestBody(scope, receive, max_bytes, known_coding(header(scope, b"content-encoding")))

    async def read(self, admission: Admission) -> bytes:
        """The body, decompressed; there is room for what it announces before any of it is read, and what has come is held as it comes.

        Raises:
            RefusedError: it is too long.
            UnavailableError: there is no room for it, or it takes too long.
            UndecodableError: it is not of its coding.
            DisconnectedError: the client went away.
        """
        announced = header(self.scope, b"content-length")
        if announced.isdecimal():
            if int(announced) > self.max_bytes:
                raise too_large(self.max_bytes)
            admission.check(int(announced))
        body = await self._whole(admission)
        if self.coding is None:
            return body
        return await inline_or_not(len(body) <= _INLINE_CODED_BYTES, self._decompressed, body, self.coding, admission)

    async def _whole(self, admission: Admission) -> bytes:
        try:
            async with asyncio.timeout(_SLOWEST_BODY_S):
                message = await self.receive()
                first: bytes = message.get("body", b"")
                if message["type"] == "http.request" and not message.get("more_body", False) and len(first) <= self.max_bytes:
                    admission.reserve(len(first))
                    return first
                return await self._rest(message, admission)
        except TimeoutError:
            raise UnavailableError(f"the body was not complete after {_SLOWEST_BODY_S:.0f} s") from None

    async def _rest(self, message: Message, admission: Admission) -> bytes:
        """A body that comes in pieces, `message` the first of them."""
        admission.reserve(_SERVER_BUFFER_BYTES)
        body = bytearray()  # its growth moves pages and not bytes; a list of pieces leaves the allocator full of holes
        while message["type"] != "http.disconnect":
            piece: bytes = message.get("body", b"")
            if len(body) + len(piece) > self.max_bytes:
                raise too_large(self.max_bytes)
            admission.reserve(len(piece) * 9 // 8)  # a bytearray that grows holds an eighth more
            body += piece
            if not message.get("more_body", False):
                return admission.copied(body)
            message = await self.receive()
        raise DisconnectedError

    def _decompressed(self, body: bytes, coding: str, admission: Admission) -> bytes:
        return decompress(coding, body, max_bytes=self.max_bytes, reserve=admission.reserve)
