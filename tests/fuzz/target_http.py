"""Any request to the OTLP/HTTP receiver, through ASGI in this process.

An input reads like a request: a line `METHOD PATH`, header lines, an empty line, the body. Lines that begin with `fuzz-` are for the
target: `fuzz-room: BYTES` is all the memory there is, `fuzz-disk: full`, `fuzz-compress: CODING` packs the body, `fuzz-pieces: N` sends
it in pieces, `fuzz-gone: 1` never ends it.
"""

from __future__ import annotations

import asyncio
import gzip
import zlib
from collections.abc import Callable, Mapping
from typing import Any, Final

import zstandard
from google.protobuf import json_format
from google.rpc import status_pb2
from otelpond.receivers.exports import EXPORTS
from otelpond.receivers.otlp_http import app

from .sink import FuzzedSink, items_of, items_of_json

_MAX_BODY_BYTES: Final = 65_536
_COMPRESS: Final[Mapping[str, Callable[[bytes], bytes]]] = {
    "gzip": lambda body: gzip.compress(body, 1),
    "deflate": lambda body: zlib.compress(body, 1),
    "zstd": zstandard.compress,
}
_REFUSALS: Final = {400, 401, 403, 404, 405, 413, 415, 429, 503}
_SIGNALS: Final = {export.path: export.signal for export in EXPORTS}
_SINK: Final = FuzzedSink()
_APP: Final = app(_SINK, max_body_bytes=_MAX_BODY_BYTES)
_LOOP: Final = asyncio.new_event_loop()


def check(data: bytes) -> None:
    """One whole answer that is no 500; success only for what is stored; no memory stays reserved."""
    head, _, body = data.partition(b"\n\n")
    first, *lines = head.decode("latin-1").split("\n")
    method, _, path = first.partition(" ")
    fields = [(name.strip().lower(), value.strip()) for name, _, value in (line.partition(":") for line in lines)]
    orders = {name: value for name, value in fields if name.startswith("fuzz-")}
    headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in fields if not name.startswith("fuzz-")]
    room = int(orders["fuzz-room"]) if orders.get("fuzz-room", "").isdecimal() else None
    _SINK.reset(room=room, disk=orders.get("fuzz-disk") != "full")
    sent = _COMPRESS.get(orders.get("fuzz-compress", ""), bytes)(body)
    answer = _LOOP.run_until_complete(_exchange(method, path, headers, _messages(sent, orders)))
    assert not _SINK.held, f"{_SINK.held} bytes stay reserved"
    if answer is None:
        assert "fuzz-gone" in orders, "no answer"
        assert not _SINK.stored, "stored half a request"
        return
    status, answered, content = answer
    assert status in _REFUSALS | {200, 204}, f"{status}: {content!r}"
    if status == 200:
        _judge_success(path, dict(headers), sent, body)
    elif status != 204:
        _judge_refusal(status, answered, content, faulty=not _SINK.disk or room is not None)


def _judge_success(path: str, headers: Mapping[bytes, bytes], sent: bytes, body: bytes) -> None:
    signal = _SIGNALS[path]
    assert all(stored == signal for stored, _ in _SINK.stored)
    if headers.get(b"content-type", b"").lower().startswith(b"application/json"):
        if sent == body and b"content-encoding" not in headers:
            assert bool(items_of_json(signal, body)) == bool(_SINK.stored), "acknowledged and not stored"
    elif b"content-encoding" not in headers:
        assert _SINK.stored == ([(signal, sent)] if items_of(signal, sent) else []), "acknowledged and not stored"
    elif sent != body:
        assert _SINK.stored in ([], [(signal, body)]), "something else was stored"


def _judge_refusal(status: int, headers: Mapping[bytes, bytes], content: bytes, *, faulty: bool) -> None:
    assert not _SINK.stored, f"stored, and refused with {status}"
    message = status_pb2.Status()
    if headers[b"content-type"] == b"application/json":
        json_format.Parse(content, message)
    else:
        message.ParseFromString(content)
    assert message.message, "a refusal without a reason"
    assert (status == 503) == (b"retry-after" in headers)
    assert status != 503 or faulty, "try later, though nothing is wrong"
    assert status != 503 or 1 <= int(headers[b"retry-after"]) <= 3


def _messages(body: bytes, orders: Mapping[str, str]) -> list[dict[str, Any]]:
    """What the server hands the application."""
    pieces = int(orders["fuzz-pieces"][:2]) if orders.get("fuzz-pieces", "")[:2].isdecimal() else 1
    step = len(body) // max(pieces, 1) + 1
    parts = [body[start : start + step] for start in range(0, len(body), step)] or [b""]
    messages = [{"type": "http.request", "body": part, "more_body": True} for part in parts]
    if "fuzz-gone" in orders:
        return [*messages, {"type": "http.disconnect"}]
    messages[-1]["more_body"] = False
    return messages


async def _exchange(
    method: str, path: str, headers: list[tuple[bytes, bytes]], messages: list[dict[str, Any]]
) -> tuple[int, dict[bytes, bytes], bytes] | None:
    """The application's answer: status, headers and body; None where it gave none."""
    answers: list[dict[str, Any]] = []
    waiting = iter(messages)

    async def receive() -> dict[str, Any]:
        return next(waiting, {"type": "http.disconnect"})

    async def send(message: Any) -> None:
        answers.append(message)

    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode("latin-1"),
        "query_string": b"",
        "root_path": "",
        "headers": headers,
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 4318),
    }
    await _APP(scope, receive, send)
    if not answers:
        return None
    start, *parts = answers
    content = b"".join(part.get("body", b"") for part in parts)
    fields = dict(start["headers"])
    assert int(fields.get(b"content-length", len(content))) == len(content)
    return start["status"], fields, content
