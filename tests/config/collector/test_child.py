"""A child of the collector is watched for as long as the collector lives, whatever the system refuses meanwhile."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from otelpond.config.collector import child as child_module
from otelpond.config.collector.child import Child
from otelpond.config.collector.pipeline_child import PipelineChild
from otelpond.config.settings import Settings
from otelpond.storage.inbox.segments import Position


class Quiet(Child):
    """A child that is told nothing."""

    heard: Mapping[str, Any] | None = None

    def greeting(self, *, crashed: bool) -> dict[str, Any]:
        """Nothing."""
        del crashed
        return {}

    def hear(self, message: dict[str, Any]) -> None:
        """Whatever it is, and want no more."""
        self.heard = message
        self._stopping = True


def test_a_process_that_cannot_be_started_is_started_later(monkeypatch: pytest.MonkeyPatch) -> None:
    """No process is left, or no descriptor: the watcher tries again."""
    failures = iter([BlockingIOError(11, "Resource temporarily unavailable"), OSError(24, "Too many open files")])
    start = asyncio.create_subprocess_exec
    quiet = Quiet("quiet process", "keyword")

    async def unlucky(*arguments: Any, **named: Any) -> Any:
        if (failure := next(failures, None)) is not None:
            raise failure
        quiet._stopping = True
        return await start(*arguments, **named)

    monkeypatch.setattr(child_module.asyncio, "create_subprocess_exec", unlucky)
    asyncio.run(asyncio.wait_for(quiet.watch(), 30))

    assert 2 == quiet.restarts


def test_a_line_that_is_too_long_costs_itself_and_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The watcher goes on listening to the same process."""
    (tmp_path / "talker.py").write_text("print('x' * 5_000_000)\nprint('{\"said\": 1}')\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr(child_module, "LONGEST_LINE_BYTES", 100_000)
    quiet = Quiet("talking process", "talker")
    asyncio.run(asyncio.wait_for(quiet.watch(), 30))

    assert (0, {"said": 1}) == (quiet.restarts, quiet.heard)
    assert "the talking process said more than 100000 bytes at once" in caplog.messages


@pytest.mark.parametrize("name", ["pipeline_process", "forward_process", "worker_process"])
def test_a_process_that_is_told_to_end_before_it_is_greeted_ends(name: str) -> None:
    """Without a word, and without having touched anything."""
    command = [sys.executable, "-m", f"otelpond.config.collector.{name}"]
    ended = subprocess.run(command, input=b"", capture_output=True, timeout=60, check=False)
    assert (0, b"", b"") == (ended.returncode, ended.stdout, ended.stderr)


def test_a_system_that_refuses_to_look_at_the_inbox_ends_no_watcher() -> None:
    """The next message says the same and more."""
    heard: list[Mapping[str, Position]] = []
    failures = iter([OSError(24, "Too many open files")])

    def on_read(_tenant: str, positions: Mapping[str, Position]) -> None:
        if (failure := next(failures, None)) is not None:
            raise failure
        heard.append(positions)

    pipeline = PipelineChild(Settings())
    pipeline.tell_reads_to(on_read)
    for offset in (1, 2):
        pipeline.hear({"tenant": "default", "progress": {"positions": {"receiver": [1, offset]}}})

    assert [{"receiver": Position(1, 2)}] == heard
