"""A child of the collector is watched for as long as the collector lives, whatever the system refuses meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest
from otelpond.config.collector import child as child_module
from otelpond.config.collector.child import Child
from otelpond.config.collector.pipeline_child import PipelineChild
from otelpond.config.settings import Settings
from otelpond.storage.inbox.segments import Position


class Quiet(Child):
    """A child that is told nothing."""

    def greeting(self, *, crashed: bool) -> dict[str, Any]:
        """Nothing."""
        del crashed
        return {}

    def hear(self, message: dict[str, Any]) -> None:
        """Whatever it is."""


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
