"""The collector's side of its receiver processes: they share the ports, each has inboxes of its own, and one that dies is started again."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections.abc import Mapping
from typing import Any

from ...storage.inbox.segments import Position
from ..errors import CommandError
from ..operations.receiver_report import ReceiverReport
from ..settings import Settings, split_address
from .child import Child
from .inboxes import inbox_name
from .listeners import SPREADS, listening, reserve, shown
from .security import Security

logger = logging.getLogger(__name__)

_START_S = 60.0
_REPORT_S = 5.0
_RELOAD_S = 10.0
_HEARTBEAT_S = 5.0
_SILENT_S = 60.0
"""A process that does not answer for so long hangs; on a machine that is short of everything else one is late by seconds."""


class WorkerChild(Child):
    """One receiver process.

    Args:
        settings: of the collector.
        worker: which one it is.
        grpc, http: where they all listen.
        http_socket: what they all inherit, where the system does not spread connections.
    """

    def __init__(self, settings: Settings, worker: int, grpc: str, http: str, http_socket: socket.socket | None) -> None:
        inherited = [http_socket.fileno()] if http_socket is not None else []
        super().__init__(f"receiver process {worker}", "otelpond.config.collector.worker_process", inherited=inherited)
        self._greeting = {
            "settings": settings.model_dump(mode="json"),
            "worker": worker,
            "grpc": grpc,
            "http": http,
            "http_socket": inherited[0] if inherited else None,
        }
        self._inbox = inbox_name(worker)
        self._read: dict[str, Position] = {}
        self._started: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def ready(self) -> None:
        """Wait until it listens.

        Raises:
            CommandError: it cannot.
        """
        try:
            await asyncio.wait_for(asyncio.shield(self._started), timeout=_START_S)
        except TimeoutError:
            raise CommandError(f"the {self.name} is not ready after {_START_S:.0f} s") from None

    async def expect_answers(self) -> None:
        """End a process that says nothing any more, so that another is started; until cancelled."""
        while True:
            await asyncio.sleep(_HEARTBEAT_S)
            asked = self.pid
            try:
                await self.ask({"alive": True}, timeout_s=_SILENT_S)
            except TimeoutError:
                if asked is not None and asked == self.pid:
                    logger.error(  # noqa: TRY400 - the stack says nothing
                        "the %s has not answered for %.0f s: it is killed, and started again", self.name, _SILENT_S
                    )
                    self.kill()

    def note_read(self, tenant: str, positions: Mapping[str, Position]) -> None:
        """Pass on how far the pipeline has read its inbox of a pond, where that is further than it knows."""
        position = positions.get(self._inbox)
        if position is not None:
            self._read[tenant] = position
            self.tell({"read": {tenant: position}})

    def greeting(self, *, crashed: bool) -> dict[str, Any]:
        """What it needs to start."""
        del crashed
        return {**self._greeting, "read": self._read}

    def hear(self, message: dict[str, Any]) -> None:
        """That it listens, or cannot."""
        if "failed" not in message:
            if not self._started.done():
                self._started.set_result(None)
        elif self._started.done():
            logger.error("the %s cannot start again: %s", self.name, message["failed"])
        else:
            self._started.set_exception(CommandError(message["failed"]))


class Workers:
    """All of them; see `receivers.Receivers`."""

    def __init__(self, settings: Settings, security: Security) -> None:
        """Take the ports.

        Args:
            settings: of the collector.
            security: of this process, whose admin listener asks it; reloaded with theirs.

        Raises:
            CommandError: an address is taken.
        """
        self._settings = settings
        self._security = security
        self._grpc_socket = reserve("grpc", settings.grpc)
        self._http_socket = reserve("http", settings.http) if SPREADS else listening("http", settings.http)
        self.grpc = _address(settings.grpc, self._grpc_socket)
        self.http = f"{'https' if settings.tls_cert else 'http'}://{_address(settings.http, self._http_socket)}"
        self._children: list[WorkerChild] = []
        self._watching: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Start them, and wait until each listens.

        Raises:
            CommandError: one cannot.
        """
        http, inherited = _address(self._settings.http, self._http_socket), None if SPREADS else self._http_socket
        self._children = [WorkerChild(self._settings, worker, self.grpc, http, inherited) for worker in range(self._settings.workers)]
        self._watching = [asyncio.create_task(child.watch()) for child in self._children]
        await asyncio.gather(*(child.ready() for child in self._children))
        self._watching += [asyncio.create_task(child.expect_answers()) for child in self._children]

    @property
    def restarts(self) -> int:
        """How often one of them had to be started again."""
        return sum(child.restarts for child in self._children)

    def note_read(self, tenant: str, positions: Mapping[str, Position]) -> None:
        """Pass on how far the pipeline has read a pond's inboxes."""
        for child in self._children:
            child.note_read(tenant, positions)

    async def reports(self) -> list[ReceiverReport]:
        """What each process says of itself; one that does not answer is left out."""
        questions = (child.ask({"report": True}, timeout_s=_REPORT_S) for child in self._children)
        answers = await asyncio.gather(*questions, return_exceptions=True)
        return [ReceiverReport.from_json(answer["report"]) for answer in answers if not isinstance(answer, BaseException)]

    async def reload(self) -> None:
        """Read tokens, certificates and limits again, here and in each of them."""
        await asyncio.to_thread(self._security.reload)
        answers = await asyncio.gather(
            *(child.ask({"reload": True}, timeout_s=_RELOAD_S) for child in self._children), return_exceptions=True
        )
        for child, answer in zip(self._children, answers, strict=True):
            if isinstance(answer, BaseException):
                logger.warning("the %s does not say that it has reloaded; when it is started again it has", child.name)

    async def stop(self, *, timeout_s: float) -> None:
        """Have all of them answer what is under way, and end."""
        await asyncio.gather(*(child.stop(timeout_s=timeout_s) for child in self._children))
        for watching in self._watching:
            watching.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await watching
        self._grpc_socket.close()
        self._http_socket.close()


def _address(address: str, bound: socket.socket) -> str:
    """The address with the port that was taken."""
    return shown(split_address(address)[0], bound.getsockname()[1])
