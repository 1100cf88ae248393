"""`otelpond token`: makes, lists, limits and revokes the bearer tokens of a pond; a running collector heeds it within a second."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from ...storage.access import Permission, tokens
from ...storage.access.rate_limits import Rate
from ...storage.access.tenants import TenantError, make_pond
from ...storage.access.tokens import Role, Token
from ..errors import CommandError
from ..sources import load

_UNITS: Final = {"h": "hours", "d": "days", "w": "weeks"}


def create(config: Path | None, options: Mapping[str, Any], *, tenant: str, role: str, expires: str | None, rate: Rate, note: str) -> None:
    """Make a token; it goes to standard output, alone and this once, and what to do with it to standard error.

    Raises:
        CommandError: the expiry or the tenant's name is not usable, or the list cannot be read.
    """
    data = load(config, options).data
    expires_at = None if expires is None else expiry(expires, datetime.now(UTC))
    first = tokens.read(data) is None
    try:
        text, token = tokens.create(data, tenant, Role(role), expires_at=expires_at, rate=rate, note=note)
    except TenantError as error:
        raise CommandError(f"--tenant: {error}", exit_code=2) from None
    make_pond(data.absolute(), tenant)
    print(text)
    until = "for ever" if token.expires_at is None else f"until {token.expires_at}"
    print(f"otelpond: token {token.id} of tenant {tenant}, role {role}, valid {until}; it is shown only now", file=sys.stderr)
    if token.role in Permission.WRITE.value:
        print("otelpond: senders: OTEL_EXPORTER_OTLP_HEADERS='authorization=Bearer%20<token>'", file=sys.stderr)
    if first:
        print(f"otelpond: this is the first token of {data}: from now on nobody sends without one", file=sys.stderr)


def listing(config: Path | None, options: Mapping[str, Any], form: str) -> None:
    """Print every token ever made, without what would let anybody in.

    Raises:
        CommandError: the list cannot be read.
    """
    now = datetime.now(UTC)
    found = tokens.read(load(config, options).data) or ()
    if form == "json":
        print(json.dumps([_described(token, now) for token in found], indent=2))
        return
    grid = Table(box=None, pad_edge=False, header_style="bold")
    for header in ("id", "tenant", "role", "state", "created", "expires", "items/s", "bytes/s", "note"):
        grid.add_column(header, justify="right" if header.endswith("/s") else "left")
    for token in found:
        shown = _described(token, now)
        grid.add_row(*("" if value is None else f"{value:g}" if isinstance(value, float) else str(value) for value in shown.values()))
    Console(file=sys.stdout, highlight=False, markup=False, width=None if sys.stdout.isatty() else 200).print(grid)


def revoke(config: Path | None, options: Mapping[str, Any], name: str) -> None:
    """Have a token refused from now on.

    Raises:
        CommandError: there is no such token, or the list cannot be read.
    """
    token = tokens.revoke(load(config, options).data, name)
    print(f"token {token.id} of tenant {token.tenant} is revoked")


def limit(config: Path | None, options: Mapping[str, Any], name: str, rate: Rate) -> None:
    """Agree on another rate with a token.

    Raises:
        CommandError: there is no such token, or the list cannot be read.
    """
    token = tokens.limit(load(config, options).data, name, rate)
    print(f"token {token.id} of tenant {token.tenant} may send {token.rate}")


def expiry(text: str, now: datetime, option: str = "--expires") -> datetime:
    """The instant that a number of hours, days or weeks, or an ISO date, means.

    Raises:
        CommandError: it is none of these, or lies in the past.
    """
    if span := re.fullmatch(r"(\d{1,5})([hdw])", text):
        return now + timedelta(**{_UNITS[span[2]]: int(span[1])})
    try:
        given = datetime.fromisoformat(text)
    except ValueError:
        raise CommandError(f"{option} {text}: expected such as 12h, 90d, 52w, 2027-01-31 or 2027-01-31T12:00Z", exit_code=2) from None
    instant = given if given.tzinfo else given.replace(tzinfo=UTC)
    if instant <= now:
        raise CommandError(f"{option} {text}: this is in the past", exit_code=2)
    return instant


def _described(token: Token, now: datetime) -> dict[str, Any]:
    return {
        "id": token.id,
        "tenant": token.tenant,
        "role": token.role.value,
        "state": token.state(now),
        "created_at": token.created_at,
        "expires_at": token.expires_at,
        "items_per_s": token.items_per_s,
        "bytes_per_s": token.bytes_per_s,
        "note": token.note or None,
    }
