"""One pond's alerts at work: evaluated, told to channels by couriers, and published as rows of `alerts`; the alerts' process holds them."""

from __future__ import annotations

import logging
import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Final

import duckdb

from ...exporters.destination import Refused, TryLater
from ...exporters.notifications.channels import channel
from ...exporters.notifications.courier import Courier
from ...exporters.notifications.notification import Attempt
from ...exporters.notifications.outbox import Outbox
from ...exporters.notifications.target import Target
from ...storage.access.tenants import pond_folder
from ...storage.alerts.alert import Alert
from ...storage.alerts.dispatches import Dispatches, Plan
from ...storage.alerts.evaluator import Evaluator
from ...storage.alerts.rules import Rule
from ...storage.alerts.state_file import StateFile
from ...storage.alerts.table import PublishError, publish_apart
from ...storage.log_lines import fault
from ..settings import Settings
from .alerting import notification

logger = logging.getLogger(__name__)
_PUBLISH_S: Final = 30.0
"""Between two publishes of rows: each takes a second of CPU time in a process of its own."""
_AFTER_FAILURE_S: Final = 5.0
_STOP_S: Final = 3.0
_BY_NUMBER: Final = "told by number only"
_FAULTS: Final = (duckdb.Error, sqlite3.Error, OSError)


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
        now = datetime.now(UTC)
        self._couriers = {
            target.name: Courier(
                channel(target),
                Outbox(
                    target.name,
                    target.limits,
                    sent_at=self._dispatches.sent(target.name, now),
                    beyond=self._dispatches.beyond(target.name),
                ),
                self._settled,
            )
            for target in targets
        }
        self._publish_at = self._evaluate_at = time.monotonic()

    def start(self) -> None:
        """Begin to tell what channels were not told yet."""
        for name, courier in self._couriers.items():
            courier.start()
            self._hand_over(name, self._dispatches.undelivered(name))

    def tend(self) -> None:
        """Evaluate where the pond was published, and publish rows; to be called twice a second."""
        if time.monotonic() >= self._evaluate_at and self._evaluator.due(datetime.now(UTC)):
            self._evaluate()
        if time.monotonic() >= self._publish_at and self._dispatches.unpublished():
            self._publish()

    def end(self) -> None:
        """Evaluate and publish a last time, and stop telling."""
        for courier in self._couriers.values():
            courier.stop(_STOP_S / len(self._couriers))
        self._evaluate()
        if self._dispatches.unpublished():
            self._publish()
        self._file.close()

    def progress(self) -> dict[str, Any]:
        """What became of alerts since the process started: number by rule and status; and how many wait for each channel."""
        alerts = sorted([rule, status, number] for (rule, status), number in self._dispatches.counts.items())
        waiting = self._dispatches.waiting()
        return {"alerts": alerts, "waiting": {name: waiting.get(name, 0) for name in self._couriers}}

    def _evaluate(self) -> None:
        try:
            fired = self._evaluator.evaluate(datetime.now(UTC))
        except _FAULTS as failure:
            logger.warning("the alert rules of tenant %s cannot be evaluated, trying again: %s", self._tenant, fault(failure))
            self._evaluate_at = time.monotonic() + _AFTER_FAILURE_S
            return
        for name in self._couriers:
            self._hand_over(name, [each.alert for each in fired if name in each.rule.notify])

    def _hand_over(self, name: str, alerts: Sequence[Alert]) -> None:
        surplus = self._couriers[name].add(notification(alert) for alert in alerts)
        if surplus:
            with self._file.transaction():
                self._dispatches.settle(name, [each.alert_id for each in surplus], status="suppressed", attempt=0, error=_BY_NUMBER)
                self._dispatches.count_beyond(name, Counter(each.rule for each in surplus))

    def _settled(self, attempt: Attempt) -> None:
        """Note what came of an attempt, before the courier makes another; from its thread."""
        name, outcome, message = attempt.channel, attempt.outcome, attempt.message
        told, by_number = ([each.alert_id for each in part] for part in (message.notifications, message.summarised))
        if isinstance(outcome, TryLater):
            if attempt.number & (attempt.number - 1) == 0:  # a channel that is down for a day makes 300 attempts
                self._dispatches.attempted(name, told, status="failed", attempt=attempt.number, error=outcome.reason)
            return
        with self._file.transaction():
            if isinstance(outcome, Refused):
                self._dispatches.settle(name, [*told, *by_number], status="failed", attempt=attempt.number, error=outcome.reason)
            else:
                self._dispatches.settle(name, told, status="sent", attempt=attempt.number, error=outcome.remark or None)
                self._dispatches.settle(name, by_number, status="suppressed", attempt=attempt.number, error=_BY_NUMBER)
                self._dispatches.note_sent(name, attempt.at)
            self._dispatches.count_beyond(name, {rule: -number for rule, number in message.beyond.items()})

    def _publish(self) -> None:
        try:
            while (plan := self._dispatches.next_plan()) is not None:
                self._publish_plan(plan)
                self._dispatches.finish_plan(plan.number)
        except (*_FAULTS, PublishError) as failure:
            logger.warning("the table alerts of tenant %s cannot be written, trying again: %s", self._tenant, fault(failure))
        self._publish_at = time.monotonic() + _PUBLISH_S
