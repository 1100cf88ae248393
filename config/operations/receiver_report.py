"""What one receiver process says of itself: its counters, and how its inboxes do; the admin listener shows the sum over processes."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ...storage.counters import COUNTERS, Sample, summed
from ...storage.inbox.log import InboxState


@dataclass(frozen=True, slots=True)
class ReceiverReport:
    """One process's report.

    Attributes:
        counters: of the process, see `storage.counters`.
        inboxes: its inbox in each tenant's pond, by tenant.
    """

    counters: Sequence[Sample]
    inboxes: Mapping[str, InboxState]

    @staticmethod
    def of_this_process(inboxes: Mapping[str, InboxState]) -> ReceiverReport:
        """The report of the process that asks."""
        return ReceiverReport(COUNTERS.samples(), inboxes)

    def to_json(self) -> dict[str, Any]:
        """The report as plain values."""
        return dataclasses.asdict(self)

    @staticmethod
    def from_json(fields: Mapping[str, Any]) -> ReceiverReport:
        """The report of plain values."""
        counters = summed([fields["counters"]])
        return ReceiverReport(counters, {tenant: InboxState(**state) for tenant, state in fields["inboxes"].items()})
