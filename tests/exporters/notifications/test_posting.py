"""Webhooks over real connections to a server of this machine: what it is sent, and what its answers mean."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import trustme
from otelpond.exporters.destination import Refused, TryLater
from otelpond.exporters.notifications.channels import channel
from otelpond.exporters.notifications.notification import Message, Notification, Sent
from otelpond.exporters.notifications.target import Target

MESSAGE = Message((Notification("5b0f9a3e", "new-issues", "ValueError", datetime(2026, 11, 21, tzinfo=UTC)),))


def target(endpoint: Any, **settings: Any) -> Target:
    """A webhook of that endpoint."""
    return Target(**{"name": "ops", "kind": "webhook", "url": f"{endpoint.address}/hook?key=k3y", "allow_private": True, **settings})


def test_a_message_is_posted_with_the_alerts_id_and_the_settings_headers(http_endpoint: Any) -> None:
    """To the URL's path and query; every attempt with the same bytes."""
    sender = channel(target(http_endpoint, headers={"authorization": "Bearer s3cret"}))
    assert [Sent(), Sent()] == [sender.send(MESSAGE), sender.send(MESSAGE)]
    (path, headers, body), (_, _, again) = http_endpoint.heard
    assert "/hook?key=k3y" == path
    assert ("5b0f9a3e", "Bearer s3cret") == (headers["x-otelpond-alert-id"], headers["authorization"])
    assert ("application/json", body) == (headers["content-type"], again)


@pytest.mark.parametrize("kind", ["slack", "teams"])
def test_slack_and_teams_are_posted_to_alike(http_endpoint: Any, kind: str) -> None:
    """With their own bodies."""
    assert Sent() == channel(target(http_endpoint, kind=kind)).send(MESSAGE)
    assert {"slack": b'"blocks":', "teams": b'"AdaptiveCard"'}[kind] in http_endpoint.heard[0][2]


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        ((204, {}, b""), Sent()),
        ((202, {}, b"1"), Sent()),
        ((429, {"retry-after": "7"}, b"slow down"), TryLater("HTTP 429: slow down", 7)),
        ((503, {}, b"<html>\x00busy</html>"), TryLater("HTTP 503: <html> busy</html>")),
        ((500, {"retry-after": "soon"}, b""), TryLater("HTTP 500")),
        ((404, {}, b"no_service"), Refused("HTTP 404: no_service")),
        ((410, {}, b"x" * 5000), Refused("HTTP 410: " + "x" * 199 + "…")),
        ((302, {"location": "http://169.254.169.254/"}, b""), Refused("HTTP 302: redirects are not followed")),
    ],
)
def test_every_answer_is_sent_try_later_or_refused(http_endpoint: Any, reply: Any, expected: Any) -> None:
    """429 and 5xx may be tried again, all else but success is final; redirects are not followed."""
    http_endpoint.replies.append(reply)
    assert expected == channel(target(http_endpoint)).send(MESSAGE)
    assert 1 == len(http_endpoint.heard)


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("Cannot POST /services/T0/S3CRETTOKEN", "Cannot POST ***"),
        ("<pre>/services/T0/S3CRETTOKEN?a=1&amp;key=k%203y</pre>", "<pre>***</pre>"),
        ("no such route: services/T0/S3CRETTOKEN?a=1&key=k 3y", "no such route: ***"),
        ('{"path": "\\/services\\/T0\\/S3CRETTOKEN"}', '{"path": "***"}'),
        ("unknown token s3crettoken", "unknown token ***"),
        ("key 'k 3y' of T0KEN, Bearer t0ken at other services", "key '***' of ***, *** at other services"),
    ],
)
def test_secrets_that_a_server_repeats_are_not_told(http_endpoint: Any, said: str, expected: str) -> None:
    """Path, query and headers, as they stand and as they are decoded or written in HTML and JSON."""
    http_endpoint.replies.append((404, {}, said.encode()))
    url = f"{http_endpoint.address}/services/T0/S3CRETTOKEN?a=1&key=k%203y"
    sender = channel(target(http_endpoint, url=url, headers={"authorization": "Bearer t0ken"}))
    assert Refused(f"HTTP 404: {expected}") == sender.send(MESSAGE)


