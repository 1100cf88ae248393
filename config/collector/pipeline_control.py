"""How the pipeline's process hears the collector and answers it, and how it opens a pond: apart from the process, for tests."""

from __future__ import annotations

import dataclasses
import json
import logging
import threading
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Any

from ...storage.access.tenants import pond_folder
from ...storage.locks import locked
from ...storage.log_lines import fault
from ...storage.pipeline.control import Control, Progress, Turns
from ...storage.pipeline.pipeline import Pipeline
from . import parent

logger = logging.getLogger(__name__)

_LOCK_POLL_S = 0.5
_LONGEST_BACKOFF_S = 10.0


class Requests:
    """Requests from one stream, answers to another; see `storage.pipeline.ponds.PondsControl`."""

    def __init__(self, requests: IO[str], answers: IO[str]) -> None:
        self._requests, self._answers = requests, answers
        self._wake = threading.Event()
        self._lock = threading.Lock()
        self._publish: dict[str, list[int]] = {}
        self._woken: set[str] = set()
        self._stopping = False
        threading.Thread(target=self._listen, name="requests", daemon=True).start()

    def of(self, tenant: str, alone: Callable[[], bool]) -> PondControl:
        """What the pipeline of a tenant's pond is handed."""
        return PondControl(tenant, self, alone)

    def wait(self, timeout_s: float) -> None:
        """Sleep, or wake earlier because something was asked."""
        self._wake.wait(timeout_s)
        self._wake.clear()

    def stopping(self) -> bool:
        """Whether the collector is gone or wants the pipelines to end."""
        return self._stopping

    def woken(self) -> set[str]:
        """The tenants for whose ponds something was asked since the last time."""
        with self._lock:
            woken, self._woken = self._woken, set()
        return woken

    def asked(self, tenant: str) -> list[int]:
        """The numbers of the requests that stand for a tenant."""
        with self._lock:
            return list(self._publish.get(tenant, ()))

    def answer(self, tenant: str, asked: list[int], failed: str = "") -> None:
        """Answer those requests."""
        with self._lock:
            self._publish[tenant] = [number for number in self._publish.get(tenant, ()) if number not in asked]
        for number in asked:
            self.say({"answer": number, "failed": failed} if failed else {"answer": number})

    def say(self, message: dict[str, Any]) -> None:
        """Tell the collector something."""
        if not parent.say(self._answers, message):
            self._stopping = True

    def _listen(self) -> None:
        for line in self._requests:
            request = json.loads(line)
            with self._lock:
                self._publish.setdefault(request["publish"], []).append(request["ask"])
                self._woken.add(request["publish"])
            self._wake.set()
        self._stopping = True
        self._wake.set()


class PondControl(Control):
    """One pond's part of the requests."""

    def __init__(self, tenant: str, requests: Requests, alone: Callable[[], bool]) -> None:
        self._tenant = tenant
        self._requests = requests
        self._trouble = ""
        self._alone = alone

    def wait(self, timeout_s: float) -> None:
        """Sleep, or wake earlier because something was asked."""
        self._requests.wait(timeout_s)

    def stopping(self) -> bool:
        """Whether the collector is gone or wants the pipelines to end."""
        return self._requests.stopping()

    def alone(self) -> bool:
        """Whether no other pond has work for this process."""
        return self._alone()

    def publish_asked(self) -> bool:
        """Whether somebody waits for a publish."""
        return bool(self._requests.asked(self._tenant))

    def asked(self) -> list[int]:
        """The requests made so far."""
        return self._requests.asked(self._tenant)

    def published(self, asked: object) -> None:
        """Answer those requests."""
        assert isinstance(asked, list)  # noqa: S101 - what `asked` gave
        self._requests.answer(self._tenant, asked)

    def stuck(self, reason: str) -> None:
        """Tell why the pond stands still, and do not let anybody wait for it; it is logged once."""
        if reason != self._trouble:
            logger.error("the pond of tenant %s stands still, it is tried again and again: %s", self._tenant, reason)
        self._trouble = reason
        self._requests.say({"tenant": self._tenant, "trouble": reason})
        self._requests.answer(self._tenant, self.asked(), failed=reason)

    def progressed(self, progress: Progress) -> None:
        """Tell how far the pond has come."""
        self._trouble = ""
        self._requests.say({"tenant": self._tenant, "progress": dataclasses.asdict(progress)})


def pond_turns(data: Path, tenant: str, open_pipeline: Callable[[str], Pipeline], control: Control) -> Turns:
    """Take a pond's lock and open it, as often as that needs, then do its pipeline's turns; until told to stop."""
    folder = pond_folder(data, tenant)
    backoff_s = 0.1
    with ExitStack() as lock:
        while True:
            try:
                if lock.enter_context(locked(folder / "pipeline.lock", wait=False)):
                    pipeline = open_pipeline(tenant)
                    break
                logger.info("the pipeline of a collector that was killed still publishes %s; waiting for it", folder)
                pause_s = _LOCK_POLL_S
            except Exception as failure:  # noqa: BLE001 - whatever it is, it is this pond's alone
                control.stuck(fault(failure))
                pause_s = backoff_s = min(backoff_s * 2, _LONGEST_BACKOFF_S)
            lock.close()
            yield pause_s
            if control.stopping():
                return
        yield from pipeline.turns(control)
