"""SIGTERM ends a process as it would have, whatever its main thread is doing, and what is left is sent before."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from .conftest import SERVICES, environment

OTELPOND = (sys.executable, "-m", "otelpond.config.cli")
SPAN = "from opentelemetry import trace; trace.get_tracer('x').start_span('last').end()"
KILL_SOON = "import os, signal, threading; threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGTERM)).start()"
COUNT_FOR_EVER = "with recursive c(x) as (select 1 union all select x + 1 from c) select count(*) from c"


@pytest.mark.long
def test_sigterm_ends_a_main_thread_in_native_code(collector: Any, run: Callable[..., Any]) -> None:
    """A query of SQLite that never returns: Python's handler could not run."""
    code = f"{SPAN}; {KILL_SOON}; import sqlite3; sqlite3.connect(':memory:').execute('{COUNT_FOR_EVER}')"
    where = f"http://{collector.http}"
    ended = run(*OTELPOND, "run", "--service", "native", "--endpoint", where, "--", sys.executable, "-c", code)
    assert (-15, "") == (ended.returncode, ended.stderr)
    assert [("last",)] == collector.published("select name from spans where service_name = 'native'")


@pytest.mark.parametrize(
    ("name", "held_up"),
    [
        ("another thread starts or ends", "threading.Thread(target=lifecycle._lock.acquire, daemon=True).start()"),
        ("a part does not stop", "lifecycle._state.parts.stop = threading.Event().wait"),
    ],
)
def test_sigterm_waits_for_nothing_of_ours(name: str, held_up: str, run: Callable[..., Any]) -> None:
    """Not beyond the time that the end of a process may take."""
    code = f"from otelpond.instrumentation.process import lifecycle; {KILL_SOON}; {held_up}; threading.Event().wait()"
    command = (*OTELPOND, "run", "--service", name, "--", sys.executable, "-c", code)
    ended = run(*command, OTELPOND_EXIT_TIMEOUT_S="0.2", OTEL_TRACES_EXPORTER="none", OTEL_METRICS_EXPORTER="none")
    assert -15 == ended.returncode, ended.stderr


def test_shutdown_gives_sigterm_back_and_a_second_start_takes_it_again(collector: Any, run: Callable[..., Any]) -> None:
    """Functions of `signal` too; what is reported between is not sent, and what comes after is sent once."""
    code = f"""if True:
    import signal
    from opentelemetry import trace
    before = [signal.getsignal(15), signal.signal, signal.set_wakeup_fd(-1)]
    from otelpond.instrumentation import instrument, shutdown
    from otelpond.instrumentation.process import termination
    def report(name): trace.get_tracer("x").start_span(name).end()
    instrument()
    report("first")
    shutdown()
    assert before == [termination._get(15), signal.signal, signal.set_wakeup_fd(-1)]
    report("between")
    instrument()
    report("second")
    {KILL_SOON}
    threading.Event().wait()
    """
    ended = run(sys.executable, "-c", code, OTEL_SERVICE_NAME="twice", OTEL_EXPORTER_OTLP_ENDPOINT=f"http://{collector.http}")
    assert (-15, "") == (ended.returncode, ended.stderr)
    rows = collector.published("select name, count(*) from spans where service_name = 'twice' group by all order by all")
    assert [("first", 1), ("second", 1)] == rows


@pytest.fixture
def stalled() -> Iterator[int]:
    """A pipe that is full and that nobody reads."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    try:
        while True:
            os.write(writing, b"x" * 512)
    except BlockingIOError:
        os.set_blocking(writing, True)
    yield writing
    os.close(reading)
    os.close(writing)


@pytest.mark.parametrize(("end", "code"), [("SIGTERM", -15), ("exit", 0)])
def test_a_standard_error_that_nobody_reads_delays_no_end(end: str, code: int, stalled: int, free_address: Callable[[], str]) -> None:
    """There would be lines to write: nobody listens where the spans go."""
    script = f"{SPAN}; import signal; '{end}' == 'exit' or signal.raise_signal(15)"
    command = (*OTELPOND, "run", "--endpoint", f"http://{free_address()}", "--", sys.executable, "-c", script)
    variables = environment(OTELPOND_EXIT_TIMEOUT_S="0.5")
    assert code == subprocess.run(command, cwd=SERVICES, env=variables, stderr=stalled, timeout=60, check=False).returncode
