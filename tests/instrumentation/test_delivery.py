"""The sending thread: who asks for a flush is answered, and forks neither wait for it nor leave one behind."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from otelpond.instrumentation.sending.delivery import Delivery
from otelpond.instrumentation.settings import Settings

NOBODY = Settings(traces_exporter=("none",), metrics_exporter=("none",), logs_exporter=("none",))


@pytest.fixture
def often() -> Iterator[None]:
    """Threads take turns as often as Python lets them."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("often")
def test_every_flush_is_answered() -> None:
    """Whoever asks while the thread takes up what was asked before."""
    delivery = Delivery(NOBODY, lambda: None)
    delivery.start()
    answers: list[bool] = []
    threads = [threading.Thread(target=lambda: answers.extend(delivery.flush(10) for _ in range(300))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    delivery.close(1)
    assert [True] * 1200 == answers


def test_a_fork_ends_the_thread_and_another_begins() -> None:
    """Where nothing is being sent."""
    delivery = Delivery(NOBODY, lambda: None)
    delivery.start()
    first = delivery._thread
    delivery.before_fork()
    assert first is not None
    assert not first.is_alive()
    delivery.start()
    assert delivery._thread not in {first, None}
    assert delivery.flush(10)
    delivery.close(1)


def test_forks_in_a_long_export_leave_the_thread_alone() -> None:
    """It goes on with what it does and is still the only one."""
    under_way, answered = threading.Event(), threading.Event()

    def collect() -> None:
        under_way.set()
        answered.wait(60)

    delivery = Delivery(NOBODY, collect)
    delivery.start()
    threading.Thread(target=delivery.flush, args=(60,)).start()
    assert under_way.wait(60)
    thread = delivery._thread
    for _ in range(5):
        delivery.before_fork()
        delivery.start()
    assert delivery._thread is thread
    answered.set()
    assert delivery.flush(60)
    delivery.close(1)


def test_forks_wait_once_at_most_while_the_collector_is_silent(run: Callable[..., Any], black_hole: str) -> None:
    """Twenty of them, and the one thread of ours is the same before and after."""
    code = """if True:
    import os, threading, time
    from opentelemetry import trace
    trace.get_tracer("x").start_span("unheard").end()
    ours = [thread for thread in threading.enumerate() if thread.name == "otelpond"]
    time.sleep(1)
    started = time.monotonic()
    for _ in range(20):
        if os.fork() == 0:
            os._exit(0)
        os.wait()
    took = time.monotonic() - started
    assert ours == [thread for thread in threading.enumerate() if thread.name == "otelpond"]
    assert took < 3.5, took  # 20 waits are 4 s
    """
    command = (sys.executable, "-m", "otelpond.config.cli", "run", "--endpoint", black_hole, "--", sys.executable, "-c", code)
    ended = run(*command, OTELPOND_EXIT_TIMEOUT_S="0.2", OTEL_METRIC_EXPORT_INTERVAL="100")
    assert 0 == ended.returncode, ended.stderr
