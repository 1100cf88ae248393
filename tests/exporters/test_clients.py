"""Both clients against real servers: what goes over the wire, and that nothing the other side does is more than an answer."""

from __future__ import annotations

import gzip
import ssl
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from http.server import ThreadingHTTPServer
from pathlib import Path
from socket import create_server
from typing import Any

import grpc
import pytest
from google.rpc import error_details_pb2
from otelpond.exporters.answers import SERVICES
from otelpond.exporters.destination import Client, Delivered, Destination, Refused, TryLater
from otelpond.exporters.forwarding import client
from otelpond.storage.signals import Signal

PAYLOAD = b"some spans" * 100


@pytest.fixture
def new_client() -> Iterator[Callable[..., Client]]:
    """Makes clients, and closes them."""
    made: list[Client] = []

    def make(endpoint: str, protocol: Any, **options: Any) -> Client:
        made.append(client(Destination("backend", endpoint, protocol, **options)))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.mark.parametrize("signal", Signal)
def test_http_sends_protobuf_to_the_signals_path(http_endpoint: Any, new_client: Any, signal: Signal) -> None:
    """Below the endpoint's own path, compressed, with the headers of the settings."""
    sender = new_client(f"{http_endpoint.address}/otlp/", "http", headers={"x-key": "secret"})
    assert Delivered() == sender.send(signal, PAYLOAD)
    path, headers, body = http_endpoint.heard[0]
    assert ("/otlp" + SERVICES[signal].path, PAYLOAD) == (path, gzip.decompress(body))
    assert ("application/x-protobuf", "gzip", "secret", "otelpond") == tuple(
        headers[name] for name in ("content-type", "content-encoding", "x-key", "user-agent")
    )


@pytest.mark.parametrize("signal", Signal)
def test_grpc_calls_the_signals_method(grpc_endpoint: Any, new_client: Any, signal: Signal) -> None:
    """With the headers of the settings as metadata."""
    sender = new_client(grpc_endpoint.address, "grpc", headers={"X-Key": "secret"})
    assert Delivered() == sender.send(signal, PAYLOAD)
    method, metadata, payload = grpc_endpoint.heard[0]
    assert (SERVICES[signal].method, PAYLOAD, "secret") == (method, payload, metadata["x-key"])


@pytest.mark.parametrize("protocol", ["http", "grpc"])
def test_bodies_go_plain_where_the_settings_say_so(request: pytest.FixtureRequest, new_client: Any, protocol: str) -> None:
    """`compression = "none"`."""
    endpoint = request.getfixturevalue(f"{protocol}_endpoint")
    assert Delivered() == new_client(endpoint.address, protocol, compression="none").send(Signal.LOGS, PAYLOAD)
    _, headers, body = endpoint.heard[0]
    assert (PAYLOAD, False) == (body, "content-encoding" in headers)


def test_http_reads_what_a_compressed_answer_says(http_endpoint: Any, new_client: Any) -> None:
    """A refusal or delay counts, however it is sent."""
    http_endpoint.replies = [(503, {"Retry-After": "2"}, b""), (400, {"content-encoding": "gzip"}, gzip.compress(b"\x12\x03bad"))]
    sender = new_client(http_endpoint.address, "http")
    assert TryLater("HTTP 503", 2.0) == sender.send(Signal.TRACES, PAYLOAD)
    assert Refused("HTTP 400: bad") == sender.send(Signal.TRACES, PAYLOAD)


def test_an_endless_http_answer_is_not_read(http_endpoint: Any, new_client: Any) -> None:
    """4 MiB are enough; the next request gets a new connection."""
    http_endpoint.replies = [(200, {}, b"x" * (5 << 20))]
    sender = new_client(http_endpoint.address, "http")
    assert [Delivered(), Delivered()] == [sender.send(Signal.TRACES, PAYLOAD) for _ in range(2)]


def test_grpc_reads_the_delay_in_the_trailers(grpc_endpoint: Any, new_client: Any) -> None:
    """RetryInfo makes RESOURCE_EXHAUSTED a thing of later."""
    info = error_details_pb2.RetryInfo()
    info.retry_delay.seconds = 2
    grpc_endpoint.replies = [(8, {"google.rpc.retryinfo-bin": info.SerializeToString()}, b"slower"), (8, {}, b"too large")]
    sender = new_client(grpc_endpoint.address, "grpc")
    assert TryLater("RESOURCE_EXHAUSTED: slower", 2.0) == sender.send(Signal.TRACES, PAYLOAD)
    assert Refused("RESOURCE_EXHAUSTED: too large") == sender.send(Signal.TRACES, PAYLOAD)


