"""What the handlers of HTTP requests share once they have understood one: whose it is, and how it gets to the disk."""

from __future__ import annotations

from dataclasses import dataclass, field

from starlette.types import Scope

from ..storage.access import Caller
from ..storage.signals import Inspection, Signal, Sink
from .authentication import Authentication
from .counting import Counted
from .event_loop import Durable
from .request_body import header


@dataclass(frozen=True, slots=True)
class Storing:
    """Stores payloads in the name of those who send them.

    Attributes:
        sink: where payloads go.
        authentication: who may send.
    """

    sink: Sink
    authentication: Authentication
    _durable: Durable = field(default_factory=Durable)

    def caller(self, scope: Scope) -> Caller:
        """Who sends a request.

        Raises:
            UnauthenticatedError, ForbiddenError, LimitedError: nobody who may.
        """
        return self.authentication.caller(header(scope, b"authorization"), scope["query_string"])

    async def __call__(self, scope: Scope, signal: Signal, payload: bytes, inspection: Inspection, counted: Counted) -> None:
        """Store a payload, and wait until it is durable.

        Raises:
            UnavailableError: it cannot be stored now.
            UnauthenticatedError, ForbiddenError, LimitedError: as `caller`, asked again: a body may come long after its head.
        """
        caller = self.caller(scope)
        counted.stored = stored = self.sink.append(caller.tenant, signal, payload, inspection)
        self.authentication.spend(caller, inspection.items, len(payload), stored)
        await self._durable(stored)
