"""Unary gRPC calls over plain HTTP/2 on one socket, as little as the load generator needs; `load` sends with it.

grpcio's client costs about 0.8 us of CPU an item of the benchmark's payload and 260 us a small call, on cores that the collector
needs: it would measure itself. This client writes a prebuilt header block and the body's bytes straight from their buffer, honours
flow control, settings and pings (RFC 9113), and reads of an answer what it must: whether it ended, grpc-status, and grpc-message.
The header table is switched off (size 0), so that every header block stands for itself.
"""

from __future__ import annotations

import socket
import struct
from collections import deque
from dataclasses import dataclass, field

_DATA, _HEADERS, _RST_STREAM, _SETTINGS, _PING, _GOAWAY, _WINDOW_UPDATE = 0, 1, 3, 4, 6, 7, 8
_END_STREAM, _ACK, _END_HEADERS = 0x1, 0x1, 0x4
_HEADER_TABLE_SIZE, _INITIAL_WINDOW_SIZE, _MAX_FRAME_SIZE = 1, 4, 5
_LARGEST_WINDOW = 2**31 - 1
_FRAME = struct.Struct(">HBBBI")  # length (16 and 8 bits), type, flags, stream
_SETTING = struct.Struct(">HI")
OK = 0


class CallError(ConnectionError):
    """The connection or a stream ended in a way that is no gRPC answer."""


@dataclass(frozen=True, slots=True)
class Answer:
    """How one call ended: the stream it ran on, grpc-status (0 is success), its message, and bytes of answer."""

    stream: int
    status: int
    message: str
    size: int


def connect(host: str, port: int) -> socket.socket:
    """A socket that sends at once, and waits a minute for anything."""
    connected = socket.create_connection((host, port), timeout=60.0)
    connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connected


def _frame(kind: int, flags: int, stream: int, payload: bytes = b"", *, length: int | None = None) -> bytes:
    size = len(payload) if length is None else length
    return _FRAME.pack(size >> 8, size & 0xFF, kind, flags, stream) + payload


def _literal(name: str, value: str) -> bytes:
    """A header field that is not indexed (RFC 7541, 6.2.2); name and value below 127 bytes."""
    return b"\x00" + bytes([len(name)]) + name.encode() + bytes([len(value)]) + value.encode()


def header_block(path: str, authority: str) -> bytes:
    """The request headers of a gRPC call."""
    fields = {
        ":method": "POST",
        ":scheme": "http",
        ":path": path,
        ":authority": authority,
        "te": "trailers",
        "content-type": "application/grpc",
    }
    return b"".join(_literal(name, value) for name, value in fields.items())


@dataclass(slots=True)
class _Stream:
    """A call in flight: what the server lets it send, and what has come back."""

    window: int
    received: int = 0


