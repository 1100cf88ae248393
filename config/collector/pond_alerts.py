"""One pond's alerts at work: evaluated, told to channels by couriers, and published as rows of `alerts`; the alerts' process holds them."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Final

from ...exporters.notifications.target import Target
from ...storage.access.tenants import pond_folder
from ...storage.alerts.dispatches import Dispatches, Plan
from ...storage.alerts.evaluator import Evaluator
from ...storage.alerts.rules import Rule
from ...storage.alerts.state_file import StateFile
from ...storage.alerts.table import publish_apart
from ...storage.log_lines import fault
from ..settings import Settings
from .telling import Telling

logger = logging.getLogger(__name__)
_PUBLISH_S: Final = 30.0
"""Between two publishes of rows: each takes a second of CPU time in a process of its own."""
_AFTER_FAILURE_S: Final = 5.0
_ONE_PUBLISHES: Final = threading.Lock()
"""Over all ponds of the process: the libraries of the lake take 170 MB in each process that publishes."""


class PondAlerts:
    """The alerts of one tenant's pond.

    Args:
        targets: all channels.
        started: when the collector was.
        publish: publishes a plan of rows; in a process of its own unless given.

    Raises:
        StateError: a newer release wrote the pond's state.
    """

    def __init__(
        self,
        settings: Settings,
        tenant: str,
        rules: Sequence[Rule],
        targets: Sequence[Target],
        started: datetime,
        *,
        publish: Callable[[Plan], None] | None = None,
    ) -> None:
        self._tenant = tenant
        data = pond_folder(Path(settings.data).absolute(), tenant)
        tables, events = [folder.absolute() for folder in settings.tables], [folder.absolute() for folder in settings.events_folders]
        self._publish_plan: Callable[[Plan], None] = publish or partial(publish_apart, data, tables, events)
        self._file = StateFile(data)
        self._dispatches = Dispatches(self._file, tenant)
        self._evaluator = Evaluator(data, rules, self._file, self._dispatches, started=started)
        self._dispatches.drop_channels(target.name for target in targets)
        told = {name for rule in rules for name in rule.notify} | self._dispatches.waiting().keys()
        self._telling = Telling(self._file, self._dispatches, [target for target in targets if target.name in told])
        self._publishing: threading.Thread | None = None
        self._publish_at = self._evaluate_at = time.monotonic()

    def start(self) -> None:
        """Begin to tell what channels were not told yet."""
        self._telling.start()

    def tend(self) -> None:
        """Evaluate where the pond was published, and begin to publish rows; to be called twice a second."""
        if time.monotonic() >= self._evaluate_at and self._evaluator.due(datetime.now(UTC)):
            self.evaluate()
        publishes = self._publishing is not None and self._publishing.is_alive()
        if not publishes and time.monotonic() >= self._publish_at and self._dispatches.unpublished():
            self._publishing = threading.Thread(target=self._publish, name="publish", daemon=True)
            self._publishing.start()
        self._telling.note()

    def stop(self) -> None:
        """Tell of nothing more than what is being told."""
        self._telling.stop()

    def end(self, deadline: float) -> None:
        """Wait until that moment of `time.monotonic` for what is being told, publish a last time, and let go of the state.

        The state stays open where somebody has not answered by then: the answer may come before the process ends.
        """
        ended = self._telling.join(deadline)
        if self._dispatches.unpublished():
            self._publish()
        if ended:
            self._file.close()

    def progress(self) -> dict[str, Any]:
        """What became of alerts since the process started: number by rule and status; and how many wait for each channel."""
        counts = dict(self._dispatches.counts)  # couriers go on counting
        waiting = self._dispatches.waiting()
        return {
            "alerts": sorted([rule, status, number] for (rule, status), number in counts.items()),
            "waiting": {name: waiting.get(name, 0) for name in self._telling.channels},
        }

    def evaluate(self) -> None:
        """Evaluate the rules, and have channels told of what they find."""
        try:
            fired = self._evaluator.evaluate(datetime.now(UTC))
        except Exception as failure:  # noqa: BLE001 - such as a value that no rule expects; what waits is told all the same
            logger.warning("the alert rules of tenant %s cannot be evaluated, trying again: %s", self._tenant, fault(failure))
            self._evaluate_at = time.monotonic() + _AFTER_FAILURE_S
            return
        for name in self._telling.channels:
            self._telling.count(name, {rule: number for (channel, rule), number in self._evaluator.beyond.items() if channel == name})
            self._telling.hand_over(name, [each.alert for each in fired if name in each.rule.notify])

    def _publish(self) -> None:
        try:
            with _ONE_PUBLISHES:
                while (plan := self._dispatches.next_plan()) is not None:
                    self._publish_plan(plan)
                    self._dispatches.finish_plan(plan.number)
        except Exception as failure:  # noqa: BLE001 - nothing is lost, and the thread is to try again
            logger.warning("the table alerts of tenant %s cannot be written, trying again: %s", self._tenant, fault(failure))
        self._publish_at = time.monotonic() + _PUBLISH_S
