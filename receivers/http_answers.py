"""Answers over HTTP as bytes and fields: what every listener of the collector says where it refuses a request, and how it is sent."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from starlette.types import Send

from .refusals import RefusedError, http_body, http_headers

PROTOBUF: Final = "application/x-protobuf"
JSON: Final = "application/json"


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """One answer.

    Attributes:
        fields: of its head, in lower case.
    """

    status: int
    body: bytes
    fields: dict[str, str]

    async def send(self, send: Send) -> None:
        """Send it, as ASGI."""
        raw = [(name.encode(), value.encode()) for name, value in self.fields.items()]
        await send({"type": "http.response.start", "status": self.status, "headers": raw})
        await send({"type": "http.response.body", "body": self.body})

    def closing(self) -> bytes:
        """Itself on the wire, for a connection that ends with it."""
        status = HTTPStatus(self.status)
        fields = "".join(f"{name}: {value}\r\n" for name, value in {**self.fields, "connection": "close"}.items())
        return f"HTTP/1.1 {status} {status.phrase}\r\n{fields}\r\n".encode() + self.body


def answer(body: bytes, media: str) -> HttpAnswer:
    """Success, in the request's type."""
    return HttpAnswer(200, body, {"content-type": media, "content-length": str(len(body))})


def refusal_answer(refusal: RefusedError, media: str = JSON) -> HttpAnswer:
    """A refusal in the request's type; in JSON, which people can read, where that is neither of OTLP's two."""
    json = media != PROTOBUF
    body = http_body(refusal, json=json)
    fields = {"content-type": JSON if json else PROTOBUF, "content-length": str(len(body)), **http_headers(refusal)}
    return HttpAnswer(refusal.kind.http_status, body, fields)