@dataclass(slots=True)
class Connection:
    """One HTTP/2 connection; `start` sends a call, `answers` waits for some to end."""

    host: str
    port: int
    _socket: socket.socket = field(init=False)
    _unread: bytearray = field(default_factory=bytearray)
    _window: int = 65_535
    _initial_window: int = 65_535
    _max_frame: int = 16_384
    _next_stream: int = 1
    _streams: dict[int, _Stream] = field(default_factory=dict)
    _ended: deque[Answer] = field(default_factory=deque)

    def __post_init__(self) -> None:
        self._socket = connect(self.host, self.port)
        settings = _SETTING.pack(_HEADER_TABLE_SIZE, 0) + _SETTING.pack(_INITIAL_WINDOW_SIZE, _LARGEST_WINDOW)
        wider = struct.pack(">I", _LARGEST_WINDOW - 65_535)
        self._socket.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + _frame(_SETTINGS, 0, 0, settings) + _frame(_WINDOW_UPDATE, 0, 0, wider))
        self._read_frames()

    def close(self) -> None:
        """Say goodbye and close the socket."""
        try:
            self._socket.sendall(_frame(_GOAWAY, 0, 0, struct.pack(">II", 0, 0)))
        finally:
            self._socket.close()

    @property
    def in_flight(self) -> int:
        """Calls that have not ended."""
        return len(self._streams)

    def start(self, headers: bytes, body: memoryview) -> int:
        """Send one call and give its stream; `body` may be changed afterwards. Waits where the server's window is used up."""
        number, self._next_stream = self._next_stream, self._next_stream + 2
        stream = self._streams[number] = _Stream(self._initial_window)
        pieces: list[bytes | memoryview] = [_frame(_HEADERS, _END_HEADERS, number, headers)]
        prefix = b"\x00" + struct.pack(">I", len(body))
        sent, size = -len(prefix), len(body)  # the first frame carries the message's prefix too
        while sent < size and number in self._streams:
            allowed = min(self._max_frame, self._window, stream.window)
            if allowed < min(size - sent, 4096):
                self._write(pieces)
                pieces = []
                self._read_frames()
                continue
            length = min(allowed, size - sent)
            last = _END_STREAM if sent + length == size else 0
            pieces.append(_frame(_DATA, last, number, prefix if sent < 0 else b"", length=length))
            pieces.append(body[max(sent, 0) : sent + length])
            sent += length
            self._window -= length
            stream.window -= length
        self._write(pieces)
        return number

    def answers(self) -> list[Answer]:
        """The calls that have ended, after waiting for at least one.

        Raises:
            CallError: the server closed the connection.
            TimeoutError: none ended in time.
        """
        while not self._ended:
            self._read_frames()
        ended = list(self._ended)
        self._ended.clear()
        return ended

    def _write(self, pieces: list[bytes | memoryview]) -> None:
        left = sum(len(piece) for piece in pieces)
        while left:
            sent = self._socket.sendmsg(pieces[:512])
            left -= sent
            while pieces and sent >= len(pieces[0]):
                sent -= len(pieces.pop(0))
            if sent:
                pieces[0] = memoryview(pieces[0])[sent:]

    def _read_frames(self) -> None:
        """Wait for bytes and act on every whole frame among them."""
        received = self._socket.recv(1 << 16)
        if not received:
            raise CallError("the server closed the connection")
        self._unread += received
        at, unread = 0, self._unread
        while len(unread) - at >= _FRAME.size:
            high, low, kind, flags, stream = _FRAME.unpack_from(unread, at)
            end = at + _FRAME.size + (high << 8 | low)
            if end > len(unread):
                break
            self._act(kind, flags, stream, bytes(unread[at + _FRAME.size : end]))
            at = end
        del unread[:at]

    def _act(self, kind: int, flags: int, number: int, payload: bytes) -> None:
        stream = self._streams.get(number)
        if kind == _DATA and stream:
            stream.received += len(payload)
        elif kind == _HEADERS and stream and flags & _END_STREAM:
            self._end(number, *_status(payload))
        elif kind == _WINDOW_UPDATE:
            self._widen(number, struct.unpack(">I", payload)[0])
        elif kind == _SETTINGS and not flags & _ACK:
            self._settle(payload)
        elif kind == _PING and not flags & _ACK:
            self._socket.sendall(_frame(_PING, _ACK, 0, payload))
        elif kind == _RST_STREAM and stream:
            self._end(number, 14, f"stream reset, HTTP/2 error {struct.unpack('>I', payload)[0]}")
        elif kind == _GOAWAY:
            raise CallError(f"the server said goodbye: {payload[8:].decode(errors='replace')}")

    def _end(self, number: int, status: int, message: str) -> None:
        self._ended.append(Answer(number, status, message, self._streams.pop(number).received))

    def _widen(self, number: int, more: int) -> None:
        if number == 0:
            self._window += more
        elif number in self._streams:
            self._streams[number].window += more

    def _settle(self, payload: bytes) -> None:
        for setting, value in _SETTING.iter_unpack(payload):
            if setting == _INITIAL_WINDOW_SIZE:
                for stream in self._streams.values():
                    stream.window += value - self._initial_window
                self._initial_window = value
            elif setting == _MAX_FRAME_SIZE:
                self._max_frame = min(value, 1 << 20)
        self._socket.sendall(_frame(_SETTINGS, _ACK, 0))


def _status(block: bytes) -> tuple[int, str]:
    """grpc-status and grpc-message of a trailer block; 2 (unknown) where the status does not stand there in plain text."""
    status = _plain(block, b"grpc-status")
    return (int(status) if status.isdigit() else 2), _plain(block, b"grpc-message").decode(errors="replace")


def _plain(block: bytes, name: bytes) -> bytes:
    at = block.find(name)
    if at < 0 or len(block) <= at + len(name):
        return b""
    start = at + len(name) + 1
    return block[start : start + (block[start - 1] & 0x7F)]
