"""One tenant's alerts in a process that it shares with others: what fails is logged and tried again, and costs no other tenant anything."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any, Final

from ...storage.log_lines import fault
from .pond_alerts import PondAlerts

logger = logging.getLogger(__name__)
_AFTER_FAILURE_S: Final = 5.0
_LONGEST_PAUSE_S: Final = 300.0


class GuardedPond:
    """Calls of one pond's alerts, none of which raises.

    Args:
        tenant: whose they are.
        begin: makes them; called until it succeeds.
    """

    def __init__(self, tenant: str, begin: Callable[[], PondAlerts]) -> None:
        self._tenant, self._begin = tenant, begin
        self._pond: PondAlerts | None = None
        self._progress: dict[str, Any] = {"alerts": [], "waiting": {}}
        self._failures = 0
        self._at = time.monotonic()

    def tend(self) -> None:
        """See `PondAlerts.tend`; begins them first, and pauses after a failure."""
        if time.monotonic() >= self._at:
            self._try(self._tend)

    def stop(self) -> None:
        """See `PondAlerts.stop`."""
        if self._pond is not None:
            self._try(self._pond.stop)

    def evaluate(self) -> None:
        """See `PondAlerts.evaluate`."""
        if self._pond is not None:
            self._try(self._pond.evaluate)

    def end(self, deadline: float) -> None:
        """See `PondAlerts.end`."""
        pond = self._pond
        if pond is not None:
            self._try(lambda: pond.end(deadline))

    def progress(self) -> dict[str, Any]:
        """See `PondAlerts.progress`; what it was last where that cannot be read."""
        if time.monotonic() >= self._at:
            self._try(self._note_progress)
        return self._progress

    def _tend(self) -> None:
        if self._pond is None:
            pond = self._begin()
            pond.start()
            self._pond = pond
        self._pond.tend()
        self._failures = 0

    def _note_progress(self) -> None:
        if self._pond is not None:
            self._progress = self._pond.progress()

    def _try(self, call: Callable[[], None]) -> None:
        try:
            call()
        except Exception as failure:  # noqa: BLE001 - whatever it is: other tenants' alerts depend on this process
            self._failures += 1
            pause_s = min(_AFTER_FAILURE_S * 2.0 ** min(self._failures - 1, 10), _LONGEST_PAUSE_S)
            self._at = time.monotonic() + pause_s
            logger.warning("the alerts of tenant %s failed, trying again in %.0f s: %s", self._tenant, pause_s, fault(failure))