def test_what_cannot_be_reached_is_tried_again(http_endpoint: Any) -> None:
    """A cut connection, a closed port; the reason shows nothing of the URL."""
    http_endpoint.replies.append((0, {}, b""))
    outcome = channel(target(http_endpoint)).send(MESSAGE)
    assert isinstance(outcome, TryLater)
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        port = server.getsockname()[1]
    outcome = channel(replace(target(http_endpoint), url=f"http://127.0.0.1:{port}/k3y")).send(MESSAGE)
    assert isinstance(outcome, TryLater)
    assert "ConnectionRefusedError" in outcome.reason
    assert "k3y" not in outcome.reason


def test_this_machine_is_refused_unless_it_is_allowed(http_endpoint: Any) -> None:
    """For good, and nothing is sent: under its address and under its name."""
    for url in (http_endpoint.address, http_endpoint.address.replace("127.0.0.1", "localhost")):
        outcome = channel(target(http_endpoint, url=url, allow_private=False)).send(MESSAGE)
        assert isinstance(outcome, Refused)
        assert "no public address" in outcome.reason
    assert [] == http_endpoint.heard


def test_the_environments_proxies_are_not_used(http_endpoint: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """They would be connected to instead of the judged address."""
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    assert Sent() == channel(target(http_endpoint)).send(MESSAGE)


@contextmanager
def served(serve: Callable[[socket.socket], None]) -> Iterator[str]:
    """A server that takes one connection; its address."""
    with closing(socket.create_server(("127.0.0.1", 0))) as server:

        def run() -> None:
            try:
                connection, _ = server.accept()
                with closing(connection):
                    serve(connection)
            except OSError:
                pass

        thread = threading.Thread(target=run)
        thread.start()
        yield f"127.0.0.1:{server.getsockname()[1]}"
        server.close()
        thread.join()


@pytest.mark.parametrize(
    ("scheme", "opening"),
    [("http", b""), ("http", b"HTTP/1.0 200 OK\r\n\r\n"), ("https", b"\x16\x03\x03\x40\x00\x02\x00\x3f\xfc")],
    ids=["head", "body of a closing answer", "handshake"],
)
def test_a_server_that_sends_byte_by_byte_is_cut_off(scheme: str, opening: bytes) -> None:
    """However often a byte comes: the whole request has one limit of time."""
    stopped = threading.Event()

    def trickle(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(opening)
        while not stopped.wait(0.02):
            connection.sendall(b"H")

    with served(trickle) as address:
        url = f"{scheme}://{address}/"
        patience = threading.Timer(10, stopped.set)
        patience.start()
        outcome = channel(Target("ops", "webhook", url=url, timeout_s=0.3, allow_private=True)).send(MESSAGE)
        held = stopped.is_set()
        patience.cancel()
        stopped.set()
    assert not held
    assert isinstance(outcome, TryLater | Sent)


def test_certificates_are_checked(tmp_path: Path) -> None:
    """Of the host that the URL names, by the authorities of the settings; else nothing is sent."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("localhost").configure_cert(context)
    heard: list[bytes] = []

    def answer(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as secured:
            request = b""
            while not request.endswith(b"}"):  # head and body may come in parts
                request += secured.recv(65536)
            heard.append(request)
            secured.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")

    outcomes = []
    for host, ca_file in (("localhost", tmp_path / "ca.pem"), ("127.0.0.1", tmp_path / "ca.pem"), ("localhost", None)):
        with served(answer) as address:
            url = f"https://{host}:{address.rpartition(':')[2]}/hook"
            outcomes.append(channel(Target("ops", "webhook", url=url, ca_file=ca_file, allow_private=True)).send(MESSAGE))
    assert [Sent, TryLater, TryLater] == [type(outcome) for outcome in outcomes]
    assert 1 == len(heard)
    assert heard[0].startswith(b"POST /hook HTTP/1.1\r\nHost: localhost:")
