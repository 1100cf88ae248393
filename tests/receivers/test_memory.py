"""The memory that requests under way may hold: 200 connections of 60 MiB each, slow ones, stuck ones, and ones that break off."""

from __future__ import annotations

import asyncio
import json
import os
import select
import socket
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import grpc
import httpx
import psutil
import pytest
import uvicorn
import uvloop
from otelpond.receivers import memory, otlp_grpc, otlp_http
from otelpond.receivers.exports import DEFAULT_MAX_BODY_BYTES, in_flight_bytes
from otelpond.receivers.http_connection import HttpConnection
from otelpond.storage.decode.inspection import inspect
from otelpond.storage.inbox.log import Inbox, Limits
from otelpond.storage.signals import Signal, UnavailableError

from ..bench import calls as http2  # grpcio's client would hold every message of every connection itself
from .conftest import request_of

ROOT = Path(__file__).parent.parent.parent
MIB = 1024 * 1024
CONNECTIONS = 200
SIZE = 60 * MIB
LIMIT = in_flight_bytes(DEFAULT_MAX_BODY_BYTES)
EXPORT = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
RETRIES = {
    "maxAttempts": 5,
    "initialBackoff": "1s",
    "maxBackoff": "2s",
    "backoffMultiplier": 2,
    "retryableStatusCodes": ["UNAVAILABLE", "CANCELLED"],
}
UNKNOWN_FIELD = b"\xc2\x3e"  # number 1000: a message without items, which costs what it is long and is stored nowhere
BODY = UNKNOWN_FIELD + bytes([0x80 | SIZE & 0x7F, 0x80 | SIZE >> 7 & 0x7F, 0x80 | SIZE >> 14 & 0x7F, SIZE >> 21]) + bytes(SIZE)


class Sink:
    """The collector's sink, in front of an inbox; no pipeline reads it."""

    def __init__(self, folder: Path, limit: int) -> None:
        self._inbox = Inbox(folder, Limits(in_flight_bytes=limit))
        self.admit, self.append, self.inspect = self._inbox.admit, self._inbox.append, inspect


def serve(folder: Path, max_body_bytes: int) -> None:
    """Both receivers in this process; says their ports, and ends with its standard input."""
    limit = in_flight_bytes(max_body_bytes)
    sink = Sink(folder, limit)
    listening = socket.create_server(("127.0.0.1", 0), backlog=1024)
    application = otlp_http.app(sink, max_body_bytes=max_body_bytes)
    config = uvicorn.Config(application, http=HttpConnection, lifespan="off", ws="none", log_config=None, access_log=False)

    async def both() -> None:
        grpc_server, grpc_port = otlp_grpc.server(sink, "127.0.0.1:0", max_body_bytes=max_body_bytes, in_flight_bytes=limit)
        await grpc_server.start()
        print(grpc_port, listening.getsockname()[1], flush=True)  # noqa: T201
        await uvicorn.Server(config).serve(sockets=[listening])

    threading.Thread(target=uvloop.run, args=(both(),), daemon=True).start()
    sys.stdin.read()
    os._exit(0)


@dataclass
class Receivers:
    """A process with both receivers."""

    process: subprocess.Popen[str]
    grpc: str
    http: str


@contextmanager
def served(folder: Path, max_body_bytes: int) -> Iterator[Receivers]:
    """Receivers of bodies and messages of that size at most."""
    command = [sys.executable, "-m", __name__, str(folder), str(max_body_bytes)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        assert process.stdout is not None
        grpc_port, http_port = process.stdout.readline().split()
        yield Receivers(process, f"127.0.0.1:{grpc_port}", f"127.0.0.1:{http_port}")
        process.kill()


@pytest.fixture(scope="module")
def receivers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Receivers]:
    """Receivers for this module's tests."""
    with served(tmp_path_factory.mktemp("memory") / "inbox", DEFAULT_MAX_BODY_BYTES) as both:
        yield both


