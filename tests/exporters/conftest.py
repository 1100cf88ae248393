"""A pond's inbox that tests fill, and OTLP endpoints that answer as tests say."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import grpc
import pytest
from otelpond.exporters.answers import SERVICES
from otelpond.storage.inbox.kept import Kept
from otelpond.storage.inbox.log import Inbox, Limits
from otelpond.storage.signals import Inspection, Signal

Reply = tuple[int, dict[str, str], bytes]


@dataclass
class Pond:
    """A pond with one inbox."""

    kept: Kept
    inbox: Inbox

    @property
    def folder(self) -> Path:
        """The inbox's folder."""
        return self.kept.pond / "inbox" / "receiver"

    def accept(self, *payloads: bytes, signal: Signal = Signal.TRACES, items: int = 1, timeless: bool = False) -> None:
        """Have payloads made durable."""
        for payload in payloads:
            self.inbox.append("default", signal, payload, Inspection(items=items, timeless=timeless)).result(timeout=10)


@pytest.fixture
def new_pond(tmp_path: Path) -> Iterator[Callable[..., Pond]]:
    """Makes ponds whose accepted payloads go to destinations of these names, one segment a payload where wanted."""
    made: list[Pond] = []

    def make(*destinations: str, max_bytes: int = 1 << 30, segment_bytes: int = 1 << 30) -> Pond:
        pond = tmp_path / f"pond-{len(made)}"
        inbox = Inbox(pond / "inbox" / "receiver", Limits(segment_bytes=segment_bytes))
        made.append(Pond(Kept(pond, destinations, max_bytes), inbox))
        return made[-1]

    yield make
    for pond in made:
        pond.inbox.close()


@dataclass
class Endpoint:
    """An OTLP endpoint: what it heard, and what it answers next."""

    address: str = ""
    handler: Any = None
    replies: list[Reply] = field(default_factory=list)
    heard: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)

    def reply(self, path: str, headers: dict[str, str], body: bytes) -> Reply:
        """Note a request; the next answer, or success."""
        self.heard.append((path, headers, body))
        return self.replies.pop(0) if self.replies else (200, {}, b"")


@pytest.fixture
def http_endpoint() -> Iterator[Endpoint]:
    """An HTTP endpoint; a reply of status 0 cuts the connection without an answer."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            status, headers, answer = endpoint.reply(self.path, {name.lower(): value for name, value in self.headers.items()}, body)
            if not status:
                self.close_connection = True
                return
            self.send_response(status)
            for name, value in {"content-length": str(len(answer)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    endpoint = Endpoint(f"http://127.0.0.1:{server.server_address[1]}", Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield endpoint
    server.shutdown()
    server.server_close()
    thread.join()


class GrpcHandler(grpc.GenericRpcHandler):  # type: ignore[misc]  # grpcio ships no types
    """Answers the Export calls with what the endpoint says: a code, trailers as headers, and a message."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler | None:
        """What serves a call of ours."""
        method = handler_call_details.method
        if method not in {service.method for service in SERVICES.values()}:
            return None

        def call(payload: bytes, context: grpc.ServicerContext) -> bytes:
            metadata = {key: value for key, value in context.invocation_metadata() if isinstance(value, str)}
            status, trailers, answer = self._endpoint.reply(method, metadata, payload)
            if status in {0, 200}:
                return answer
            context.set_trailing_metadata(tuple((key, value) for key, value in trailers.items()))
            context.abort(next(code for code in grpc.StatusCode if code.value[0] == status), answer.decode())
            raise AssertionError

        return grpc.unary_unary_rpc_method_handler(call)


@pytest.fixture
def grpc_endpoint() -> Iterator[Endpoint]:
    """A gRPC endpoint; the status of a reply is a gRPC code, its headers are trailers."""
    endpoint = Endpoint()
    endpoint.handler = GrpcHandler(endpoint)
    server = grpc.server(ThreadPoolExecutor(8), handlers=[endpoint.handler])
    endpoint.address = f"http://127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    server.start()
    yield endpoint
    server.stop(None).wait()


@dataclass(frozen=True)
class Certificate:
    """A self-signed certificate for localhost, and its key."""

    certificate: Path
    key: Path


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    """Made by openssl, good for a day."""
    folder = tmp_path_factory.mktemp("certificate")
    made = Certificate(folder / "certificate.pem", folder / "key.pem")
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "1"]
    names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
    subprocess.run([*command, *names, "-keyout", str(made.key), "-out", str(made.certificate)], check=True, capture_output=True)
    return made
