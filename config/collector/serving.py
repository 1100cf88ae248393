"""`otelpond serve`: receivers, pipeline, forwarder, alerts and admin listener, put together and watched; handed the checked settings."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import resource
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Final

import uvloop

from ...storage.durable import make_folder, write_file
from ...storage.locks import locked
from ..errors import CommandError
from ..operations import admin
from ..settings import Settings
from .alerts_child import AlertsChild
from .child import Child
from .forward_child import ForwardChild
from .listeners import HttpServer, listening, wait_until_free
from .pipeline_child import PipelineChild
from .receivers import Receivers, answering_s, reload_soon, settle
from .security import Security

logger = logging.getLogger(__name__)

_ANNOUNCEMENT: Final = "collector.json"
_PATIENCE_S: Final = 10.0
_MOST_FILES: Final = 65_536


def serve(settings: Settings) -> None:
    """Run the collector until SIGTERM or SIGINT, then publish what is waiting.

    Raises:
        CommandError: another collector serves this pond, or an address is taken.
    """
    _allow_many_files()
    with contextlib.suppress(KeyboardInterrupt), asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(settings))


async def _serve(settings: Settings) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    security = Security(settings)
    with _alone(settings.data.absolute()):
        child = PipelineChild(settings)
        forwarder = ForwardChild(settings) if settings.forward else None
        alerts = AlertsChild(settings) if settings.alerts else None
        async with _running(settings, child, forwarder, alerts), _receivers(settings, security) as receivers:
            child.tell_reads_to(receivers.note_read)
            operations = admin.Operations(
                settings,
                child,
                receivers.reports,
                stop.is_set,
                receiver_restarts=lambda: receivers.restarts,
                forwarded=lambda: forwarder.progress if forwarder else {},
                alerts=lambda: alerts.progress if alerts else {},
            )
            with security.guarded(admin.app(operations)) as application:
                own = HttpServer(listening("admin", settings.admin), application, security.admin_context)
                loop.add_signal_handler(signal.SIGHUP, reload_soon, receivers)
                with _announced(settings, receivers, own.address):
                    async with _self_telemetry(settings, operations):
                        settle()
                        await stop.wait()
                    logger.info("stopping: the receivers close, what is waiting is published")
                    await own.stop(timeout_s=answering_s(settings))


@contextmanager
def _alone(data: Path) -> Iterator[None]:
    """Keep others from serving this pond."""
    make_folder(data)
    with locked(data / "collector.lock", wait=False) as held:
        if not held:
            raise CommandError(f"{data}: another otelpond serves this pond; end it, or take another --data directory")
        yield


@asynccontextmanager
async def _running(settings: Settings, *wanted: Child | None) -> AsyncIterator[None]:
    """The other processes; at the end they have what is left of the time for what the receivers have accepted."""
    children = [child for child in wanted if child is not None]
    watching = [asyncio.create_task(child.watch()) for child in children]
    try:
        yield
    finally:
        await asyncio.gather(*(child.stop(timeout_s=settings.drain_timeout_s - answering_s(settings)) for child in children))
        for task in watching:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task


@asynccontextmanager
async def _self_telemetry(settings: Settings, operations: admin.Operations) -> AsyncIterator[None]:
    """The collector's own metrics on their way, where that is set."""
    if settings.self_telemetry == "off":
        yield
        return
    from ..operations.self_telemetry import exporting  # noqa: PLC0415 - OpenTelemetry's SDK takes memory that few want to spend

    async with exporting(
        settings.self_telemetry,
        settings.data.absolute(),
        operations.samples,
        operations.read_position,
        interval_s=settings.self_telemetry_interval_s,
    ):
        yield


@asynccontextmanager
async def _receivers(settings: Settings, security: Security) -> AsyncIterator[Receivers]:
    """The receivers, listening: in this process where one is enough, for a second one costs memory."""
    if (settings.data.absolute() / _ANNOUNCEMENT).exists():  # that of a collector which was killed, and whose workers may still end
        for name, address in (("grpc", settings.grpc), ("http", settings.http)):
            await asyncio.to_thread(wait_until_free, name, address, timeout_s=_PATIENCE_S)
    receivers: Receivers
    if settings.workers > 1:
        from .workers import Workers  # noqa: PLC0415 - one of the two is loaded

        receivers = Workers(settings, security)
    else:
        from .receiving import Receiving  # noqa: PLC0415

        receivers = Receiving(settings, security)
    try:
        await receivers.start()
        yield receivers
    finally:
        await receivers.stop(timeout_s=answering_s(settings))


@contextmanager
def _announced(settings: Settings, receivers: Receivers, admin_address: str) -> Iterator[None]:
    """Say where the collector listens, to people and, as `DATA/collector.json`, to other commands."""
    path = settings.data.absolute() / _ANNOUNCEMENT
    addresses = {"pid": os.getpid(), "grpc": receivers.grpc, "http": receivers.http, "admin": admin_address}
    if settings.tls_cert is not None:
        addresses["tls_cert"] = str(settings.tls_cert.absolute())
    write_file(path, json.dumps(addresses).encode())
    logger.info("OTLP/gRPC on %s, OTLP/HTTP on %s, admin on %s, pond %s", receivers.grpc, receivers.http, admin_address, path.parent)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)


def _allow_many_files() -> None:
    """A connection is a file, and so is each tenant's inbox: take as many as the system lets us have; children inherit it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _MOST_FILES if hard == resource.RLIM_INFINITY else min(hard, _MOST_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