def test_a_connection_that_is_cut_is_tried_again(http_endpoint: Any, new_client: Any) -> None:
    """Without an answer nobody knows whether the payload arrived."""
    http_endpoint.replies = [(0, {}, b"")]
    sender = new_client(http_endpoint.address, "http")
    assert isinstance(sender.send(Signal.TRACES, PAYLOAD), TryLater)
    assert Delivered() == sender.send(Signal.TRACES, PAYLOAD)


@pytest.mark.parametrize("protocol", ["http", "grpc"])
def test_who_never_answers_is_waited_for_no_longer_than_the_settings_say(new_client: Any, protocol: str) -> None:
    """A port that takes connections and says nothing."""
    with closing(create_server(("127.0.0.1", 0))) as silent:
        sender = new_client(f"http://127.0.0.1:{silent.getsockname()[1]}", protocol, timeout_s=0.3)
        assert [True, True] == [isinstance(sender.send(Signal.TRACES, PAYLOAD), TryLater) for _ in range(2)]


@pytest.mark.parametrize("protocol", ["http", "grpc"])
def test_a_closed_port_is_tried_again(new_client: Any, protocol: str) -> None:
    """Nobody listens: later, perhaps."""
    with closing(create_server(("127.0.0.1", 0))) as gone:
        port = gone.getsockname()[1]
    answer = new_client(f"http://127.0.0.1:{port}", protocol).send(Signal.TRACES, PAYLOAD)
    assert isinstance(answer, TryLater)
    assert "refused" in answer.reason.lower()


def test_grpc_connects_anew_after_a_silence(grpc_endpoint: Any, new_client: Any) -> None:
    """A call that got no answer in time does not leave the next one on a dead connection."""
    delay = threading.Event()
    answer = grpc_endpoint.reply
    grpc_endpoint.reply = lambda *heard: (delay.wait(1), answer(*heard))[1]
    sender = new_client(grpc_endpoint.address, "grpc", timeout_s=0.3)
    assert isinstance(sender.send(Signal.TRACES, PAYLOAD), TryLater)
    delay.set()
    assert Delivered() == sender.send(Signal.TRACES, PAYLOAD)


@pytest.fixture
def https(http_endpoint: Any, certificate: Any) -> Iterator[str]:
    """The HTTP endpoint with TLS, which wants a certificate of the client."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate.certificate, certificate.key)
    context.load_verify_locations(certificate.certificate)
    context.verify_mode = ssl.CERT_REQUIRED
    server = ThreadingHTTPServer(("127.0.0.1", 0), http_endpoint.handler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"https://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def grpcs(grpc_endpoint: Any, certificate: Any) -> Iterator[str]:
    """The gRPC endpoint with TLS, which wants a certificate of the client."""
    shown = ((certificate.key.read_bytes(), certificate.certificate.read_bytes()),)
    credentials = grpc.ssl_server_credentials(shown, certificate.certificate.read_bytes(), require_client_auth=True)
    server = grpc.server(ThreadPoolExecutor(2), handlers=[grpc_endpoint.handler])
    port = server.add_secure_port("127.0.0.1:0", credentials)
    server.start()
    yield f"https://localhost:{port}"
    server.stop(None).wait()


@pytest.mark.parametrize(("protocol", "secure"), [("http", "https"), ("grpc", "grpcs")])
def test_tls_shows_a_certificate_and_checks_the_other_sides(
    request: pytest.FixtureRequest, new_client: Any, certificate: Any, protocol: str, secure: str
) -> None:
    """Whom nobody trusted has signed gets nothing, nor does who shows nothing get an answer."""
    endpoint = request.getfixturevalue(secure)
    ours = {"certificate_file": certificate.certificate, "key_file": certificate.key}
    assert Delivered() == new_client(endpoint, protocol, ca_file=certificate.certificate, **ours).send(Signal.TRACES, PAYLOAD)
    assert isinstance(new_client(endpoint, protocol, **ours).send(Signal.TRACES, PAYLOAD), TryLater)
    assert isinstance(new_client(endpoint, protocol, ca_file=certificate.certificate).send(Signal.TRACES, PAYLOAD), TryLater)


@pytest.mark.parametrize("protocol", ["http", "grpc"])
def test_a_certificate_file_that_is_not_there_is_an_error_at_once(tmp_path: Path, protocol: str) -> None:
    """Before anything is sent."""
    with pytest.raises(OSError, match="No such file"):
        client(Destination("backend", "https://127.0.0.1:1", protocol, ca_file=tmp_path / "none.pem"))  # type: ignore[arg-type]
