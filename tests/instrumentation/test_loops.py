"""The lag of event loops: of asyncio and of uvloop, in the main thread and in others."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import pytest
import uvloop
from otelpond.instrumentation.server.loops import Loops

INTERVAL_S = 0.01
BLOCKED_S = 0.2
Run = Callable[[Coroutine[Any, Any, None]], None]
runs = pytest.mark.parametrize("run", [asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])


@pytest.fixture
def loops() -> Iterator[Loops]:
    """Watching."""
    watching = Loops(INTERVAL_S)
    watching.start()
    yield watching
    watching.stop()


async def blocked() -> None:
    """A loop that is held up once."""
    await asyncio.sleep(INTERVAL_S)
    time.sleep(BLOCKED_S)  # noqa: ASYNC251 - that is the point
    await asyncio.sleep(INTERVAL_S)


@runs
def test_a_blocked_loop_is_late(loops: Loops, run: Run) -> None:
    """By what it was blocked, less the time between two looks; once asked, it begins anew."""
    run(blocked())
    lag_s = loops.take()
    assert lag_s is not None
    assert lag_s > BLOCKED_S - 2 * INTERVAL_S
    assert loops.take() is None


@runs
def test_a_loop_that_is_blocked_now_is_late_already(loops: Loops, run: Run) -> None:
    """As seen from another thread, while it cannot say so itself."""
    seen: list[float | None] = []

    async def hold_up() -> None:
        await asyncio.sleep(INTERVAL_S)
        observer = threading.Timer(BLOCKED_S, lambda: seen.append(loops.take()))
        observer.start()
        observer.join()

    run(hold_up())
    assert seen[0] is not None
    assert seen[0] > BLOCKED_S - 2 * INTERVAL_S


def test_a_loop_that_runs_already_is_watched() -> None:
    """`instrument()` inside a coroutine."""
    watching = Loops(INTERVAL_S)

    async def late() -> float | None:
        watching.start()
        await blocked()
        return watching.take()

    try:
        assert (asyncio.run(late()) or 0) > BLOCKED_S - 2 * INTERVAL_S
        assert watching.take() is None
        assert watching._watches == {}
    finally:
        watching.stop()


def test_a_loop_that_runs_again_is_watched_again(loops: Loops) -> None:
    """And leaves no timers behind."""
    loop = asyncio.new_event_loop()
    for _ in range(3):
        loop.run_until_complete(asyncio.sleep(0))
    assert loops.take() is not None
    assert all(handle.cancelled() for handle in loop._scheduled)  # type: ignore[attr-defined]
    loop.close()


def test_afterwards_the_classes_are_as_they_were() -> None:
    """Of both kinds; a loop that runs on has no timer."""
    before = asyncio.BaseEventLoop.run_forever, uvloop.Loop.run_forever
    watching = Loops(INTERVAL_S)
    watching.start()
    assert before[0] is not asyncio.BaseEventLoop.run_forever

    async def outlive() -> None:
        watching.stop()
        await blocked()

    asyncio.run(outlive())
    assert before == (asyncio.BaseEventLoop.run_forever, uvloop.Loop.run_forever)
    assert watching.take() is None


def test_what_a_service_does_wrong_with_a_loop_is_its_own_affair(loops: Loops) -> None:
    """The same error as ever, and no other."""
    loop = asyncio.new_event_loop()
    loop.close()
    with pytest.raises(RuntimeError, match=r"^Event loop is closed$"):
        loop.run_forever()
    assert loops.take() is None
