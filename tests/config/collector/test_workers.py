"""The collector's side of receiver processes: how sockets are shared, and what a process is told and asked."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvloop
from otelpond.config.collector import workers as workers_module
from otelpond.config.collector.listeners import listening, reserve
from otelpond.config.collector.security import Security
from otelpond.config.collector.workers import Workers
from otelpond.config.errors import CommandError
from otelpond.config.settings import Settings
from otelpond.storage.inbox.segments import Position

SPAN = {"traceId": "5b8efff798038103d269b633813fc60c", "spanId": "eee19b7ec3c1b174", "name": "x", "startTimeUnixNano": "1"}
BODY = json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [SPAN]}]}]}).encode()


def post(url: str) -> int:
    """One request with one span."""
    return httpx.post(f"{url}/v1/traces", content=BODY, headers={"content-type": "application/json"}, timeout=30).status_code


def run(tmp_path: Path, use: Callable[[Workers], Any]) -> None:
    """Two receiver processes on free ports, used and stopped."""

    async def main() -> None:
        settings = Settings(data=tmp_path, workers=2, grpc="127.0.0.1:0", http="127.0.0.1:0")
        workers = Workers(settings, Security(settings))
        try:
            await workers.start()
            await use(workers)
        finally:
            await workers.stop(timeout_s=20)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:  # as the collector does
        runner.run(main())


@pytest.mark.parametrize("spreads", [True, False], ids=["each its own socket", "one socket inherited"])
def test_all_processes_listen_on_one_port(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spreads: bool) -> None:
    """Also where the system does not spread connections over sockets: then they accept from one."""
    monkeypatch.setattr(workers_module, "SPREADS", spreads)

    async def use(workers: Workers) -> None:
        for _ in range(20):
            assert 200 == await asyncio.to_thread(post, workers.http)
        reports = await workers.reports()
        accepted = [value for report in reports for name, _, value in report.counters if name == "otelcol_receiver_accepted_spans"]
        assert 2 == len(reports)
        assert 20 == sum(accepted)

    run(tmp_path, use)


def test_a_process_hears_how_far_its_own_inboxes_are_read(tmp_path: Path) -> None:
    """Each is told of its own; one that is started again learns what it missed."""

    async def use(workers: Workers) -> None:
        for _ in range(20):
            await asyncio.to_thread(post, workers.http)
        workers.note_read("default", {"receiver": Position(1, 1 << 20), "receiver-1": Position(1, 1 << 20)})
        assert 0 == sum(state.unread_bytes for report in await workers.reports() for state in report.inboxes.values())
        first = workers._children[0]
        assert first._process is not None
        first._process.kill()
        await first._process.wait()
        reports = await workers.reports()  # asked again of the new process
        assert 0 == sum(state.unread_bytes for report in reports for state in report.inboxes.values())
        assert 1 == workers.restarts

    run(tmp_path, use)


@pytest.mark.long
def test_a_process_that_hangs_is_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """It lives and takes connections, and answers neither senders nor the collector."""
    monkeypatch.setattr(workers_module, "_HEARTBEAT_S", 0.1)
    monkeypatch.setattr(workers_module, "_SILENT_S", 3.0)

    async def use(workers: Workers) -> None:
        hanging = workers._children[0].pid
        assert hanging is not None
        os.kill(hanging, signal.SIGSTOP)
        await workers._children[0].ask({"alive": True}, timeout_s=60)  # which the next process answers
        assert 1 == workers.restarts
        assert "the receiver process 0 has not answered for 3 s: it is killed, and started again" in caplog.messages

    run(tmp_path, use)


def test_a_reserved_port_takes_no_connection_and_is_refused_to_others() -> None:
    """It is shared with sockets that share too, and only where nobody listened before."""
    with listening("http", "127.0.0.1:0") as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(CommandError, match="the address cannot be bound"):
            reserve("http", address)
    with reserve("http", "127.0.0.1:0") as reserved:
        address = f"127.0.0.1:{reserved.getsockname()[1]}"
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(reserved.getsockname(), timeout=5)
        with listening("http", address, shared=True), listening("http", address, shared=True), pytest.raises(CommandError):
            reserve("http", address)


def test_a_process_that_ends_is_told_nothing_more(tmp_path: Path) -> None:
    """The pipeline reads on while the receivers stop, and what it says of that is no fault."""

    async def use(workers: Workers) -> None:
        stopping = asyncio.create_task(workers.stop(timeout_s=20))
        while not stopping.done():
            workers.note_read("default", {"receiver": Position(0, 0), "receiver-1": Position(0, 0)})
            await asyncio.sleep(0)

    run(tmp_path, use)
