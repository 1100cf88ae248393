"""Servers that take OTLP and do nothing with it: what the transports' own libraries cost, beside which the collector's figures stand.

    python tests/bench/empty_servers.py grpc        says its address; ends with its standard input

`grpc` is grpcio's synchronous server with unary methods on raw bytes and 64 threads, `grpc-aio` its asyncio server on uvloop; `http`
is uvicorn with uvloop and httptools in front of an ASGI application that reads the body.
"""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import grpc
import psutil
import uvicorn
import uvloop

_THREADS = 64


class _Unary(grpc.GenericRpcHandler):  # type: ignore[misc]  # grpcio ships no types
    """Every method is answered in this way."""

    def __init__(self, answer: Callable[[bytes, object], Any]) -> None:
        self._handler = grpc.unary_unary_rpc_method_handler(answer)

    def service(self, _call: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler:
        """What serves a call."""
        return self._handler


def _grpc() -> None:
    server = grpc.server(ThreadPoolExecutor(_THREADS), handlers=[_Unary(lambda _message, _context: b"")])
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    _say(port)
    sys.stdin.read()


async def _answer(_message: bytes, _context: object) -> bytes:
    return b""


async def _grpc_aio() -> None:
    server = grpc.aio.server(handlers=[_Unary(_answer)])
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    _say(port)
    await asyncio.to_thread(sys.stdin.read)


async def _application(_scope: Any, receive: Any, send: Any) -> None:
    while (await receive()).get("more_body", False):
        pass
    fields = [(b"content-type", b"application/x-protobuf"), (b"content-length", b"0")]
    await send({"type": "http.response.start", "status": 200, "headers": fields})
    await send({"type": "http.response.body", "body": b""})


def _http() -> None:
    config = uvicorn.Config(_application, lifespan="off", ws="none", log_config=None, access_log=False, proxy_headers=False)
    with socket.create_server(("127.0.0.1", 0), backlog=1024) as listening:
        threading.Thread(target=uvicorn.Server(config).run, args=([listening],), daemon=True).start()
        _say(listening.getsockname()[1])
        sys.stdin.read()


def _say(port: int) -> None:
    print(f"127.0.0.1:{port}", flush=True)  # noqa: T201 - the answer


_SERVERS: Final[Mapping[str, Callable[[], None]]] = {"grpc": _grpc, "grpc-aio": lambda: uvloop.run(_grpc_aio()), "http": _http}
"""Each listens, says where, and serves until the standard input ends."""


@contextmanager
def empty_server(transport: str) -> Iterator[str]:
    """A process with an empty server, as long as this is open; gives its address."""
    with _empty_process(transport) as (_, address):
        yield address


def empty_cpu_percent(transport: str, load: Callable[[str], float]) -> float:
    """Of one core, what an empty server takes under a load, which is handed its address and gives the seconds for which it went on."""
    with _empty_process(transport) as (process, address):
        server = psutil.Process(process.pid)
        before = server.cpu_times()
        seconds = load(address)
        after = server.cpu_times()
    return (after.user + after.system - before.user - before.system) / seconds * 100


@contextmanager
def _empty_process(transport: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    command = [sys.executable, Path(__file__), transport]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process, process.stdout.readline().strip()
        finally:
            process.kill()


if __name__ == "__main__":
    _SERVERS[sys.argv[1]]()
