"""A child process of the collector, from the collector's side: started, started again when it dies, told and asked things.

Both sides write JSON objects, one a line: the collector to the child's standard input, the child to its standard output. The first line
is the greeting. `{"ask": 7, ...}` wants an `{"answer": 7, ...}`, and is asked again of the next process where one died meanwhile; all
other lines are told. The end of input means: finish in good order, whatever ended the collector.
"""

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
from collections.abc import Mapping, Sequence
from typing import Any

from .parent import LONGEST_LINE_BYTES

logger = logging.getLogger(__name__)

_LONGEST_BACKOFF_S = 5.0
_HEALTHY_S = 30.0
_ENDED_BY_OTHERS = (0, -signal.SIGKILL, -signal.SIGTERM)


class Child:
    """A Python module that runs as a child process; made a certain child's by `greeting` and `hear`.

    Args:
        name: what it is called in the log.
        module: what the process runs.
        environment: variables that it gets unless this process has them; one's own environment is stronger.
        inherited: descriptors that the process inherits.
    """

    def __init__(self, name: str, module: str, *, environment: Mapping[str, str] | None = None, inherited: Sequence[int] = ()) -> None:
        self.name = name
        self._module = module
        self._environment = dict(environment or {})
        self._inherited = tuple(inherited)
        self._process: Process | None = None
        self._numbers = itertools.count(1)
        self._asked: dict[int, tuple[dict[str, Any], asyncio.Future[dict[str, Any]]]] = {}
        self._stopping = False
        self.restarts = 0

    def greeting(self, *, crashed: bool) -> dict[str, Any]:
        """The first line that a new process reads; `crashed` where the one before it ended by its own fault."""
        raise NotImplementedError

    def hear(self, message: dict[str, Any]) -> None:
        """Take what the process tells; answers are not among it."""
        raise NotImplementedError

    @property
    def running(self) -> bool:
        """Whether the process lives."""
        return self._process is not None and self._process.returncode is None

    @property
    def pid(self) -> int | None:
        """The process's number while it lives."""
        return self._process.pid if self._process is not None and self.running else None

    async def watch(self) -> None:
        """Keep the process running until `stop`."""
        backoff_s = 0.1
        loop = asyncio.get_running_loop()
        while not self._stopping:
            started = loop.time()
            try:
                await self._run_once()
            except OSError as failure:
                logger.warning("the %s cannot be started: %s", self.name, failure)
            if self._stopping:
                return
            backoff_s = 0.1 if loop.time() - started > _HEALTHY_S else min(backoff_s * 2, _LONGEST_BACKOFF_S)
            self.restarts += 1
            code = self._process.returncode if self._process else None
            logger.warning("the %s ended with code %s, starting it again in %.1f s; nothing is lost", self.name, code, backoff_s)
            await asyncio.sleep(backoff_s)

    def tell(self, message: Mapping[str, Any]) -> None:
        """Say something to the process, where it runs and was not told to end."""
        if not self._stopping and self.running and self._process is not None and self._process.stdin is not None:
            self._process.stdin.write(json.dumps(message).encode() + b"\n")

    async def ask(self, question: Mapping[str, Any], *, timeout_s: float) -> dict[str, Any]:
        """The process's answer; where it dies meanwhile, the next one's.

        Raises:
            TimeoutError: there is none in time.
        """
        number = next(self._numbers)
        answer: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        asked = {"ask": number, **question}
        self._asked[number] = (asked, answer)
        try:
            self.tell(asked)
            return await asyncio.wait_for(answer, timeout=timeout_s)
        finally:
            self._asked.pop(number, None)

    def kill(self) -> None:
        """End the process at once; it is started again."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()

    async def stop(self, *, timeout_s: float) -> None:
        """Have the process finish in good order, and not be started again; one that takes longer is killed."""
        self._stopping = True
        if self._process is None or self._process.stdin is None:
            return
        self._process.stdin.close()
        try:
            await asyncio.wait_for(self._process.wait(), timeout=timeout_s)
        except TimeoutError:
            logger.warning("the %s did not end within %.0f s: what is left is done at the next start", self.name, timeout_s)
            self.kill()
            await self._process.wait()

    async def _run_once(self) -> None:
        """One life of the process."""
        crashed = self._process is not None and self._process.returncode not in _ENDED_BY_OTHERS
        self._process = None
        # A session of its own: Ctrl-C in a terminal reaches the collector, which then ends its children in good order.
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            self._module,
            stdin=PIPE,
            stdout=PIPE,
            limit=LONGEST_LINE_BYTES,
            start_new_session=True,
            env=self._environment | os.environ,
            pass_fds=self._inherited,
        )
        stdin, stdout = self._process.stdin, self._process.stdout
        if stdin is None or stdout is None:  # pragma: no cover - both were asked for
            return
        with contextlib.suppress(ConnectionError):
            self.tell(self.greeting(crashed=crashed))
            for asked, _ in self._asked.values():
                self.tell(asked)
            if self._stopping:
                stdin.close()
            await stdin.drain()
        while line := await self._line(stdout):
            try:
                self._take(json.loads(line))
            except Exception:  # a line that a kill has cut, or a mistake of ours: the next message says the same and more
                logger.exception("the %s said something that cannot be understood", self.name)
        await self._process.wait()

    async def _line(self, stdout: asyncio.StreamReader) -> bytes:
        """The next line; of one that is too long only the end, which nobody can understand."""
        while True:
            try:
                return await stdout.readline()
            except ValueError:
                logger.error("the %s said more than %d bytes at once", self.name, LONGEST_LINE_BYTES)  # noqa: TRY400 - the stack says nothing

    def _take(self, message: dict[str, Any]) -> None:
        if "answer" not in message:
            self.hear(message)
            return
        _, answer = self._asked.get(message["answer"], (None, None))
        if answer is not None and not answer.done():
            answer.set_result(message)
