"""Sockets of the collector, and the servers that listen on them; a port may be shared by several receiver processes."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import sys
import time
from collections.abc import Iterator
from typing import Final

import uvicorn
from starlette.types import ASGIApp

from ...receivers.http_connection import HttpConnection, SharedPortConnection
from ..errors import CommandError
from ..settings import split_address

SPREADS: Final = sys.platform == "linux"
"""Whether the system spreads connections over all processes that bind one port with SO_REUSEPORT. macOS gives them all to the last
that did, so that there OTLP/HTTP has one listening socket, which the processes inherit; gRPC cannot be given one."""
_BACKLOG: Final = 2048
_POLL_S: Final = 0.1
_KEEP_ALIVE_S: Final = 75  # longer than the minute between two metric exports


def listening(name: str, address: str, *, shared: bool = False) -> socket.socket:
    """A socket that listens there.

    Args:
        name: of the setting that says where.
        address: HOST:PORT; port 0 takes a free one.
        shared: other processes of this collector listen there too.

    Raises:
        CommandError: the address is taken.
    """
    host, port = split_address(address)
    try:
        return socket.create_server((host, port), family=_family(host), backlog=_BACKLOG, reuse_port=shared)
    except OSError:
        raise taken(name, address) from None


def wait_until_free(name: str, address: str, *, timeout_s: float) -> None:
    """Wait until nobody listens there any more.

    Raises:
        CommandError: somebody still does.
    """
    deadline = time.monotonic() + timeout_s
    while True:
        try:
            listening(name, address).close()
        except CommandError:
            if time.monotonic() >= deadline:
                raise
            time.sleep(_POLL_S)
        else:
            return


def reserve(name: str, address: str) -> socket.socket:
    """A socket that keeps a port for this collector's receiver processes, and takes no connection itself.

    Args:
        name: of the setting that says where.
        address: HOST:PORT; port 0 takes a free one.

    Raises:
        CommandError: the address is taken.
    """
    host, _ = split_address(address)
    # A second collector on the port is a mistake, not a partner: it is shared only where nobody listens.
    with listening(name, address) as probe:
        port = probe.getsockname()[1]
    reserved = socket.socket(_family(host))
    reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    try:
        reserved.bind((host, port))
    except OSError:
        reserved.close()
        raise taken(name, address) from None
    return reserved


def shown(host: str, port: int) -> str:
    """A socket's address as HOST:PORT."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def taken(name: str, address: str) -> CommandError:
    """The error of an address that cannot be bound."""
    return CommandError(f"--{name} {address}: the address cannot be bound; is another collector running? Give another with --{name}")


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET


class HttpServer:
    """An ASGI application on a listening socket, served until stopped; with a context over TLS; shared with other processes or not."""

    def __init__(self, listener: socket.socket, app: ASGIApp, context: ssl.SSLContext | None = None, *, shared: bool = False) -> None:
        self._socket = listener
        host, port = listener.getsockname()[:2]
        self.address = f"{'https' if context else 'http'}://{shown(host, port)}"
        self._config = uvicorn.Config(
            app,
            http=SharedPortConnection if shared else HttpConnection,
            log_config=None,
            access_log=False,
            proxy_headers=False,
            lifespan="off",
            ws="none",
            server_header=False,
            timeout_keep_alive=_KEEP_ALIVE_S,
            ssl_context_factory=(lambda _config, _default: context) if context else None,
        )
        self._server = _Server(self._config)
        self._serving = asyncio.create_task(self._server.serve(sockets=[self._socket]))

    async def stop(self, timeout_s: float) -> None:
        """Take no more requests, and answer those that are under way."""
        self._config.timeout_graceful_shutdown = max(1, round(timeout_s))
        self._server.should_exit = True
        await self._serving


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals to the collector, which stops more than this server."""
        yield
