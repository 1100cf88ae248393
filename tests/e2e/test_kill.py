"""What was acknowledged survives: the collector is killed under load, and every span is in its tables exactly once."""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

SPANS_A_REQUEST = 20
REQUESTS_BETWEEN_KILLS = 40


@dataclass
class Client:
    """Sends requests of fresh spans until told to stop, each again and again until it is acknowledged, as SDKs do."""

    collector: Any
    make: Callable[[int], Any]
    stopping: threading.Event
    acknowledged: list[bytes] = field(default_factory=list)
    requests: int = 0
    retries: int = 0

    def run(self) -> None:
        """Send until stopped; what is under way is finished."""
        while not self.stopping.is_set():
            request = self.make(SPANS_A_REQUEST)
            body = request.SerializeToString()
            while not self._taken(body):
                self.retries += 1
                time.sleep(0.05)
            self.acknowledged += [span.span_id for span in request.resource_spans[0].scope_spans[0].spans]
            self.requests += 1

    def _taken(self, body: bytes) -> bool:
        try:
            return bool(self.collector.post("/v1/traces", body).status_code == httpx.codes.OK)
        except httpx.TransportError:
            return False


def _end_pipeline(collector: Any) -> None:
    """Kill the pipeline alone; the collector keeps accepting, and starts another."""
    if (pipeline := collector.pipeline()) is not None:
        os.kill(pipeline.pid, signal.SIGKILL)


@pytest.mark.timeout(180)
def test_every_acknowledged_span_is_stored_once_through_kills(new_collector: Any, server_spans: Any) -> None:
    """Killing receiver, pipeline or both in the middle of load loses nothing and doubles nothing, in any table."""
    collector = new_collector().start()
    stopping = threading.Event()
    clients = [Client(collector, server_spans, stopping) for _ in range(4)]
    threads = [threading.Thread(target=client.run) for client in clients]
    for thread in threads:
        thread.start()
    try:
        for what in ("all", "receiver", "pipeline", "all", "pipeline", "all"):
            _wait_for_requests(clients, REQUESTS_BETWEEN_KILLS + random.randrange(20))
            if what == "pipeline":
                _end_pipeline(collector)
            else:
                collector.kill(children=what == "all")
                collector.start()
        _wait_for_requests(clients, REQUESTS_BETWEEN_KILLS)
    finally:
        stopping.set()
        for thread in threads:
            thread.join()
    acknowledged = sorted(span_id.hex() for client in clients for span_id in client.acknowledged)
    assert acknowledged == [row[0] for row in collector.published("select span_id from spans order by span_id")]
    assert acknowledged == [row[0] for row in collector.rows("select span_id from api_performance_metrics order by span_id")]
    assert [] == collector.rows("select * from rejected_records")
    assert sum(client.retries for client in clients) > 0, "no request met a kill: the load was too light"


def _wait_for_requests(clients: list[Client], more: int) -> None:
    """Until that many more requests have been acknowledged."""
    goal = sum(client.requests for client in clients) + more
    end = time.monotonic() + 60
    while sum(client.requests for client in clients) < goal:
        assert time.monotonic() < end, "no request is acknowledged any more"
        time.sleep(0.01)
