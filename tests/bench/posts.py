"""OTLP/HTTP posts over HTTP/1.1, as little as the load generator needs; the counterpart of `calls` for gRPC.

A post in flight has a socket to itself, as HTTP/1.1 has it; one thread writes and reads all sockets of a `Connection`, for a thread each
would make the generator's own lock what is measured.
"""

from __future__ import annotations

import re
import selectors
import socket
from collections import deque
from dataclasses import dataclass, field

from calls import OK, Answer, CallError, connect

_UNAVAILABLE = 14
_EMPTY_ANSWER = 5  # what `calls` counts for an empty message: its prefix


def header_block(path: str, authority: str) -> bytes:
    """The head of a request up to its length; the path of a gRPC method is that of its signal."""
    if path.startswith("/v1/"):
        return f"POST {path} HTTP/1.1\r\nhost: {authority}\r\ncontent-type: application/json\r\ncontent-length: ".encode()
    signal = {"trace": "traces", "metrics": "metrics", "logs": "logs"}[path.split(".")[3]]
    return f"POST /v1/{signal} HTTP/1.1\r\nhost: {authority}\r\ncontent-type: application/x-protobuf\r\ncontent-length: ".encode()


@dataclass(slots=True)
class _Post:
    """A socket, the post on it, and what has come back."""

    link: socket.socket
    number: int = 0
    unread: bytes = b""


@dataclass(slots=True)
class Connection:
    """Kept-alive sockets, as many as there were posts in flight; used as `calls.Connection` is."""

    host: str
    port: int
    _idle: deque[_Post] = field(default_factory=deque)
    _waiting: selectors.DefaultSelector = field(default_factory=selectors.DefaultSelector)
    _next: int = 1

    def close(self) -> None:
        """Close the sockets."""
        for post in (*self._idle, *(key.data for key in self._waiting.get_map().values())):
            post.link.close()
        self._waiting.close()

    @property
    def in_flight(self) -> int:
        """Posts that are not answered."""
        return len(self._waiting.get_map())

    def start(self, headers: bytes, body: memoryview) -> int:
        """Send one post and give its number; `body` may be changed afterwards."""
        post = self._idle.popleft() if self._idle else _Post(connect(self.host, self.port))
        post.number, self._next = self._next, self._next + 1
        self._waiting.register(post.link, selectors.EVENT_READ, post)
        post.link.sendall(b"%s%d\r\n\r\n%s" % (headers, len(body), body))
        return post.number

    def answers(self) -> list[Answer]:
        """The posts that have been answered, after waiting for at least one.

        Raises:
            CallError: the server closed a socket.
            TimeoutError: none was answered in time.
        """
        ended: list[Answer] = []
        while not ended:
            ready = self._waiting.select(timeout=60.0)
            if not ready:
                raise TimeoutError("no answer")
            ended = [answer for key, _ in ready if (answer := self._read(key.data)) is not None]
        return ended

    def _read(self, post: _Post) -> Answer | None:
        """The answer, where all of it is there."""
        received = post.link.recv(65_536)
        if not received:
            raise CallError("the server closed the connection")
        post.unread += received
        head, ended, body = post.unread.partition(b"\r\n\r\n")
        if not ended:
            return None
        size = next(int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
        if len(body) < size:
            return None
        post.unread = b""
        self._waiting.unregister(post.link)
        self._idle.append(post)
        http_status = int(head.split(b" ", 2)[1])
        status = {200: OK, 202: OK, 503: _UNAVAILABLE}.get(http_status, http_status)
        whole = not size or re.search(rb'"rejected": ?0\b', body) is not None
        return Answer(post.number, status, "" if status == OK else body.decode(errors="replace"), _EMPTY_ANSWER + size * (not whole))