@contextmanager
def growth(receivers: Receivers) -> Iterator[Callable[[], int]]:
    """How many bytes the collector's process grows, at most, while this is open."""
    process = psutil.Process(receivers.process.pid)
    before = peak = process.memory_info().rss
    done = threading.Event()

    def watch() -> None:
        nonlocal peak
        while not done.wait(0.003):
            peak = max(peak, process.memory_info().rss)

    watching = threading.Thread(target=watch)
    watching.start()
    try:
        yield lambda: peak - before
    finally:
        done.set()
        watching.join()


def post_slowly(address: str, body: memoryview, step: int, pause_s: float = 0.0) -> int:
    """Send a body piece by piece until it is sent or answered; gives the status."""
    host, _, port = address.rpartition(":")
    with socket.create_connection((host, int(port)), timeout=60) as connection:
        connection.sendall(
            f"POST /v1/traces HTTP/1.1\r\nhost: x\r\ncontent-type: application/x-protobuf\r\ncontent-length: {len(body)}\r\n\r\n".encode()
        )
        for start in range(0, len(body), step):
            if select.select([connection], [], [], pause_s)[0]:
                break
            connection.sendall(body[start : start + step])
        return int(connection.recv(65_536).split(b" ")[1])


def post(receivers: Receivers) -> int:
    """The status of an empty request."""
    return httpx.post(f"http://{receivers.http}/v1/traces", headers={"content-type": "application/x-protobuf"}, timeout=20).status_code


def exported_at_last(receivers: Receivers) -> bytes:
    """The answer to an empty gRPC request, which is repeated as clients do."""
    retries = {"methodConfig": [{"name": [{}], "retryPolicy": RETRIES}]}
    with grpc.insecure_channel(receivers.grpc, options=[("grpc.service_config", json.dumps(retries))]) as channel:
        answer: bytes = channel.unary_unary(EXPORT)(b"", timeout=30)
        return answer


@pytest.mark.timeout(300)
def test_200_bodies_of_60_mib_over_http_stay_below_the_limit(receivers: Receivers) -> None:
    """Some are taken, the others hear 503, and the process grows by less than the limit and a fifth."""
    with growth(receivers) as grown, ThreadPoolExecutor(CONNECTIONS) as clients:
        statuses = Counter(clients.map(lambda _: post_slowly(receivers.http, memoryview(BODY), MIB), range(CONNECTIONS)))
    print(f"grown by {grown() / MIB:.0f} MiB of {LIMIT / MIB:.0f}, {statuses}")  # noqa: T201
    assert {200, 503} == set(statuses)
    assert grown() < 1.2 * LIMIT
    assert 200 == post(receivers)


def call_at_once(receivers: Receivers, message: bytes) -> Counter[int]:
    """The statuses of 200 calls, each on a connection of its own, that send that message together."""

    def call(_: int) -> int:
        host, _, port = receivers.grpc.rpartition(":")
        connection = http2.Connection(host, int(port))
        connection.start(http2.header_block(EXPORT, receivers.grpc), memoryview(message))
        (answer,) = connection.answers()
        connection.close()
        assert answer.status in {0, 14}, answer
        return int(answer.status)

    with ThreadPoolExecutor(CONNECTIONS) as clients:
        return Counter(clients.map(call, range(CONNECTIONS)))


@pytest.mark.timeout(300)
def test_200_messages_of_60_mib_over_grpc_stay_below_the_limit(receivers: Receivers) -> None:
    """Some are taken, the others hear UNAVAILABLE before they are read or while they are."""
    with growth(receivers) as grown:
        codes = call_at_once(receivers, BODY)
    print(f"grown by {grown() / MIB:.0f} MiB of {LIMIT / MIB:.0f}, {codes}")  # noqa: T201
    assert {0, 14} == set(codes)
    assert grown() < 1.2 * LIMIT
    assert b"" == exported_at_last(receivers)


