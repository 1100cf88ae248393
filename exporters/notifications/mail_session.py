"""A session with a mail server that ends in time, and hears no more than a bounded number of lines."""

from __future__ import annotations

import smtplib
import socket
import ssl
from typing import Any, Final

from . import guard
from .time_limit import TimeLimit

_MOST_LINES: Final = 1_000
"""Of one session; a line has 8,192 bytes at most."""


class MailSession(smtplib.SMTP):
    """See `smtplib.SMTP`.

    Args:
        context: for TLS from the beginning; None for a plain connection.

    Raises:
        OSError: the server cannot be reached, or does not greet in time.
        smtplib.SMTPException: it greets otherwise than it should.
    """

    def __init__(self, host: str, port: int, limit: TimeLimit, context: ssl.SSLContext | None) -> None:
        self._limit, self._secured_by = limit, context
        super().__init__(host, port)

    def _get_socket(self, host: str, port: int, timeout: Any) -> socket.socket:  # noqa: ARG002 - what smtplib calls
        plain = guard.connect(host, port, self._limit, allow_private=True)
        return plain if self._secured_by is None else self._secured_by.wrap_socket(plain, server_hostname=host)

    def getreply(self) -> tuple[int, bytes]:
        """One answer, of one line or several."""
        if self.file is None:
            self.file = _Lines(self.sock.makefile("rb"))  # type: ignore[union-attr]
        return super().getreply()


class _Lines:
    """Lines of a file, up to a number."""

    def __init__(self, file: Any) -> None:
        self._file = file
        self._left = _MOST_LINES

    def readline(self, size: int) -> bytes:
        """The next one.

        Raises:
            OSError: there were too many.
        """
        self._left -= 1
        if self._left < 0:
            raise OSError(f"more than {_MOST_LINES:,} lines")
        line: bytes = self._file.readline(size)
        return line

    def close(self) -> None:
        """Let go of it."""
        self._file.close()
