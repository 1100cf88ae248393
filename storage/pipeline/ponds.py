"""Gives the ponds of one process their turns, so that none waits longer than a batch of each other; the pipeline's process runs it.

A pond with work has a turn in every round, one batch long, however much waits for another. One at rest is asked less and less often,
down to twice a second. One that fails waits by itself.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

from .control import Turns

logger = logging.getLogger(__name__)

_LOOK_S = 0.5
"""How often new ponds are looked for."""
_LONGEST_REST_S = 0.5
_REST_GROWTH = 1.3


class PondsControl(Protocol):
    """Who tells all ponds together what to do."""

    def wait(self, timeout_s: float) -> None:
        """Sleep, or wake earlier because something was asked."""
        ...

    def stopping(self) -> bool:
        """Whether every pond should publish what it has and return."""
        ...

    def woken(self) -> Iterable[str]:
        """The tenants for whose ponds something was asked since the last time."""
        ...


@dataclass(slots=True)
class _Pond:
    turns: Turns
    due: float = 0.0
    busy: bool = False
    idle_turns: int = 0


class Ponds:
    """The ponds of all tenants.

    Args:
        tenants: gives the names of those that there are.
        turns: opens a tenant's pond; the opening is the first turn.
    """

    def __init__(self, tenants: Callable[[], Iterable[str]], turns: Callable[[str], Turns]) -> None:
        self._tenants = tenants
        self._open = turns
        self._ponds: dict[str, _Pond] = {}
        self._look_due = 0.0

    def alone(self, tenant: str) -> bool:
        """Whether no other tenant's pond has work."""
        return not any(pond.busy for name, pond in self._ponds.items() if name != tenant)

    def run(self, control: PondsControl) -> None:
        """Work until told to stop, and then until every pond has returned."""
        stopping = False
        while True:
            if not stopping:
                stopping = control.stopping()
                self._look(last=stopping)
                self._wake(control.woken())
            if stopping:
                self._wake(self._ponds)  # nobody waits for anything any more
            for tenant, pond in self._due():
                self._take_turn(tenant, pond)
            if stopping and not self._ponds:
                return
            control.wait(max(0.0, self._next_due() - time.monotonic()))

    def _look(self, *, last: bool) -> None:
        """Find the ponds that are new; one a round, as making one takes a second; at last all of them."""
        if not last and time.monotonic() < self._look_due:
            return
        found = [tenant for tenant in self._tenants() if tenant not in self._ponds]
        for tenant in found if last else found[:1]:
            self._ponds[tenant] = _Pond(self._open(tenant))
        self._look_due = time.monotonic() + _LOOK_S if len(found) <= 1 else 0.0

    def _wake(self, tenants: Iterable[str]) -> None:
        for tenant in tenants:
            if tenant not in self._ponds and tenant in self._tenants():  # asked for as soon as it was made
                self._ponds[tenant] = _Pond(self._open(tenant))
            if tenant in self._ponds:
                self._ponds[tenant].due = 0.0

    def _due(self) -> Iterator[tuple[str, _Pond]]:
        """Those whose turn it is, in one round."""
        for tenant, pond in list(self._ponds.items()):
            if pond.due <= time.monotonic():
                yield tenant, pond

    def _next_due(self) -> float:
        return min([self._look_due, *(pond.due for pond in self._ponds.values())])

    def _take_turn(self, tenant: str, pond: _Pond) -> None:
        try:
            pause_s = next(pond.turns)
        except StopIteration:
            del self._ponds[tenant]
            return
        pond.busy = pause_s == 0.0
        pond.idle_turns = 0 if pond.busy else pond.idle_turns + 1
        rest_s = min(_LONGEST_REST_S, pause_s * _REST_GROWTH ** min(pond.idle_turns, 20))
        pond.due = time.monotonic() + max(pause_s, rest_s)
