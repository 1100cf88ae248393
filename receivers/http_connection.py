"""One HTTP connection, as uvicorn serves it, with what OTLP asks besides: a Status for what is no HTTP, and bounds on a request's head.

uvicorn answers a malformed request in plain text, and reads heads of any length for any time.
"""

from __future__ import annotations

import asyncio
import math
from typing import Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from .exports import LONGEST_SHARED_S
from .http_answers import refusal_answer
from .refusals import Kind, RefusedError

_MOST_HEAD_BYTES: Final = 65_536
_SLOWEST_HEAD_S: Final = 60.0
_MOST_WAITING: Final = 16
"""Requests that a client has sent before the first of them is answered: uvicorn would queue heads without end."""


class HttpConnection(HttpToolsProtocol):
    """Between requests, and while the head of one comes in, the connection counts bytes and looks at the clock.

    Attributes:
        longest_s: how long it is kept; the answer to the first request after that says that it ends.
    """

    longest_s = math.inf
    _made = 0.0
    _head_bytes = 0
    _in_head = True
    _head_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's own
        """Give the first head its time."""
        super().connection_made(transport)
        self._made = self.loop.time()
        self._start_head_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        """Leave no timer behind."""
        self._stop_head_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Feed the parser, and refuse a head that has no end."""
        self._head_bytes += len(data)
        super().data_received(data)
        if not self._in_head or self.transport.is_closing():
            return
        if self._head_bytes > _MOST_HEAD_BYTES:
            self._refuse(Kind.LONG_HEAD, f"the header fields are longer than {_MOST_HEAD_BYTES} bytes")
        elif self._head_timer is None and self.cycle.response_complete:
            self._start_head_timer()

    def on_headers_complete(self) -> None:
        """The head is there."""
        self._in_head = False
        self._stop_head_timer()
        if len(self.pipeline) >= _MOST_WAITING:
            raise ValueError("too many requests at once on one connection")  # the parser stops, and send_400_response ends it
        super().on_headers_complete()
        if self.loop.time() - self._made > self.longest_s:
            self.cycle.keep_alive = False

    def on_message_complete(self) -> None:
        """What comes next is another head."""
        self._in_head, self._head_bytes = True, 0
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """Say what is no HTTP; `msg` is uvicorn's text."""
        self._refuse(Kind.UNDECODABLE, msg)

    def _refuse(self, kind: Kind, message: str) -> None:
        self.transport.write(refusal_answer(RefusedError(kind, message)).closing())
        self.transport.close()

    def _start_head_timer(self) -> None:
        self._head_timer = self.loop.call_later(_SLOWEST_HEAD_S, self.transport.close)

    def _stop_head_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None


class SharedPortConnection(HttpConnection):
    """One that ends now and then, so that its client may come to another process of those that share a port."""

    longest_s = LONGEST_SHARED_S
