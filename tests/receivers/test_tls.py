"""TLS and mutual TLS on both transports, with OpenTelemetry's own exporters; certificates are exchanged while connections come in."""

from __future__ import annotations

import logging
import shutil
import socket
import ssl
import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import pytest
import trustme
from cryptography.hazmat.primitives import serialization
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as GrpcSpans
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as HttpSpans
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from otelpond.receivers.tls import CertificateError, CertificateFiles, Certificates
from otelpond.storage.access.watched_files import WatchedFiles

Receiver = Callable[..., AbstractContextManager[int]]
Serve = Callable[..., AbstractContextManager["Served"]]
TRANSPORTS = ("http", "grpc")


@pytest.fixture(autouse=True)
def _no_other_authorities(monkeypatch: pytest.MonkeyPatch) -> None:
    """These variables are stronger than what an exporter over requests is told."""
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)


@dataclass
class Authority:
    """A certificate authority with its files in a folder of its own."""

    folder: Path
    ca: trustme.CA

    @classmethod
    def new(cls, folder: Path) -> Authority:
        """Make one, with a server's and a client's certificate."""
        folder.mkdir()
        made = cls(folder, trustme.CA())
        made.ca.cert_pem.write_to_path(str(folder / "ca.pem"))
        for name, issued in (("server", made.ca.issue_cert("localhost", "127.0.0.1")), ("client", made.ca.issue_cert("shop.example"))):
            issued.private_key_pem.write_to_path(str(folder / f"{name}.key"))
            for number, blob in enumerate(issued.cert_chain_pems):
                blob.write_to_path(str(folder / f"{name}.pem"), append=number > 0)
        return made

    def files(self, *, mutual: bool = False) -> CertificateFiles:
        """What a receiver is told."""
        return CertificateFiles(self.folder / "server.pem", self.folder / "server.key", self.folder / "ca.pem" if mutual else None)

    def copy_to(self, other: Authority) -> None:
        """Replace another's files by these, as a renewal does."""
        for path in self.folder.iterdir():
            shutil.copy(path, other.folder / path.name)


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    """One that everybody trusts at first."""
    return Authority.new(tmp_path / "first")


@pytest.fixture
def other(tmp_path: Path) -> Authority:
    """One that nobody trusts at first."""
    return Authority.new(tmp_path / "other")


@dataclass
class Served:
    """A receiver over TLS."""

    certificates: Certificates
    transport: str
    port: int

    def exports(self, trusted: Authority, client: Authority | None = None) -> bool:
        """Whether the SDK's exporter, over a new connection, delivers a span."""
        exporter = _exporter(self.transport, self.port, trusted, client)
        memory = InMemorySpanExporter()
        provider = TracerProvider(shutdown_on_exit=False)
        provider.add_span_processor(SimpleSpanProcessor(memory))
        provider.get_tracer("shop").start_span("checkout").end()
        try:
            return exporter.export(memory.get_finished_spans()) is SpanExportResult.SUCCESS
        finally:
            exporter.shutdown()


def _exporter(transport: str, port: int, trusted: Authority, client: Authority | None) -> SpanExporter:
    ca, key, certificate = trusted.folder / "ca.pem", None, None
    if client is not None:
        key, certificate = client.folder / "client.key", client.folder / "client.pem"
    if transport == "http":
        return HttpSpans(
            endpoint=f"https://127.0.0.1:{port}/v1/traces",
            certificate_file=str(ca),
            client_key_file=str(key) if key else None,
            client_certificate_file=str(certificate) if certificate else None,
            timeout=2,
        )
    credentials = grpc.ssl_channel_credentials(
        ca.read_bytes(), key.read_bytes() if key else None, certificate.read_bytes() if certificate else None
    )
    return GrpcSpans(endpoint=f"https://127.0.0.1:{port}", credentials=credentials, timeout=2)


