"""Posts a message to a URL: one guarded connection, one request, one answer sorted into sent, try later and refused."""

from __future__ import annotations

import http.client
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Final
from urllib.parse import urlsplit

from ..destination import Refused, TryLater
from ..retry_after import retry_after_s
from . import guard
from .notification import Message, Outcome, Sent
from .target import Target
from .texts import one_line

Body = Callable[[str, Message], bytes]
"""Makes a request's body of a channel's name and a message."""

_MAX_ANSWER_BYTES: Final = 4096
_LONGEST_REASON: Final = 200
_SUCCESS, _REDIRECTION, _CLIENT_ERROR, _SERVER_ERROR = 200, 300, 400, 500
_TOO_MANY: Final = 429


class HttpChannel:
    """See `notification.Channel`: a webhook, Slack or Teams, which differ in their bodies. Proxies of the environment are not used.

    Raises:
        OSError: the file of authorities cannot be read, or is none.
    """

    def __init__(self, target: Target, body: Body) -> None:
        self._target, self._body = target, body
        self._context = ssl.create_default_context(cafile=target.ca_file)

    def send(self, message: Message) -> Outcome:
        """One attempt; redirects are not followed."""
        connection = _Connection(self._target, self._context)
        url = urlsplit(self._target.url)
        headers = {
            "user-agent": "otelpond",
            "content-type": "application/json",
            "x-otelpond-alert-id": message.message_id,
            **self._target.headers,
        }
        try:
            with _ended_after(self._target.timeout_s, connection):
                path = f"{url.path or '/'}?{url.query}" if url.query else url.path or "/"
                connection.request("POST", path, self._body(self._target.name, message), headers)
                with connection.getresponse() as response:
                    return _outcome(response.status, response.headers.get("retry-after"), response.read(_MAX_ANSWER_BYTES))
        except guard.PrivateAddressError as error:
            return Refused(str(error))
        except (http.client.HTTPException, OSError) as error:
            return TryLater(one_line(f"{type(error).__name__}: {error}", _LONGEST_REASON))
        finally:
            connection.close()


class _Connection(http.client.HTTPConnection):
    """A connection whose address is judged, with TLS where the URL says so."""

    def __init__(self, target: Target, context: ssl.SSLContext) -> None:
        url = urlsplit(target.url)
        secure = url.scheme == "https"
        self.default_port = 443 if secure else 80
        super().__init__(url.hostname or "", url.port, timeout=target.timeout_s)
        self._secured_by = context if secure else None
        self._allow_private = target.allow_private
        self._timeout_s = target.timeout_s

    def connect(self) -> None:
        """Connect to an address that is allowed."""
        plain = guard.connect(self.host, self.port, self._timeout_s, allow_private=self._allow_private)
        self.sock = plain
        if self._secured_by is not None:
            self.sock = self._secured_by.wrap_socket(plain, server_hostname=self.host)


@contextmanager
def _ended_after(seconds: float, connection: http.client.HTTPConnection) -> Iterator[None]:
    """Cut a connection that takes longer, however often a byte comes: the socket's timeout is about each byte by itself."""

    def cut() -> None:
        with suppress(OSError):
            if connection.sock is not None:
                socket.socket.shutdown(connection.sock, socket.SHUT_RDWR)

    timer = threading.Timer(seconds, cut)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _outcome(status: int, retry_after: str | None, body: bytes) -> Outcome:
    """What an answer says; 429 and 5xx ask for another try, all else but success is final."""
    said = one_line(body.decode("utf-8", "replace"), _LONGEST_REASON)
    if _SUCCESS <= status < _REDIRECTION:
        return Sent()
    reason = f"HTTP {status}: {said}" if said else f"HTTP {status}"
    if status == _TOO_MANY or status >= _SERVER_ERROR:
        return TryLater(reason, retry_after_s(retry_after))
    if status < _CLIENT_ERROR:
        return Refused(f"HTTP {status}: redirects are not followed")
    return Refused(reason)
