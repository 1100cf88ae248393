"""The child process that evaluates the rules of alerts: `python -m otelpond.config.collector.alerts_process`, started by the collector.

A process of its own, with less claim to the CPU than the others: neither an answer nor a table waits for a rule or a channel. It sees
itself that a pond was published. One JSON object a line (see `child`):

    <- {"settings": {...}, "targets": [{"name": "ops", ...}], "started": "2026-11-21T22:00:00+00:00"}
                                             -> {"progress": {"default": {"alerts": [["new", "fired", 1]], "waiting": {"ops": 1}}}}
    end of input: evaluate what is published, and end; what channels were not told by then the next process tells them
"""

from __future__ import annotations

import logging
import os
import sys
import threading
import time
from collections.abc import Sequence
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import IO, NoReturn

from ...exporters.notifications.target import Target
from ...storage import log_lines
from ...storage.durable import make_folder
from ..settings import Settings
from . import parent
from .alerting import rules
from .guarded_pond import GuardedPond
from .notifying import TARGETS
from .pond_alerts import PondAlerts

_NICENESS = 5
_TEND_S = 0.5
_ANSWER_S = 0.5
"""After a channel's limit of time, for what came of it to be noted."""
_OF_DRAIN = 0.6
"""Of the collector's time for stopping, that channels may take to answer: of the rest, receivers had a part, and rows are published."""


def main() -> None:
    """Evaluate until the input ends."""
    log_lines.configure("alerts")
    answers = parent.answers()
    os.nice(_NICENESS)
    greeting = parent.greeting(sys.stdin.readline())
    if greeting is None:
        return
    settings = Settings.model_validate(greeting["settings"])
    ended = parent.ended(sys.stdin)
    data = Path(settings.data).absolute()
    make_folder(data)
    with parent.alone(data / "alerts.lock", ended) as held:
        if not held:
            return
        channels, started = TARGETS.validate_python(greeting["targets"]), datetime.fromisoformat(greeting["started"])
        ponds = {
            tenant: GuardedPond(tenant, partial(PondAlerts, settings, tenant, of_tenant, channels, started))
            for tenant, of_tenant in rules(settings).items()
        }
        _run(ponds, ended, answers)
        _end([*ponds.values()], _patience_s(settings, channels))


def _run(ponds: dict[str, GuardedPond], ended: threading.Event, answers: IO[str]) -> None:
    said = None
    while not ended.wait(_TEND_S):
        for pond in ponds.values():
            pond.tend()
        progress = {tenant: pond.progress() for tenant, pond in ponds.items()}
        if progress != said:
            parent.say(answers, {"progress": progress})
            said = progress


def _end(ponds: Sequence[GuardedPond], patience_s: float) -> None:
    """All couriers end at once, and have one time for it, in which rules are evaluated a last time."""
    deadline = time.monotonic() + patience_s
    for pond in ponds:
        pond.stop()
    for pond in ponds:
        pond.evaluate()
    for pond in ponds:
        pond.end(deadline)


def _patience_s(settings: Settings, channels: Sequence[Target]) -> float:
    """As long as the slowest channel may take to answer, within the time for stopping."""
    return min(max((each.timeout_s for each in channels), default=0.0) + _ANSWER_S, settings.drain_timeout_s * _OF_DRAIN)


def end() -> NoReturn:
    """End at once: the state is written, and threads that wait for a channel are not waited for."""
    logging.shutdown()
    os._exit(0)


if __name__ == "__main__":
    main()
    end()
