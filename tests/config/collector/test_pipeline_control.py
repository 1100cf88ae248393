"""Requests to the pipeline's process: each is answered for its own pond, when it is done or cannot be; opening a pond is tried again."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from otelpond.config.collector.pipeline_control import PondControl, Requests, pond_turns
from otelpond.storage.locks import locked
from otelpond.storage.pipeline.control import Turns


class Collector:
    """The other end of the pipes."""

    def __init__(self) -> None:
        reading, writing = os.pipe()
        self.requests = os.fdopen(writing, "w", buffering=1)
        self.answers = io.StringIO()
        self.read = os.fdopen(reading)
        self.process = Requests(self.read, self.answers)

    def ask(self, number: int, tenant: str) -> None:
        """Ask for a publish, and wait until that was heard."""
        self.requests.write(json.dumps({"ask": number, "publish": tenant}) + "\n")
        while number not in self.process.asked(tenant):
            self.process.wait(0.05)

    def told(self) -> list[dict[str, Any]]:
        """What the process said so far."""
        return [json.loads(line) for line in self.answers.getvalue().splitlines()]


@pytest.fixture
def collector() -> Iterator[Collector]:
    """A collector that ends its pipe after the test."""
    collector = Collector()
    yield collector
    collector.requests.close()
    while not collector.process.stopping():
        collector.process.wait(0.05)
    collector.read.close()


def control(collector: Collector, tenant: str) -> PondControl:
    """What a pond's pipeline is handed."""
    return collector.process.of(tenant, lambda: True)


def test_a_request_is_its_ponds_and_stands_until_it_is_done(collector: Collector) -> None:
    """Looking at it does not take it, so that a batch that fails in between does not lose it."""
    acme, globex = control(collector, "acme"), control(collector, "globex")
    collector.ask(1, "acme")
    assert {"acme"} == set(collector.process.woken())
    assert (True, False) == (acme.publish_asked(), globex.publish_asked())
    asked = acme.asked()
    collector.ask(2, "acme")
    acme.published(asked)
    assert [{"answer": 1}] == collector.told()
    assert [2] == acme.asked()


def test_a_pond_that_stands_still_says_why_and_lets_nobody_wait(collector: Collector, caplog: pytest.LogCaptureFixture) -> None:
    """Who asked hears the reason; the log has it once."""
    acme = control(collector, "acme")
    collector.ask(1, "acme")
    acme.stuck("no such disk")
    acme.stuck("no such disk")
    trouble = {"tenant": "acme", "trouble": "no such disk"}
    assert [trouble, {"answer": 1, "failed": "no such disk"}, trouble] == collector.told()
    assert 1 == caplog.text.count("no such disk")


class _Opened:
    def turns(self, _: object) -> Turns:
        yield 0.0


def test_opening_is_tried_until_it_works(collector: Collector, tmp_path: Path) -> None:
    """Neither an error nor another process that still has the pond ends anything but a turn."""
    failures = [OSError("broken"), ValueError("torn")]

    def open_pipeline(_: str) -> Any:
        if failures:
            raise failures.pop()
        return _Opened()

    turns = pond_turns(tmp_path, "acme", open_pipeline, control(collector, "acme"))
    with locked(tmp_path / "tenants" / "acme" / "pipeline.lock"):
        assert 0.0 < next(turns)
        assert [] == collector.told()
    pauses = [next(turns), next(turns)]
    assert 0.0 < pauses[0] < pauses[1]
    assert 2 == sum("trouble" in message for message in collector.told())
    assert [0.0] == list(turns)
