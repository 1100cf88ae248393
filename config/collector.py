"""`otelpond serve`: receivers, inbox and the pipeline's process, put together and watched; handed the checked settings."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import signal
import socket
import ssl
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import Future
from contextlib import AbstractContextManager, ExitStack, asynccontextmanager
from functools import partial
from pathlib import Path

import uvicorn
import uvloop
from starlette.types import ASGIApp

from ..receivers import otlp_grpc, otlp_http
from ..receivers.exports import in_flight_bytes
from ..receivers.http_connection import HttpConnection
from ..storage.decode.inspection import inspect
from ..storage.durable import make_folder, write_file
from ..storage.inbox.log import Inbox, Limits
from ..storage.signals import Inspection, Signal
from ..storage.tenants import DEFAULT_TENANT
from . import admin
from .errors import CommandError
from .pipeline_child import PipelineChild
from .receiver_report import ReceiverReport
from .security import Security
from .settings import Settings, split_address

logger = logging.getLogger(__name__)

INBOX = "receiver"
_DRAIN_S = 20.0
_KEEP_ALIVE_S = 75  # longer than the minute between two metric exports


class CollectorSink:
    """What the receivers are handed; see `storage.signals.Sink`."""

    def __init__(self, inbox: Inbox) -> None:
        self._inbox = inbox

    def inspect(self, kind: Signal, payload: bytes) -> Inspection:
        """Parse a payload and apply the protocol's data rules."""
        return inspect(kind, payload)

    def admit(self, size: int) -> AbstractContextManager[None]:
        """Reserve memory for a body in flight."""
        return self._inbox.admit(size)

    def append(self, tenant: str, kind: Signal, payload: bytes, inspection: Inspection) -> Future[None]:
        """Make a payload durable."""
        return self._inbox.append(tenant, kind, payload, inspection)


def serve(settings: Settings) -> None:
    """Run the collector until SIGTERM or SIGINT, then publish what is waiting.

    Raises:
        CommandError: another collector serves this pond, or an address is taken.
    """
    with contextlib.suppress(KeyboardInterrupt), asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(settings))


async def _serve(settings: Settings) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    security = Security(settings)
    loop.add_signal_handler(signal.SIGHUP, security.reload)
    async with _inbox(settings) as inbox, _pipeline(settings, inbox) as child:
        sink = CollectorSink(inbox)
        with ExitStack() as stack:
            grpc_address = _start_grpc(settings, sink, security, stack)
            receiver = otlp_http.app(
                sink,
                max_body_bytes=int(settings.max_body_bytes),
                authentication=security.authentication,
                cors_allowed_origins=settings.cors_allowed_origins,
            )
            otlp = _HttpListener("http", settings.http, receiver, security.http_context)
            operations = admin.Operations(settings, child, partial(_reports, inbox), stop.is_set)
            guarded = stack.enter_context(security.guarded(admin.app(operations)))
            own = _HttpListener("admin", settings.admin, guarded, security.admin_context)
            _announce(settings, stack, grpc_address, otlp.address, own.address)
            await stop.wait()
            logger.info("stopping: the receivers close, what is waiting is published")
            await asyncio.gather(otlp.stop(), own.stop())


async def _reports(inbox: Inbox) -> list[ReceiverReport]:
    """How this process's receivers do; looking at the disk must not hold up the loop."""
    return [ReceiverReport.of_this_process({DEFAULT_TENANT: await asyncio.to_thread(inbox.state)})]


@asynccontextmanager
async def _inbox(settings: Settings) -> AsyncIterator[Inbox]:
    make_folder(settings.data.absolute())
    limits = Limits(
        soft_bytes=int(settings.inbox_soft_bytes),
        max_bytes=int(settings.inbox_max_bytes),
        in_flight_bytes=in_flight_bytes(int(settings.max_body_bytes)),
    )
    try:
        inbox = Inbox(settings.data.absolute() / "inbox" / INBOX, limits)
    except BlockingIOError:
        raise CommandError(f"{settings.data}: another otelpond serves this pond; end it, or take another --data directory") from None
    try:
        yield inbox
    finally:
        await asyncio.to_thread(inbox.close)


@asynccontextmanager
async def _pipeline(settings: Settings, inbox: Inbox) -> AsyncIterator[PipelineChild]:
    child = PipelineChild(settings, on_read=lambda _, positions: inbox.note_read(positions[INBOX]) if INBOX in positions else None)
    watching = asyncio.create_task(child.watch())
    try:
        yield child
    finally:
        # The inbox is still open here, but nobody appends any more: what the child publishes now is everything.
        await child.stop(timeout_s=_DRAIN_S)
        watching.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await watching


def _start_grpc(settings: Settings, sink: CollectorSink, security: Security, stack: ExitStack) -> str:
    host, _, _ = settings.grpc.rpartition(":")
    try:
        server, port = otlp_grpc.server(
            sink,
            settings.grpc,
            max_body_bytes=int(settings.max_body_bytes),
            in_flight_bytes=in_flight_bytes(int(settings.max_body_bytes)),
            authentication=security.authentication,
            credentials=security.grpc_credentials,
        )
    except RuntimeError:
        raise _taken("grpc", settings.grpc) from None
    server.start()
    stack.callback(lambda: server.stop(grace=2.0).wait())
    return f"{host}:{port}"


class _HttpListener:
    """An ASGI application on an address, served until stopped; with a context over TLS."""

    def __init__(self, name: str, address: str, app: ASGIApp, context: ssl.SSLContext | None) -> None:
        host, port = split_address(address)
        try:
            self._socket = socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET, backlog=2048)
        except OSError:
            raise _taken(name, address) from None
        host, port = self._socket.getsockname()[:2]
        self.address = f"{'https' if context else 'http'}://{f'[{host}]' if ':' in host else host}:{port}"
        config = uvicorn.Config(
            app,
            http=HttpConnection,
            log_config=None,
            access_log=False,
            proxy_headers=False,
            lifespan="off",
            ws="none",
            server_header=False,
            ssl_context_factory=(lambda _config, _default: context) if context else None,
            timeout_keep_alive=_KEEP_ALIVE_S,
            timeout_graceful_shutdown=3,
        )
        self._server = _Server(config)
        self._serving = asyncio.create_task(self._server.serve(sockets=[self._socket]))

    async def stop(self) -> None:
        """Take no more requests, and answer those that are under way."""
        self._server.should_exit = True
        await self._serving


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals to the collector, which stops more than this server."""
        yield


def _taken(name: str, address: str) -> CommandError:
    return CommandError(f"--{name} {address}: the address cannot be bound; is another collector running? Give another with --{name}")


def _announce(settings: Settings, stack: ExitStack, grpc_address: str, http_address: str, admin_address: str) -> None:
    """Say where the collector listens, to people and, as `DATA/collector.json`, to other commands."""
    path = Path(settings.data).absolute() / "collector.json"
    addresses = {"pid": os.getpid(), "grpc": grpc_address, "http": http_address, "admin": admin_address}
    if settings.tls_cert is not None:
        addresses["tls_cert"] = str(settings.tls_cert.absolute())
    write_file(path, json.dumps(addresses).encode())
    stack.callback(path.unlink, missing_ok=True)
    logger.info("OTLP/gRPC on %s, OTLP/HTTP on %s, admin on %s, pond %s", grpc_address, http_address, admin_address, path.parent)
