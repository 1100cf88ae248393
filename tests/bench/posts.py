"""OTLP/HTTP posts over HTTP/1.1 on one socket, as little as the load generator needs; the counterpart of `calls` for gRPC."""

from __future__ import annotations

import socket
from collections import deque
from dataclasses import dataclass, field

from calls import OK, Answer, CallError

_UNAVAILABLE = 14
_EMPTY_ANSWER = 5  # what `calls` counts for an empty message: its prefix


def header_block(path: str, authority: str) -> bytes:
    """The head of a request up to its length; the path of a gRPC method is that of its signal."""
    signal = {"trace": "traces", "metrics": "metrics", "logs": "logs"}[path.split(".")[3]]
    return f"POST /v1/{signal} HTTP/1.1\r\nhost: {authority}\r\ncontent-type: application/x-protobuf\r\ncontent-length: ".encode()


@dataclass(slots=True)
class Connection:
    """One kept-alive connection; as `calls.Connection`, but answers come in the order of the requests."""

    host: str
    port: int
    timeout_s: float = 60.0
    _socket: socket.socket = field(init=False)
    _unread: bytes = b""
    _next: int = 1
    _waiting: deque[int] = field(default_factory=deque)

    def __post_init__(self) -> None:
        self._socket = socket.create_connection((self.host, self.port), timeout=self.timeout_s)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()

    @property
    def in_flight(self) -> int:
        """Posts that are not answered."""
        return len(self._waiting)

    def start(self, headers: bytes, body: memoryview) -> int:
        """Send one post and give its number; `body` may be changed afterwards."""
        number, self._next = self._next, self._next + 1
        self._waiting.append(number)
        self._socket.sendall(b"%s%d\r\n\r\n%s" % (headers, len(body), body))
        return number

    def answers(self) -> list[Answer]:
        """The next answer, waited for.

        Raises:
            CallError: the server closed the connection.
            TimeoutError: none came in time.
        """
        while b"\r\n\r\n" not in self._unread:
            self._receive()
        head, _, self._unread = self._unread.partition(b"\r\n\r\n")
        size = next(int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
        while len(self._unread) < size:
            self._receive()
        body, self._unread = self._unread[:size], self._unread[size:]
        http_status = int(head.split(b" ", 2)[1])
        status = {200: OK, 503: _UNAVAILABLE}.get(http_status, http_status)
        return [Answer(self._waiting.popleft(), status, "" if status == OK else body.decode(errors="replace"), _EMPTY_ANSWER + size)]

    def _receive(self) -> None:
        received = self._socket.recv(65_536)
        if not received:
            raise CallError("the server closed the connection")
        self._unread += received
