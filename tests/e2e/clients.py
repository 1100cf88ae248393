"""Clients that send while processes are killed, each request until it is acknowledged, as SDKs do; kill tests count what they sent."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc
import httpx

SPANS_A_REQUEST = 20
REQUESTS_BETWEEN_KILLS = 40
EXPORT = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"


@dataclass
class Client:
    """Sends fresh spans on new connections until told to stop, each request until it is acknowledged; every second one by gRPC."""

    collector: Any
    make: Callable[[int], Any]
    stopping: threading.Event
    acknowledged: list[str] = field(default_factory=list)
    requests: int = 0
    retries: int = 0

    def run(self) -> None:
        """Send until stopped; what is under way is finished."""
        while not self.stopping.is_set():
            request = self.make(SPANS_A_REQUEST)
            body = request.SerializeToString()
            send = self._by_http if self.requests % 2 else self._by_grpc
            while not send(body):
                self.retries += 1
                time.sleep(0.05)
            self.acknowledged += [span.span_id.hex() for span in request.resource_spans[0].scope_spans[0].spans]
            self.requests += 1

    def _by_http(self, body: bytes) -> bool:
        try:
            return bool(self.collector.post("/v1/traces", body).status_code == httpx.codes.OK)
        except httpx.TransportError:
            return False

    def _by_grpc(self, body: bytes) -> bool:
        options = [("grpc.use_local_subchannel_pool", 1)]
        with grpc.insecure_channel(self.collector.grpc, options) as channel:
            try:
                channel.unary_unary(EXPORT, None, None)(body, timeout=10)
            except grpc.RpcError:
                return False
        return True


@contextmanager
def load(collector: Any, make: Callable[[int], Any], clients: int = 4) -> Iterator[list[Client]]:
    """Clients that send meanwhile."""
    stopping = threading.Event()
    running = [Client(collector, make, stopping) for _ in range(clients)]
    threads = [threading.Thread(target=client.run) for client in running]
    for thread in threads:
        thread.start()
    try:
        yield running
    finally:
        stopping.set()
        for thread in threads:
            thread.join()


def wait_for_requests(clients: list[Client], more: int) -> None:
    """Until that many more requests have been acknowledged."""
    goal = sum(client.requests for client in clients) + more
    end = time.monotonic() + 60
    while sum(client.requests for client in clients) < goal:
        assert time.monotonic() < end, "no request is acknowledged any more"
        time.sleep(0.01)
