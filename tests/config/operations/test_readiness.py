"""Ready means that it can really accept; each reason against it is said."""

from __future__ import annotations

import pytest
from otelpond.config.operations.readiness import reasons
from otelpond.config.operations.receiver_report import ReceiverReport
from otelpond.storage.inbox.log import InboxState


def _report(*, unread: int = 0, problem: str = "", tenant: str = "default") -> ReceiverReport:
    return ReceiverReport([], {tenant: InboxState(unread, unread, 0, 0, problem)})


@pytest.mark.parametrize(
    ("report", "pipeline_up", "stopping", "expected"),
    [
        (_report(), True, False, []),
        (_report(unread=50), False, False, []),
        (_report(unread=500), True, False, []),
        (_report(unread=500), False, False, ["the pipeline does not run, and 500 bytes wait for it"]),
        (_report(problem="the inbox cannot be written: full"), True, False, ["the inbox cannot be written: full"]),
        (_report(problem="full", tenant="acme"), True, False, ["tenant acme: full"]),
        (_report(), True, True, ["the collector is stopping"]),
    ],
    ids=["well", "pipeline starts", "busy", "pipeline gone and much waits", "disk", "of a tenant", "stopping"],
)
def test_ready_unless_there_is_a_reason(report: ReceiverReport, pipeline_up: bool, stopping: bool, expected: list[str]) -> None:
    """The pipeline may be away for as long as little waits."""
    assert expected == reasons([report], stopping=stopping, pipeline_up=pipeline_up, soft_bytes=100)


def test_a_pond_that_stands_still_counts_when_much_waits_for_it() -> None:
    """Its trouble is the reason."""
    found = reasons([_report(unread=500)], stopping=False, pipeline_up=True, soft_bytes=100, troubles={"default": "the disk is full"})
    assert ["the pond stands still, and 500 bytes wait: the disk is full"] == found


def test_nobody_accepts_where_no_receiver_runs() -> None:
    """With workers, all of them may be starting."""
    assert ["no receiver runs"] == reasons([], stopping=False, pipeline_up=True, soft_bytes=100)
