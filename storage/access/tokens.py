"""Bearer tokens and the file that lists them, DATA/tokens.json; `otelpond token` writes it, `Access` reads it.

A token is `otelpond_<id>_<secret>`: the id names it in lists, the secret has 256 random bits. The file holds a SHA-256 of the whole,
which is enough for what cannot be guessed; a slow hash is for passwords.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from ..durable import hand_over, make_folder, write_file
from ..locks import locked
from .rate_limits import UNLIMITED, Rate
from .tenants import check_tenant

FILE_NAME: Final = "tokens.json"
_LOCK: Final = ".tokens.lock"
_PREFIX: Final = "otelpond"
_VERSION: Final = 1


class Role(StrEnum):
    """What the bearer of a token may do."""

    INGEST = "ingest"
    VIEWER = "viewer"
    ANALYST = "analyst"
    ADMIN = "admin"


class TokensError(Exception):
    """The list of tokens cannot be read, or does not allow what is asked; the text names the file or token, and what to do."""


@dataclass(frozen=True, slots=True)
class Token:
    """What is kept of a token.

    Attributes:
        id: names it; no secret.
        sha256: of the whole token, 64 hex digits.
        tenant: whose rows its payloads become.
        role: what its bearer may do.
        created_at, expires_at, revoked_at: in UTC, ISO 8601; None is never.
        items_per_s, bytes_per_s: how much may be sent with it; None is no limit.
        note: for people.
    """

    id: str
    sha256: str
    tenant: str
    role: Role
    created_at: str
    expires_at: str | None = None
    revoked_at: str | None = None
    items_per_s: float | None = None
    bytes_per_s: float | None = None
    note: str = ""

    @property
    def rate(self) -> Rate:
        """How much may be sent with it."""
        return Rate(self.items_per_s, self.bytes_per_s)

    def state(self, now: datetime) -> str:
        """`valid`, `expired` or `revoked`."""
        if self.revoked_at is not None:
            return "revoked"
        return "expired" if self.expires_at is not None and now >= datetime.fromisoformat(self.expires_at) else "valid"


def token_id(text: str) -> str:
    """The id that a token says; empty where it is no token of ours."""
    prefix, _, rest = text.partition("_")
    name, _, secret = rest.partition("_")
    return name if prefix == _PREFIX and secret else ""


def digest(text: str) -> str:
    """What is kept in place of a token."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def create(
    data: Path, tenant: str, role: Role, *, expires_at: datetime | None = None, rate: Rate = UNLIMITED, note: str = ""
) -> tuple[str, Token]:
    """Make a token and list it.

    Returns:
        the token itself, which is nowhere kept, and what is.

    Raises:
        TenantError: the tenant's name is not usable.
        TokensError: the list cannot be read.
    """
    name = secrets.token_hex(6)
    text = f"{_PREFIX}_{name}_{secrets.token_urlsafe(32)}"
    made = Token(
        id=name,
        sha256=digest(text),
        tenant=check_tenant(tenant),
        role=role,
        created_at=_iso(datetime.now(UTC)),
        expires_at=None if expires_at is None else _iso(expires_at),
        items_per_s=rate.items_per_s,
        bytes_per_s=rate.bytes_per_s,
        note=note,
    )
    make_folder(data)
    with locked(data / _LOCK):
        _write(data, [*(read(data) or ()), made])
    return text, made


def revoke(data: Path, name: str) -> Token:
    """Have a token refused from now on; it stays in the list.

    Raises:
        TokensError: there is no token of that id, or the list cannot be read.
    """
    return _changed(data, name, revoked_at=_iso(datetime.now(UTC)))


def limit(data: Path, name: str, rate: Rate) -> Token:
    """Agree on another rate with a token.

    Raises:
        TokensError: there is no token of that id, or the list cannot be read.
    """
    return _changed(data, name, items_per_s=rate.items_per_s, bytes_per_s=rate.bytes_per_s)


def read(data: Path) -> tuple[Token, ...] | None:
    """The tokens of a pond, oldest first; None where none was ever made.

    Raises:
        TokensError: the list cannot be read.
    """
    path = data / FILE_NAME
    try:
        content = json.loads(path.read_bytes())
        if content["version"] != _VERSION:
            raise TokensError(f"{path}: version {content['version']!r} is of another otelpond; this one reads {_VERSION}")
        return tuple(_token(entry) for entry in content["tokens"])
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise TokensError(f"{path}: the list of tokens cannot be read: {error.strerror}") from None
    except (ValueError, KeyError, TypeError) as error:
        raise TokensError(f"{path}: this is no list of tokens ({_reason(error)}); restore it from a backup") from None


def _changed(data: Path, name: str, **changes: Any) -> Token:
    with locked(data / _LOCK):
        tokens = read(data) or ()
        changed = {token.id: replace(token, **changes) for token in tokens if token.id == name}
        if not changed:
            raise TokensError(f"{name}: no such token; `otelpond token list` shows their ids")
        _write(data, [changed.get(token.id, token) for token in tokens])
    return changed[name]


def _write(data: Path, tokens: Sequence[Token]) -> None:
    path = data / FILE_NAME
    content = {"version": _VERSION, "tokens": [asdict(token) for token in tokens]}
    write_file(path, json.dumps(content, indent=1).encode(), mode=0o600)
    for made in (path, data / _LOCK):
        hand_over(made, data)


def _token(entry: dict[str, Any]) -> Token:
    token = Token(**entry | {"role": Role(entry["role"])})
    check_tenant(token.tenant)
    if token.expires_at is not None and datetime.fromisoformat(token.expires_at).tzinfo is None:
        raise ValueError(f"expires_at {token.expires_at!r} has no time zone")
    return token


def _reason(error: Exception) -> str:
    return f"no {error}" if isinstance(error, KeyError) else str(error)


def _iso(instant: datetime) -> str:
    return instant.astimezone(UTC).isoformat(timespec="seconds")