@pytest.mark.long
@pytest.mark.timeout(300)
def test_200_messages_of_spans_over_grpc_stay_below_another_limit(tmp_path: Path) -> None:
    """The shares of the limit are not of one size: 16 MiB a message at most, a quarter of that sent, all of it spans that are stored."""
    spans = request_of(Signal.TRACES, name="n" * 400).SerializeToString()
    with served(tmp_path / "inbox", 16 * MIB) as small, growth(small) as grown:
        codes = call_at_once(small, spans * (4 * MIB // len(spans)))
        limit = in_flight_bytes(16 * MIB)
        print(f"grown by {grown() / MIB:.0f} MiB of {limit / MIB:.0f}, {codes}")  # noqa: T201
        assert codes[0] > 0
        assert grown() < 1.2 * limit
        assert b"" == exported_at_last(small)


def test_200_stuck_connections_are_in_nobodys_way_over_http(receivers: Receivers) -> None:
    """They announce 60 MiB, send a little and stop: others are served meanwhile; when they break off, nothing of them is kept."""
    host, _, port = receivers.http.rpartition(":")
    fields = f"host: x\r\ncontent-type: application/x-protobuf\r\ncontent-length: {SIZE}\r\n\r\n"
    with growth(receivers) as grown, ExitStack() as stuck:
        for _ in range(CONNECTIONS):
            connection = stuck.enter_context(socket.create_connection((host, int(port)), timeout=10))
            connection.sendall(f"POST /v1/traces HTTP/1.1\r\n{fields}".encode() + bytes(1000))
        assert {200} == {post(receivers) for _ in range(20)}
        assert 200 == post_slowly(receivers.http, memoryview(BODY), MIB)
    assert grown() < LIMIT
    assert 200 == post_slowly(receivers.http, memoryview(BODY), MIB)


def test_200_stuck_connections_are_in_nobodys_way_over_grpc(receivers: Receivers) -> None:
    """They hold what they have brought and nothing else: others are served meanwhile, at the latest when they try again."""
    host, _, port = receivers.grpc.rpartition(":")
    links = [http2.Connection(host, int(port)) for _ in range(CONNECTIONS)]
    message_of_60_mib = b"\x00" + SIZE.to_bytes(4, "big") + bytes(1000)
    for link in links:
        headers = http2._frame(http2._HEADERS, http2._END_HEADERS, 1, http2.header_block(EXPORT, receivers.grpc))
        link._write([headers + http2._frame(http2._DATA, 0, 1, message_of_60_mib)])
    assert b"" == exported_at_last(receivers)
    for link in links:
        link.close()


def test_memory_that_stays_while_nothing_comes_in_is_the_process_s_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that has grown by itself takes messages again, a few seconds after the last one."""
    resident, now = 100 * MIB, 1000.0
    monkeypatch.setattr(memory, "_resident", lambda: lambda: resident)
    monkeypatch.setattr(memory.time, "monotonic", lambda: now)
    incoming = memory.Incoming(100 * MIB, MIB)
    incoming.check()

    async def grow() -> None:
        nonlocal resident
        resident += 90 * MIB
        incoming._look()
        with pytest.raises(UnavailableError):
            incoming.check()

    asyncio.run(incoming.message(grow))
    now += 4.0
    with pytest.raises(UnavailableError):
        incoming.check()
    now += 2.0
    incoming.check()


def test_slow_messages_are_ended_first_and_only_when_memory_is_short(monkeypatch: pytest.MonkeyPatch) -> None:
    """A slow uplink may take its time; others do not wait for it where there is no room."""
    resident = 0
    monkeypatch.setattr(memory, "_resident", lambda: lambda: resident)
    monkeypatch.setattr(memory, "_SLOW_S", 0.05)
    incoming = memory.Incoming(100 * MIB, MIB)

    async def scenario() -> None:
        nonlocal resident
        ended = asyncio.Event()
        slow = asyncio.create_task(incoming.message(ended.wait))
        await asyncio.sleep(0.2)
        fast = asyncio.create_task(incoming.message(ended.wait))
        await asyncio.sleep(0)
        assert not slow.done()
        resident = 40 * MIB
        with pytest.raises(UnavailableError, match="hold the memory"):
            await slow
        assert not fast.done()
        resident = 0
        ended.set()
        assert await fast

    asyncio.run(scenario())


if __name__ == "__main__":
    serve(Path(sys.argv[1]), int(sys.argv[2]))
