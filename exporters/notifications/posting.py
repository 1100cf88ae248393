"""Posts a message to a URL: one guarded connection, one request, one answer sorted into sent, try later and refused."""

from __future__ import annotations

import http.client
import ssl
from collections.abc import Callable
from typing import Final
from urllib.parse import urlsplit

from ..destination import Refused, TryLater
from ..retry_after import retry_after_s
from . import guard
from .authorities import trusting
from .concealing import Concealing
from .notification import Message, Outcome, Sent
from .target import Target
from .time_limit import TimeLimit

Body = Callable[[str, Message], bytes]
"""Makes a request's body of a channel's name and a message."""

_MAX_ANSWER_BYTES: Final = 4096
_SUCCESS, _REDIRECTION, _CLIENT_ERROR, _SERVER_ERROR = 200, 300, 400, 500
_TOO_MANY: Final = 429


class HttpChannel:
    """See `notification.Channel`: a webhook, Slack or Teams, which differ in their bodies. Proxies of the environment are not used.

    Raises:
        OSError: the file of authorities cannot be read, or is none.
    """

    def __init__(self, target: Target, body: Body) -> None:
        self._target, self._body = target, body
        self._concealing = Concealing(target)
        self._context = trusting(target.ca_file)

    def send(self, message: Message) -> Outcome:
        """One attempt; redirects are not followed."""
        with TimeLimit(self._target.timeout_s) as limit:
            connection = _Connection(self._target, self._context, limit)
            try:
                return self._post(connection, message)
            except guard.PrivateAddressError as error:
                return Refused(str(error))
            except (http.client.HTTPException, OSError, UnicodeError) as error:
                return TryLater(limit.fault if limit.is_over else self._concealing.reason(f"{type(error).__name__}: {error}"))
            finally:
                connection.close()

    def _post(self, connection: http.client.HTTPConnection, message: Message) -> Outcome:
        url = urlsplit(self._target.url)
        headers = {
            "user-agent": "otelpond",
            "content-type": "application/json",
            "x-otelpond-alert-id": message.message_id,
            **self._target.headers,
        }
        path = f"{url.path or '/'}?{url.query}" if url.query else url.path or "/"
        connection.request("POST", path, self._body(self._target.name, message), headers)
        with connection.getresponse() as response:
            said = self._concealing.reason(response.read(_MAX_ANSWER_BYTES).decode("utf-8", "replace"))
            return _outcome(response.status, response.headers.get("retry-after"), said)


class _Connection(http.client.HTTPConnection):
    """A connection whose address is judged, with TLS where the URL says so."""

    def __init__(self, target: Target, context: ssl.SSLContext, limit: TimeLimit) -> None:
        url = urlsplit(target.url)
        secure = url.scheme == "https"
        self.default_port = 443 if secure else 80
        super().__init__(url.hostname or "", url.port, timeout=target.timeout_s)
        self._secured_by = context if secure else None
        self._allow_private = target.allow_private
        self._limit = limit

    def connect(self) -> None:
        """Connect to an address that is allowed."""
        plain = guard.connect(self.host, self.port, self._limit, allow_private=self._allow_private)
        self.sock = plain
        if self._secured_by is not None:
            self.sock = self._secured_by.wrap_socket(plain, server_hostname=self.host)


def _outcome(status: int, retry_after: str | None, said: str) -> Outcome:
    """What an answer says; 429 and 5xx ask for another try, all else but success is final."""
    if _SUCCESS <= status < _REDIRECTION:
        return Sent()
    reason = f"HTTP {status}: {said}" if said else f"HTTP {status}"
    if status == _TOO_MANY or status >= _SERVER_ERROR:
        return TryLater(reason, retry_after_s(retry_after))
    if status < _CLIENT_ERROR:
        return Refused(f"HTTP {status}: redirects are not followed")
    return Refused(reason)
