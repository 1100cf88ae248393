"""Who may do what: the bearer of a token to a tenant and a role, within a rate; receivers and the admin listener ask `Access`.

As long as no token was ever made, everybody is the tenant `default` and may do everything. From the first one on nobody is let in
without; a list that is gone or broken while the collector runs changes nothing, so that no mistake opens it.
"""

from __future__ import annotations

import hmac
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from pathlib import Path
from typing import Final

from .rate_limits import Meters
from .tenants import DEFAULT_TENANT
from .tokens import FILE_NAME, Role, Token, TokensError, digest, read, token_id
from .watched_files import WatchedFiles

logger = logging.getLogger(__name__)


class Permission(Enum):
    """What a caller wants to do, and the roles that may."""

    WRITE = (Role.INGEST, Role.ADMIN)
    READ = (Role.VIEWER, Role.ANALYST, Role.ADMIN)
    PUBLISH = (Role.ANALYST, Role.ADMIN)


class UnauthenticatedError(Exception):
    """No token, or none that is valid. The text never holds it."""


class ForbiddenError(Exception):
    """The token is valid, and its role may not do this."""


class LimitedError(Exception):
    """The token has sent more than was agreed.

    Attributes:
        retry_after_s: after how many seconds it may send again.
    """

    def __init__(self, reason: str, retry_after_s: float) -> None:
        super().__init__(reason)
        self.retry_after_s = retry_after_s


@dataclass(frozen=True, slots=True)
class Caller:
    """Who sends.

    Attributes:
        tenant: whose rows the payloads become.
        role: what the caller may do.
        token_id: the token shown; empty where none was needed.
    """

    tenant: str
    role: Role
    token_id: str = ""


ANYBODY: Final = Caller(DEFAULT_TENANT, Role.ADMIN)
_NO_DIGEST: Final = digest("")


@dataclass(frozen=True, slots=True)
class _Listed:
    token: Token
    caller: Caller
    number: int
    expires_unix: float


class Access:
    """The tokens of a pond, read again when their file changes."""

    def __init__(self, data: Path, *, clock: Callable[[], float] = time.time) -> None:
        """Read them.

        Args:
            data: the pond's directory.
            clock: the time of day, for expiry.

        Raises:
            TokensError: the list cannot be read.
        """
        self._data = data
        self._clock = clock
        self._watch = WatchedFiles([data / FILE_NAME])
        self._lock = threading.Lock()
        self._meters: Meters | None = None
        self._listed: dict[str, _Listed] | None = None
        self._take(read(data))

    @property
    def required(self) -> bool:
        """Whether a token has to be shown."""
        self._refresh()
        return self._listed is not None

    @property
    def usable(self) -> bool:
        """Whether there is a token that would be let in now."""
        now = datetime.fromtimestamp(self._clock(), UTC)
        return any(listed.token.state(now) == "valid" for listed in (self._listed or {}).values())

    def authenticate(self, token: str | None, permission: Permission = Permission.WRITE) -> Caller:
        """Who shows that token, provided that they may do that.

        Raises:
            UnauthenticatedError: a token is needed, and this is none that is valid.
            ForbiddenError: its role may not.
            LimitedError: it has sent more than agreed; only for writing.
        """
        self._refresh()
        if self._listed is None:
            return ANYBODY
        if token is None:
            raise UnauthenticatedError("a token is needed: send the header `Authorization: Bearer <token>`")
        listed = self._listed.get(token_id(token))
        expected = listed.token.sha256 if listed else _NO_DIGEST
        if not hmac.compare_digest(digest(token), expected) or listed is None:
            raise UnauthenticatedError("the token is not known here")
        if listed.token.revoked_at is not None:
            raise UnauthenticatedError(f"the token {listed.token.id} was revoked")
        if self._clock() >= listed.expires_unix:
            raise UnauthenticatedError(f"the token {listed.token.id} has expired")
        if listed.caller.role not in permission.value:
            roles = " or ".join(permission.value)
            raise ForbiddenError(f"the token {listed.token.id} has the role {listed.caller.role}; this needs {roles}")
        if permission is Permission.WRITE and self._meters is not None and listed.token.rate.limited:
            _let_in(listed.token, self._meters.wait_s(listed.number))
        return listed.caller

    def spend(self, caller: Caller, items: int, size: int) -> None:
        """Count a request of so many items and bytes (of protobuf, uncompressed) that was stored; what failed costs nothing."""
        listed = (self._listed or {}).get(caller.token_id)
        if listed is not None and self._meters is not None and listed.token.rate.limited:
            self._meters.charge(listed.number, listed.token.rate, items, size)

    def reload(self) -> None:
        """Read the list again, now; where that fails, the log says why, and those known so far stay."""
        try:
            tokens = read(self._data)
        except TokensError as error:
            logger.error("%s; the tokens known so far stay", error)  # noqa: TRY400 - it is no fault of the program
            return
        if tokens is None and self._listed is not None:
            logger.error("%s: the list of tokens is gone; the tokens known so far stay", self._data / FILE_NAME)
        else:
            self._take(tokens)

    def _refresh(self) -> None:
        if self._watch.changed():
            self.reload()

    def _take(self, tokens: tuple[Token, ...] | None) -> None:
        with self._lock:
            if tokens is not None and self._meters is None and any(token.rate.limited for token in tokens):
                self._meters = Meters(self._data / "limits")
            self._listed = None if tokens is None else {token.id: _listed(token, number) for number, token in enumerate(tokens)}


def _listed(token: Token, number: int) -> _Listed:
    expires = float("inf") if token.expires_at is None else datetime.fromisoformat(token.expires_at).timestamp()
    return _Listed(token, Caller(token.tenant, token.role, token.id), number, expires)


def _let_in(token: Token, wait_s: float) -> None:
    if wait_s:
        raise LimitedError(f"the token {token.id} may send {token.rate}; wait {wait_s:.1f} s", wait_s)
