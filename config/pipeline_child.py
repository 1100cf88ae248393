"""The collector's side of the pipeline's process: starts it, restarts it when it dies, asks it to publish, hears how far it is."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import logging
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable
from typing import Any

from ..storage.inbox.segments import Position
from .settings import Settings

logger = logging.getLogger(__name__)

_LONGEST_BACKOFF_S = 5.0
_MEMORY = {"MALLOC_ARENA_MAX": "2", "MALLOC_MMAP_THRESHOLD_": "262144", "ARROW_DEFAULT_MEMORY_POOL": "system"}
"""A batch's columns are given back to the system at once, and some forty threads share two arenas of glibc: `make bench-quick` prints
582 MB instead of 635 at 50,000 items/s, and 116,000 instead of 140,000 items per CPU-second. One's own environment is stronger."""
_ENDED_BY_OTHERS = (0, -signal.SIGKILL, -signal.SIGTERM)
_HEALTHY_S = 30.0


class PipelineChild:
    """One pond's pipeline process.

    Args:
        on_read: is told the positions up to which the inboxes have been read.
    """

    def __init__(self, settings: Settings, *, on_read: Callable[[dict[str, Position]], None]) -> None:
        self._settings = settings
        self._on_read = on_read
        self._process: Process | None = None
        self._numbers = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[None]] = {}
        self._stopping = False
        self.progress: dict[str, Any] = {}
        self.restarts = 0

    @property
    def running(self) -> bool:
        """Whether the process lives."""
        return self._process is not None and self._process.returncode is None

    async def watch(self) -> None:
        """Keep the process running until `stop`."""
        backoff_s = 0.1
        loop = asyncio.get_running_loop()
        while not self._stopping:
            started = loop.time()
            try:
                await self._run_once()
            except OSError as failure:
                logger.warning("the pipeline process cannot be started: %s", failure)
            if self._stopping:
                return
            backoff_s = 0.1 if loop.time() - started > _HEALTHY_S else min(backoff_s * 2, _LONGEST_BACKOFF_S)
            self.restarts += 1
            code = self._process.returncode if self._process else None
            logger.warning("the pipeline process ended with code %s, starting it again in %.1f s; nothing is lost", code, backoff_s)
            await asyncio.sleep(backoff_s)

    @property
    def _crashed(self) -> bool:
        """Whether the last process ended by its own fault."""
        return self._process is not None and self._process.returncode not in _ENDED_BY_OTHERS

    async def publish(self) -> None:
        """Have everything that is accepted by now published.

        Raises:
            TimeoutError: it takes too long; it will happen all the same.
        """
        number = next(self._numbers)
        done = asyncio.get_running_loop().create_future()
        self._waiting[number] = done
        try:
            self._ask(number)
            await asyncio.wait_for(done, timeout=30.0)
        finally:
            self._waiting.pop(number, None)

    async def stop(self, *, timeout_s: float) -> None:
        """Have what is waiting published, and end the process; what does not fit in the time is published at the next start."""
        self._stopping = True
        if self._process is None or self._process.stdin is None:
            return
        self._process.stdin.close()
        try:
            await asyncio.wait_for(self._process.wait(), timeout=timeout_s)
        except TimeoutError:
            logger.warning("the pipeline did not end within %.0f s: what is left is published at the next start", timeout_s)
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
            await self._process.wait()

    async def _run_once(self) -> None:
        """One life of the process."""
        command = [sys.executable, "-m", "otelpond.config.pipeline_process", *(["--crashed"] if self._crashed else [])]
        # A session of its own: Ctrl-C in a terminal reaches the collector, which then ends the pipeline in good order.
        self._process = None
        self._process = await asyncio.create_subprocess_exec(
            *command, stdin=PIPE, stdout=PIPE, limit=1 << 24, start_new_session=True, env=_MEMORY | os.environ
        )
        stdin, stdout = self._process.stdin, self._process.stdout
        if stdin is None or stdout is None:  # pragma: no cover - both were asked for
            return
        with contextlib.suppress(ConnectionError):
            stdin.write(self._settings.model_dump_json().encode() + b"\n")
            for number in self._waiting:
                self._ask(number)
            await stdin.drain()
        async for line in stdout:
            try:
                self._hear(json.loads(line))
            except OSError as failure:  # such as too many open files: the next message says the same and more
                logger.warning("cannot see how far the inbox is read: %s", failure)
        await self._process.wait()

    def _ask(self, number: int) -> None:
        if self.running and self._process is not None and self._process.stdin is not None:
            self._process.stdin.write(json.dumps({"publish": number}).encode() + b"\n")

    def _hear(self, message: dict[str, Any]) -> None:
        if "published" in message:
            waiting = self._waiting.get(message["published"])
            if waiting is not None and not waiting.done():
                waiting.set_result(None)
        elif "progress" in message:
            self.progress = message["progress"]
            self._on_read({inbox: Position(*position) for inbox, position in self.progress["positions"].items()})
