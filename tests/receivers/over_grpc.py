"""OTLP/gRPC receivers in a thread with an event loop of its own."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Any

import uvloop
from otelpond.receivers.otlp_grpc import server
from otelpond.storage.signals import Sink


@contextmanager
def grpc_receiver(sink: Sink, address: str = "127.0.0.1:0", **options: Any) -> Iterator[int]:
    """A receiver as long as this is open; gives its port."""
    started: Future[int] = Future()
    ended = asyncio.Event()

    async def serve() -> None:
        receiver, port = server(sink, address, **options)
        await receiver.start()
        started.set_result(port)
        await ended.wait()
        await receiver.stop(None)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        thread = threading.Thread(target=runner.run, args=(serve(),), daemon=True)
        loop = runner.get_loop()
        thread.start()
        try:
            yield started.result(timeout=60)
        finally:
            loop.call_soon_threadsafe(ended.set)
            thread.join()
