"""The certificates that the receivers show, and those that they ask for; replaced on disk, the next connection gets the new ones."""

from __future__ import annotations

import logging
import ssl
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import grpc

from ..storage.access.watched_files import WatchedFiles

logger = logging.getLogger(__name__)

_READS: Final = 3


class CertificateError(Exception):
    """A certificate or key is not usable; the text names the file and what was expected."""


@dataclass(frozen=True, slots=True)
class CertificateFiles:
    """Where they are, all PEM.

    Attributes:
        cert: our certificate, then those between it and the root.
        key: its private key, without passphrase.
        client_ca: whose certificates clients must show; None asks for none.
    """

    cert: Path
    key: Path
    client_ca: Path | None = None

    @property
    def paths(self) -> tuple[Path, ...]:
        """All of them."""
        return (self.cert, self.key) if self.client_ca is None else (self.cert, self.key, self.client_ca)


@dataclass(frozen=True, slots=True)
class _Loaded:
    """One state of the files, as both servers take it."""

    context: ssl.SSLContext
    configuration: grpc.ServerCertificateConfiguration


class Certificates:
    """The files' newest usable state; asked at every connection, read again when they change."""

    def __init__(self, files: CertificateFiles) -> None:
        """Read them.

        Raises:
            CertificateError: they are not usable.
        """
        self._files = files
        self._watch = WatchedFiles(files.paths)
        self._lock = threading.Lock()
        self._loaded = _load(files)
        self._given_to_grpc = self._loaded

    @property
    def context(self) -> ssl.SSLContext:
        """For HTTP: a context whose connections are each made with the newest state."""
        return _NewestContext(self)

    @property
    def newest(self) -> ssl.SSLContext:
        """For one connection."""
        self._refresh()
        return self._loaded.context

    def grpc_credentials(self) -> grpc.ServerCredentials:
        """For gRPC, which asks for another state at every connection."""
        return grpc.dynamic_ssl_server_credentials(
            self._loaded.configuration, self._fetch, require_client_authentication=self._files.client_ca is not None
        )

    def reload(self) -> None:
        """Read the files again, now; where they are not usable, the log says why, and the state before stays."""
        try:
            loaded = _load(self._files)
        except CertificateError as error:
            logger.error("%s; the certificates before stay", error)  # noqa: TRY400 - it is no fault of the program
            return
        with self._lock:
            self._loaded = loaded
        logger.info("the certificates were read again")

    def _refresh(self) -> None:
        if self._watch.changed():
            self.reload()

    def _fetch(self) -> grpc.ServerCertificateConfiguration | None:
        """The newest state, where gRPC has another."""
        self._refresh()
        with self._lock:
            if self._given_to_grpc is self._loaded:
                return None
            self._given_to_grpc = self._loaded
            return self._loaded.configuration


class _NewestContext(ssl.SSLContext):
    """Stands for the newest of several contexts.

    Loading other files into a context that is in use adds client authorities and never takes one away, and leaves tickets valid that
    were given under the old ones.
    """

    _certificates: Certificates

    def __new__(cls, certificates: Certificates) -> _NewestContext:  # noqa: PYI034 - Self would be that of SSLContext
        self = super().__new__(cls, ssl.PROTOCOL_TLS_SERVER)
        self._certificates = certificates
        return self

    def wrap_bio(self, *arguments: Any, **named: Any) -> ssl.SSLObject:
        """What servers on an event loop make of a connection."""
        return self._certificates.newest.wrap_bio(*arguments, **named)


def _load(files: CertificateFiles) -> _Loaded:
    """One consistent state: files that are replaced while they are read are read again."""
    for _ in range(_READS):
        before = _contents(files)
        context = _context(files)
        if before == _contents(files):
            break
    configuration = grpc.ssl_server_certificate_configuration([(before[1], before[0])], before[2] if len(before) > 2 else None)
    return _Loaded(context, configuration)


def _contents(files: CertificateFiles) -> list[bytes]:
    contents = []
    for path in files.paths:
        try:
            contents.append(path.read_bytes())
        except OSError as error:
            raise CertificateError(f"{path}: the file cannot be read: {error.strerror}") from None
    return contents


def _context(files: CertificateFiles) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    try:
        context.load_cert_chain(files.cert, files.key, password=_no_passphrase)
    except ssl.SSLError as error:
        raise CertificateError(_not_usable(files, error)) from None
    except OSError as error:  # gone since it was read
        raise CertificateError(f"{files.cert}, {files.key}: cannot be read: {error.strerror}") from None
    if files.client_ca is not None:
        try:
            context.load_verify_locations(files.client_ca)
        except ssl.SSLError:
            raise CertificateError(f"{files.client_ca}: expected PEM certificates of the authorities that clients' are signed by") from None
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def _no_passphrase() -> bytes:
    """What OpenSSL hears instead of asking whoever sits at the terminal."""
    return b""


def _not_usable(files: CertificateFiles, error: ssl.SSLError) -> str:
    if error.reason == "KEY_VALUES_MISMATCH":
        return f"{files.key}: this is not the private key of the certificate {files.cert}"
    return f"{files.cert}, {files.key}: expected a PEM certificate and its private key without passphrase ({error.reason or 'no PEM'})"
