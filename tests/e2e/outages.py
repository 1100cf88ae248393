"""Outages of a collector while official SDKs send, and what of it they may see: nothing acknowledged is missing, nothing is there twice.

A sender is a program `... PROTOCOL ADDRESS SERVICE` that sends until its input ends, and then prints for each signal the items whose
export its SDK reported as a success (`delivered`) or not (`failed`). A failed export may have been stored: its answer was lost.
"""

from __future__ import annotations

import json
import subprocess
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ATTRIBUTES = {"ratio": 0.5, "text": "grün ☃", "texts": ["a", "b"], "yes": True}
"""Of every span and log record, besides its number."""

_TRAFFIC_S = 1.5
_FULL_S = 2.0
_LONGEST_FLUSH_S = 60.0
_NAMES = {
    "traces": "select span_id from spans",
    "logs": "select attributes->>'$.number' from logs",
    "metrics": "select (attributes->>'$.shop') || '@' || time_unix_nano from (from metric_points where metric_name = 'orders')",
}
_ATTRIBUTES = "select distinct json_merge_patch(attributes, '{\"number\":null}')::varchar from %s where service_name = '%s'"


@dataclass(frozen=True)
class Sender:
    """One run of an SDK: its service's name, and what it said of each signal."""

    service: str
    report: Mapping[str, Mapping[str, Sequence[str]]]


def through_outages(collector: Any, commands: Mapping[str, Sequence[str]], full: Path) -> list[Sender]:
    """Let senders send while the collector is stopped, killed and without room on its disk.

    Args:
        collector: one that runs, and that can be stopped, killed and started; its disk is full as long as `full` exists.
        commands: the senders by service name.
        full: see there.
    """
    running = {
        service: subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for service, command in commands.items()
    }
    try:
        time.sleep(2 * _TRAFFIC_S)
        collector.stop()
        collector.start()
        time.sleep(_TRAFFIC_S)
        collector.kill()
        collector.start()
        time.sleep(_TRAFFIC_S)
        full.touch()
        time.sleep(_FULL_S)
        full.unlink()
        time.sleep(2 * _TRAFFIC_S)
        return [_ended(service, sender) for service, sender in running.items()]
    finally:
        for sender in running.values():
            sender.kill()


def _ended(service: str, sender: subprocess.Popen[bytes]) -> Sender:
    output, errors = sender.communicate(timeout=_LONGEST_FLUSH_S)
    assert sender.returncode == 0, f"{service} ended with {sender.returncode}: {errors.decode()}"
    return Sender(service, json.loads(output))


def judge(collector: Any, sender: Sender) -> None:
    """What was acknowledged is in the tables, once, as it was; nothing that was not sent is there."""
    for signal, outcomes in sender.report.items():
        delivered, failed = (Counter(outcomes[outcome]) for outcome in ("delivered", "failed"))
        stored = Counter(name for (name,) in collector.published(f"{_NAMES[signal]} where service_name = '{sender.service}'"))
        what = f"{signal} of {sender.service}"
        assert Counter() == delivered - stored, f"{what}: acknowledged and missing"
        assert Counter() == stored - delivered - failed, f"{what}: stored twice, or never sent"
    delivered, failed = ([int(number) for number in sender.report["logs"][outcome]] for outcome in ("delivered", "failed"))
    assert max(delivered) > max(failed, default=0), f"{sender.service} delivers nothing any more once the outages are over"
    for table in ("spans", "logs"):
        assert [ATTRIBUTES] == [json.loads(text) for (text,) in collector.rows(_ATTRIBUTES % (table, sender.service))]
