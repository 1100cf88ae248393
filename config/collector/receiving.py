"""The receivers of one process, and the inboxes that they write to: in the collector itself, or in a worker."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Mapping

from ...receivers import otlp_grpc, otlp_http
from ...receivers.exports import in_flight_bytes
from ...storage.inbox.segments import Position
from ..operations.receiver_report import ReceiverReport
from ..settings import Settings, split_address
from . import beside_otlp
from .inboxes import Inboxes, open_inboxes
from .listeners import HttpServer, listening, shown, taken
from .security import Security


class Receiving:
    """This process's receivers; see `receivers.Receivers`.

    Args:
        settings: of the collector.
        security: who gets in.
        worker: which receiver process this is.
        grpc, http: where to listen, instead of what the settings say.
        http_socket: which listens already.
        shared: other processes listen there too.
    """

    def __init__(
        self,
        settings: Settings,
        security: Security,
        *,
        worker: int = 0,
        grpc: str = "",
        http: str = "",
        http_socket: socket.socket | None = None,
        shared: bool = False,
    ) -> None:
        self._settings = settings
        self._security = security
        self._worker = worker
        self._http_socket = http_socket
        self._shared = shared
        self._inboxes: Inboxes | None = None
        self._stopping: list[Callable[[float], Awaitable[object]]] = []
        self.grpc = grpc or settings.grpc
        self.http = http or settings.http
        self.restarts = 0

    async def start(self) -> None:
        """Open the inboxes and listen.

        Raises:
            CommandError: another process keeps an inbox, or an address is taken.
        """
        inboxes = self._inboxes = await asyncio.to_thread(open_inboxes, self._settings, self._worker)
        await self._start_grpc(inboxes)
        listener = self._http_socket or listening("http", self.http, shared=self._shared)
        application = otlp_http.app(
            inboxes,
            max_body_bytes=int(self._settings.max_body_bytes),
            authentication=self._security.authentication,
            cors_allowed_origins=self._settings.cors_allowed_origins,
            others=beside_otlp.handlers(self._settings, inboxes, self._security.authentication),
        )
        server = HttpServer(listener, application, self._security.http_context, shared=self._shared)
        self._stopping.append(server.stop)
        self.http = server.address

    async def _start_grpc(self, inboxes: Inboxes) -> None:
        try:
            server, port = otlp_grpc.server(
                inboxes,
                self.grpc,
                max_body_bytes=int(self._settings.max_body_bytes),
                in_flight_bytes=in_flight_bytes(int(self._settings.max_body_bytes)),
                authentication=self._security.authentication,
                credentials=self._security.grpc_credentials,
                shared_port=self._shared,
            )
        except RuntimeError:
            raise taken("grpc", self.grpc) from None
        await server.start()
        self._stopping.append(server.stop)
        self.grpc = shown(split_address(self.grpc)[0], port)

    def note_read(self, tenant: str, positions: Mapping[str, Position]) -> None:
        """Hear from the pipeline how far it has read a pond's inboxes."""
        if self._inboxes is not None:
            self._inboxes.note_read(tenant, positions)

    async def report(self) -> ReceiverReport:
        """What this process says of itself; looking at the disk must not hold up the loop."""
        return ReceiverReport.of_this_process(await asyncio.to_thread(self._inboxes.states) if self._inboxes is not None else {})

    async def reports(self) -> list[ReceiverReport]:
        """The same, as of one process of several."""
        return [await self.report()]

    async def reload(self) -> None:
        """Read tokens, certificates and limits again."""
        await asyncio.to_thread(self._security.reload)

    async def stop(self, *, timeout_s: float) -> None:
        """Take no more requests, answer those that are under way, and let go of the inboxes."""
        await asyncio.gather(*(stop(timeout_s) for stop in self._stopping))
        if self._inboxes is not None:
            await asyncio.to_thread(self._inboxes.close)
