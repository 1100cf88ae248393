"""Has source maps made ready in a child (`compiling`), which may end or be ended without harm; `storing` hands it files."""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Final, Self, cast

_COMMAND: Final = [sys.executable, "-m", "otelpond.storage.sourcemaps.compiling"]


class SourceMapError(ValueError):
    """A file cannot be used. The text names it and says why."""


@dataclass(frozen=True, slots=True)
class Compiled:
    """What a source map holds.

    Attributes:
        positions: of the minified file that it tells the source of.
        sources: files.
        functions: names; 0 without the minified file, or where that could not be read.
        problem: why there are no functions; empty where nothing is wrong.
    """

    positions: int
    sources: int
    functions: int
    problem: str = ""


class _Child:
    """One process of `compiling`."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(_COMMAND, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self._jobs, self._answers = cast("IO[str]", self._process.stdin), cast("IO[str]", self._process.stdout)

    def ask(self, job: Mapping[str, str | None]) -> dict[str, Any] | None:
        """Its answer; None where it ended over it."""
        try:
            self._jobs.write(json.dumps(job) + "\n")
            self._jobs.flush()
            answer: dict[str, Any] = json.loads(self._answers.readline())
        except (OSError, ValueError):
            return None
        return answer

    def end(self) -> str:
        """Let it end; how it did."""
        with contextlib.suppress(OSError):  # what it was still to read, where it ended by itself
            self._jobs.close()
        self._answers.close()
        code = self._process.wait()
        if code == -signal.SIGXCPU:
            return "after two minutes of CPU time"
        return f"signal {-code}" if code < 0 else f"exit code {code}"


class Compiler:
    """Children for one map after another; a context manager that ends the last."""

    def __init__(self) -> None:
        self._child: _Child | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._child is not None:
            self._child.end()

    def compile(self, source_map: Path, minified: Path | None, target: Path) -> Compiled:
        """Write the places that a map tells; functions are left out where the minified file ends who reads it.

        Raises:
            SourceMapError: the map cannot be read, or not within two minutes of CPU time and 4 GB.
        """
        job = {"map": str(source_map), "minified": None if minified is None else str(minified), "target": str(target)}
        answer, problem = self._ask(job), "" if minified is not None else "the minified file is not beside it"
        if "error" in answer and minified is not None:
            problem = f"{minified.name} cannot be read: {answer['error']}"
            answer = self._ask(job | {"minified": None})
        if "error" in answer:
            raise SourceMapError(f"{source_map}: {answer['error']}; expected a source map of version 3")
        return Compiled(**answer, problem=problem)

    def _ask(self, job: Mapping[str, str | None]) -> dict[str, Any]:
        self._child = self._child or _Child()
        answer = self._child.ask(job)
        if answer is None:
            answer = {"error": f"it ended the process that read it ({self._child.end()})"}
            self._child = None
        return answer
