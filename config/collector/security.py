"""Who gets in, and how: the pond's tokens, the certificates and the admin listener's guard, opened as the settings say; all reloadable."""

from __future__ import annotations

import hmac
import secrets
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Final
from urllib.parse import parse_qs

import grpc
from starlette.types import ASGIApp, Receive, Scope, Send

from ...receivers.authentication import Authentication, bearer
from ...receivers.http_answers import refusal_answer
from ...receivers.refusals import refusal_of
from ...receivers.tls import CertificateFiles, Certificates
from ...storage.access import Access, ForbiddenError, Permission
from ...storage.access.tenants import DEFAULT_TENANT
from ...storage.durable import write_file
from ..settings import Settings

ADMIN_KEY: Final = "admin.key"
"""The file in the pond with which other commands of its owner (`otelpond sql`) show the admin listener that they are that."""

BRIEF: Final = "otelpond.brief"
"""What a scope holds where a probe is answered to somebody who may not read: yes or no, and nothing of rows and tenants."""

_PROBES: Final = ("/healthz", "/readyz")


class Security:
    """What the listeners are handed.

    Attributes:
        access: the pond's tokens.
        authentication: the same, for the receivers.
    """

    def __init__(self, settings: Settings) -> None:
        """Open it.

        Raises:
            TokensError: the list of tokens cannot be read.
            CertificateError: a certificate or key is not usable.
        """
        self._data = settings.data.absolute()
        self._admin_is_wide = "admin" in settings.wide_addresses
        self.access = Access(self._data)
        self.authentication = Authentication(self.access, token_in_query=settings.token_in_query)
        files = certificate_files(settings)
        self._certificates = None if files is None else Certificates(files)
        self._admin_certificates = Certificates(replace(files, client_ca=None)) if files is not None and self._admin_is_wide else None

    @property
    def grpc_credentials(self) -> grpc.ServerCredentials | None:
        """For OTLP/gRPC; None is plain text."""
        return self._certificates.grpc_credentials() if self._certificates else None

    @property
    def http_context(self) -> ssl.SSLContext | None:
        """For OTLP/HTTP; None is plain text."""
        return self._certificates.context if self._certificates else None

    @property
    def admin_context(self) -> ssl.SSLContext | None:
        """For the admin listener, which asks for no client certificates; plain text where only this machine reaches it."""
        return self._admin_certificates.context if self._admin_certificates else None

    def reload(self) -> None:
        """Read tokens, rates and certificates again, now."""
        self.access.reload()
        for certificates in filter(None, (self._certificates, self._admin_certificates)):
            certificates.reload()

    @contextmanager
    def guarded(self, app: ASGIApp) -> Iterator[ASGIApp]:
        """The admin listener's application, guarded where others than this machine reach it."""
        if not self._admin_is_wide:
            yield app
            return
        path, key = self._data / ADMIN_KEY, secrets.token_urlsafe(32)
        write_file(path, key.encode(), mode=0o600)
        try:
            yield AdminGuard(app, self.access, key)
        finally:
            path.unlink(missing_ok=True)


class AdminGuard:
    """Asks for a token: to read the roles viewer, analyst, admin, to act analyst and admin. Probes without one are answered briefly.

    The figures are of the whole collector: they are for tokens of the tenant `default`. Any other tenant may have its own pond published.
    """

    def __init__(self, app: ASGIApp, access: Access, key: str) -> None:
        self._app = app
        self._access = access
        self._key = key.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, as ASGI."""
        if scope["type"] == "http":
            try:
                self._let_in(scope)
            except Exception as error:  # noqa: BLE001  every error becomes an answer, sorted in one place
                if scope["path"] not in _PROBES:
                    await refusal_answer(refusal_of(error)).send(send)
                    return
                scope = {**scope, BRIEF: True}
        await self._app(scope, receive, send)

    def _let_in(self, scope: Scope) -> None:
        fields = [value.decode("latin-1") for name, value in scope["headers"] if name == b"authorization"]
        token = bearer(", ".join(fields))
        if token is not None and hmac.compare_digest(token.encode(), self._key):
            return
        permission = Permission.READ if scope["method"] in ("GET", "HEAD") else Permission.PUBLISH
        tenant = self._access.authenticate(token, permission).tenant
        if tenant != DEFAULT_TENANT and (
            permission is Permission.READ or parse_qs(scope["query_string"]) != {b"tenant": [tenant.encode()]}
        ):
            raise ForbiddenError(f"a token of the tenant {tenant} may ask for nothing here but POST /publish?tenant={tenant}")


def certificate_files(settings: Settings) -> CertificateFiles | None:
    """The files that the settings name."""
    if settings.tls_cert is None or settings.tls_key is None:
        return None
    return CertificateFiles(settings.tls_cert, settings.tls_key, settings.tls_client_ca)
