"""Any bytes on a connection to the OTLP/HTTP receiver; an input's first byte is the size of the pieces in which they come."""

from __future__ import annotations

import asyncio
import logging
from typing import Any, Final

import httptools
import uvicorn
from otelpond.receivers.http_connection import HttpConnection
from otelpond.receivers.otlp_http import app
from uvicorn.server import ServerState

from .sink import FuzzedSink

_SINK: Final = FuzzedSink()
_LOOP: Final = asyncio.new_event_loop()
_CONFIG: Final = uvicorn.Config(
    app(_SINK, max_body_bytes=65_536), http=HttpConnection, log_config=None, access_log=False, lifespan="off", ws="none"
)
_TURNS: Final = 50  # of the loop: enough for the answers to whole requests
_STATUSES: Final = {100, 200, 204, 400, 404, 405, 413, 415, 431, 503}
logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)  # it warns of each malformed request


class _Transport(asyncio.Transport):
    """Keeps what is written."""

    def __init__(self) -> None:
        super().__init__()
        self.written = bytearray()
        self.closed = False

    def write(self, data: Any) -> None:
        if not self.closed:
            self.written += data

    def close(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...


class _Answers:
    """The statuses of the responses on a connection, as an HTTP client reads them."""

    def __init__(self, written: bytes) -> None:
        self.statuses: list[int] = []
        self._parser = httptools.HttpResponseParser(self)
        self._parser.feed_data(written)

    def on_headers_complete(self) -> None:
        self.statuses.append(self._parser.get_status_code())


def check(data: bytes) -> None:
    """HTTP comes back, with statuses that are meant and no 500; as many are taken as are stored; no memory stays reserved."""
    _SINK.reset(room=None, disk=True)
    written = _LOOP.run_until_complete(_connection(data[1:], (data[:1] or b"\0")[0] or 1 + len(data)))
    assert not _SINK.held, f"{_SINK.held} bytes stay reserved"
    statuses = _Answers(written).statuses if written else []
    assert set(statuses) <= _STATUSES, statuses
    # What is no HTTP ends the connection at once, also where it follows a request that is being stored.
    assert len(_SINK.stored) <= statuses.count(200) or 400 in statuses, "stored, and not answered"


async def _connection(data: bytes, step: int) -> bytes:
    """What a connection writes that hears these bytes and then its end."""
    state, transport = ServerState(), _Transport()
    connection = HttpConnection(config=_CONFIG, server_state=state, app_state={}, _loop=_LOOP)
    connection.connection_made(transport)
    for start in range(0, len(data), step):
        if transport.closed:
            break
        connection.data_received(data[start : start + step])
        await asyncio.sleep(0)
    for _ in range(_TURNS):
        await asyncio.sleep(0)
    connection.connection_lost(None)
    if state.tasks:
        await asyncio.wait(state.tasks, timeout=10)
        assert not state.tasks, "a request goes on after its connection"
    return bytes(transport.written)
