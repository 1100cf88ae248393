"""Whose request this is: finds the token in a request's fields and asks the pond's `Access`, before anything of the body is read."""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from typing import Final
from urllib.parse import parse_qs

from ..storage.access import ANYBODY, Access, Caller, ForbiddenError
from ..storage.access.tokens import Role

QUERY_FIELD: Final = "token"
"""The name under which a query carries a token, where that is allowed."""


@dataclass(frozen=True, slots=True)
class Authentication:
    """What the receivers are handed.

    Attributes:
        access: the tokens; without it everybody is the default tenant.
        token_in_query: whether a token may also stand in the query of a URL, as browsers' beacons, which set no headers, need it.
    """

    access: Access | None = None
    token_in_query: bool = False

    def caller(self, authorization: str, query: bytes = b"") -> Caller:
        """Who sends a request with that Authorization field and that query.

        Raises:
            UnauthenticatedError, LimitedError: as `Access.authenticate`.
            ForbiddenError: as there; or a query holds a token that may do more than send.
        """
        if self.access is None:
            return ANYBODY
        token = bearer(authorization)
        if token is not None or not self.token_in_query:
            return self.access.authenticate(token)
        caller = self.access.authenticate(_in_query(query))
        if caller.token_id and caller.role is not Role.INGEST:
            raise ForbiddenError("only a token of the role ingest may stand in a URL, which ends up in histories and logs")
        return caller

    def spend(self, caller: Caller, items: int, size: int, stored: Future[None]) -> None:
        """Count for a caller what the inbox stores, once it has; whoever sent it may have gone away by then."""
        if self.access is not None:
            stored.add_done_callback(partial(_spend, self.access, caller, items, size))


OPEN: Final = Authentication()
"""Everybody is the default tenant."""


def _spend(access: Access, caller: Caller, items: int, size: int, stored: Future[None]) -> None:
    if stored.exception() is None:
        access.spend(caller, items, size)


def bearer(authorization: str) -> str | None:
    """The token of an Authorization field (RFC 6750); None where there is none of that scheme."""
    scheme, _, token = authorization.strip().partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None


def _in_query(query: bytes) -> str | None:
    values = parse_qs(query.decode("latin-1")).get(QUERY_FIELD)
    return values[0] if values is not None and len(values) == 1 else None