@pytest.fixture
def serve(sink: Any, http_receiver: Receiver, grpc_receiver: Receiver) -> Serve:
    """Starts a receiver of a transport with an authority's files."""

    @contextmanager
    def start(transport: str, files: CertificateFiles) -> Iterator[Served]:
        certificates = Certificates(files)
        if transport == "http":
            opened = http_receiver(sink, context=certificates.context)
        else:
            opened = grpc_receiver(sink, credentials=certificates.grpc_credentials())
        with opened as port:
            yield Served(certificates, transport, port)

    return start


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_senders_see_whom_they_send_to(serve: Serve, authority: Authority, other: Authority, sink: Any, transport: str) -> None:
    """Who trusts the authority delivers; who trusts another one sends nothing."""
    with serve(transport, authority.files()) as receiver:
        assert receiver.exports(trusted=authority)
        assert not receiver.exports(trusted=other)
    assert 1 == len(sink.stored)


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_senders_must_show_a_certificate(serve: Serve, authority: Authority, other: Authority, sink: Any, transport: str) -> None:
    """Signed by the named authority; none, or another's, is turned away in the handshake."""
    with serve(transport, authority.files(mutual=True)) as receiver:
        assert receiver.exports(trusted=authority, client=authority)
        assert not receiver.exports(trusted=authority)
        assert not receiver.exports(trusted=authority, client=other)
    assert 1 == len(sink.stored)


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_renewed_certificate_is_shown_without_a_restart(
    serve: Serve, authority: Authority, other: Authority, sink: Any, transport: str
) -> None:
    """After a reload new connections see the new one; the authority of clients is exchanged too, not added to."""
    with serve(transport, authority.files(mutual=True)) as receiver:
        assert receiver.exports(trusted=authority, client=authority)
        before = Authority(authority.folder.with_name("before"), authority.ca)
        shutil.copytree(authority.folder, before.folder)
        other.copy_to(authority)
        receiver.certificates.reload()
        assert receiver.exports(trusted=other, client=other)
        assert not receiver.exports(trusted=before, client=other)
        assert not receiver.exports(trusted=other, client=before)
    assert 2 == len(sink.stored)


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_broken_renewal_changes_nothing(
    serve: Serve, authority: Authority, other: Authority, caplog: pytest.LogCaptureFixture, transport: str
) -> None:
    """Half of a new pair: the log names the file, and senders go on as before."""
    with serve(transport, authority.files()) as receiver:
        shutil.copy(other.folder / "server.key", authority.folder / "server.key")
        with caplog.at_level(logging.ERROR):
            receiver.certificates.reload()
        assert "server.key: this is not the private key of the certificate" in caplog.text
        assert receiver.exports(trusted=authority)


def test_changed_files_are_seen_without_being_told(authority: Authority, other: Authority, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are looked at when somebody connects, once a second at most."""
    now = 1000.0
    monkeypatch.setattr("otelpond.receivers.tls.WatchedFiles", lambda paths: WatchedFiles(paths, clock=lambda: now))
    certificates = Certificates(authority.files())
    first = certificates.newest
    other.copy_to(authority)
    assert first is certificates.newest
    now += 1
    assert first is not certificates.newest


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("server.pem", None, "server.pem: the file cannot be read: No such file or directory"),
        ("server.pem", b"no certificate", "server.pem, .*server.key: expected a PEM certificate and its private key without passphrase"),
        ("server.key", b"", "expected a PEM certificate and its private key"),
        ("ca.pem", b"no certificate", "ca.pem: expected PEM certificates of the authorities"),
    ],
)
def test_what_is_not_usable_is_named(authority: Authority, name: str, content: bytes | None, reason: str) -> None:
    """At the start it is an error with the file's name."""
    path = authority.folder / name
    path.unlink() if content is None else path.write_bytes(content)
    with pytest.raises(CertificateError, match=reason):
        Certificates(authority.files(mutual=True))


def test_a_key_with_a_passphrase_asks_nobody(authority: Authority) -> None:
    """OpenSSL would ask at the terminal, and a service would hang."""
    key = serialization.load_pem_private_key((authority.folder / "server.key").read_bytes(), None)
    encrypted = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.BestAvailableEncryption(b"secret")
    )
    (authority.folder / "server.key").write_bytes(encrypted)
    with pytest.raises(CertificateError, match="private key without passphrase"):
        Certificates(authority.files())


def test_old_versions_of_tls_are_refused(serve: Serve, authority: Authority) -> None:
    """TLS 1.2 is the oldest."""
    with serve("http", authority.files()) as receiver, socket.create_connection(("127.0.0.1", receiver.port), timeout=10) as connection:
        context = ssl.create_default_context(cafile=authority.folder / "ca.pem")
        context.set_ciphers("ALL:@SECLEVEL=0")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
        with pytest.raises((ssl.SSLError, ConnectionError)):
            context.wrap_socket(connection, server_hostname="localhost")
