"""How a process may end, and what is reported of it: real processes under `otelpond run`, beside a real collector that is asked SQL."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest

BIN = Path(sys.executable).parent
OTELPOND = (sys.executable, "-m", "otelpond.config.cli")
OF_SERVICE = "service_name = '{}'"


class Told(NamedTuple):
    """What a way to end leads to."""

    returncode: int
    error: str | None = None
    crash: str | None = None
    event: str | None = None


OWN = "__main__.OrderError"
MATRIX = {
    "main thread": Told(1, OWN, "uncaught_exception", "app.crash"),
    "thread": Told(0, OWN, event="exception"),
    "asyncio task": Told(0, OWN),
    "loop callback": Told(0, OWN, event="exception"),
    "finalizer": Told(0, OWN, event="exception"),
    "os.abort": Told(-6, "SIGABRT", "abort", "app.crash"),
    "segfault": Told(-11, "SIGSEGV", "segmentation_fault", "app.crash"),
    "SIGBUS": Told(-7, "SIGBUS", "bus_error", "app.crash"),
    "SIGFPE": Told(-8, "SIGFPE", "floating_point_exception", "app.crash"),
    "os._exit": Told(3, event="app.abnormal_exit"),
    "os._exit(0)": Told(0),
    "SIGKILL": Told(-9, "SIGKILL", "killed", "app.crash"),
    "SIGTERM": Told(-15),
    "stopped late": Told(-9, event="app.abnormal_exit"),
    "SystemExit": Told(3),
    "KeyboardInterrupt": Told(-2),
    "exception group": Told(1, "ExceptionGroup", "uncaught_exception", "app.crash"),
    "recursion error": Told(1, "RecursionError", "uncaught_exception", "app.crash"),
    "out of memory": Told(1, "MemoryError", "uncaught_exception", "app.crash"),
    "logged and raised": Told(1, OWN, "uncaught_exception", "app.crash"),
    "hook of its own": Told(1, OWN, "uncaught_exception", "app.crash"),
    "calling the hook": Told(0, OWN, event="exception"),
}

LEFT = {"os.abort", "segfault", "SIGBUS", "SIGFPE", "os._exit", "os._exit(0)", "SIGKILL", "stopped late"}
"""Those that leave a file for the next process."""
ALIKE = {"SIGBUS", "SIGFPE", "os._exit(0)", "loop callback", "exception group", "recursion error", "out of memory", "calling the hook"}
"""Those that go as another one does."""


@pytest.mark.parametrize("way", [pytest.param(way, marks=[pytest.mark.long] * (way in ALIKE)) for way in sorted(MATRIX)])
def test_it_is_reported_once_with_its_context(way: str, collector: Any, run: Callable[..., Any], tmp_path: Path) -> None:
    """By itself, or by the next process of the service; with who it met and what led to it. The process ends as it would have."""
    service = f"ends by {way}"
    told = MATRIX[way]
    settings = {"OTELPOND_STATE_DIR": str(tmp_path / "state"), "OTELPOND_SERVICE_VERSION": "1.2.3", "OTELPOND_ENVIRONMENT": "test"}
    launch = (*OTELPOND, "run", "--service", service, "--endpoint", f"http://{collector.http}", "--", sys.executable, "crash.py")
    ended = run(*launch, way, **settings)
    assert told.returncode == ended.returncode, ended.stderr
    assert "otelpond" not in ended.stderr.replace(str(Path.cwd()), "")
    assert (way in LEFT) == any((tmp_path / "state").iterdir())
    for _ in range(2 * (way in LEFT)):  # the second one has nothing to report any more
        following = run(*launch, "nothing", **settings)
        assert (0, "") == (following.returncode, following.stderr)
    errors = collector.published(
        f"select exception_type, user_id, session_id, breadcrumbs::text from error_logs where {OF_SERVICE.format(service)}"
    )
    assert [told.error] * (told.error is not None) == [row[0] for row in errors]
    crashes = collector.rows(
        f"""select crash_type, exception_type, crash_stack <> '', user_id, user_role, session_id, release_version, environment,
        memory_info is not null, performance_info is not null, breadcrumbs::text from crash_reports where {OF_SERVICE.format(service)}"""
    )
    assert [told.crash] * (told.crash is not None) == [row[0] for row in crashes]
    for row in crashes:
        assert (told.error, row[0] != "killed", "ada", "admin", "s1", "1.2.3", "test", True, True) == row[1:10]
    for text in [row[-1] for row in [*errors, *crashes]]:
        assert f"about to end by {way}" in [breadcrumb["message"] for breadcrumb in json.loads(text or "[]")] or way == "thread"
    events = collector.rows(f"select distinct event_name from logs where event_name is not null and {OF_SERVICE.format(service)}")
    assert [told.event] * (told.event is not None) == [row[0] for row in events]
    assert [] == list((tmp_path / "state").iterdir())


@pytest.mark.long
def test_workers_tell_each_failing_request_once_and_the_death_of_each_other(
    collector: Any, serve: Callable[..., Any], free_address: Callable[[], str], eventually: Callable[..., Any], tmp_path: Path
) -> None:
    """Two workers of uvicorn: one that dies is replaced, and its successor reports it, with the request that it was in."""
    address = free_address()
    launcher = (*OTELPOND, "run", "--service", "failing", "--endpoint", f"http://{collector.http}", "--")
    command = (str(BIN / "uvicorn"), "failing:app", "--workers", "2", "--port", address.rpartition(":")[2])
    patient = ("--timeout-worker-healthcheck", "60")  # uvicorn kills a worker that is slow to start
    with serve(address, *launcher, *command, *patient, OTELPOND_STATE_DIR=str(tmp_path / "state")) as ask:
        for number in range(6):
            assert 500 == ask(f"/{'raise' if number % 2 else 'log'}/{number}").status_code
        count = "select count(*) from error_logs where service_name = 'failing'"
        eventually(lambda: collector.published(count) == [(6,)], "they are told: what waits to be sent dies with a worker")
        with pytest.raises(httpx.TransportError):
            ask("/die/7")
        eventually(lambda: _pids(ask) >= 2, "the dead worker was replaced")
        collector.published("select 1")
    assert [] == list((tmp_path / "state").iterdir())
    errors = collector.published(
        """select exception_type, error_message, user_id, session_id, user_role, breadcrumbs::text from error_logs
        where service_name = 'failing' order by user_id"""
    )
    assert [f"user {number}" for number in (*range(6), 7)] == [row[2] for row in errors]
    for number in (1, 3, 5):
        assert ("ValueError", f"order {number}", f"user {number}", str(number), "buyer") == errors[number][:5]
        assert [f"about to fail for {number}"] == [each["message"] for each in json.loads(errors[number][5]) if each["level"] == "warning"]
    crashes = collector.rows(
        """select crash_type, user_id, session_id, trace_id is not null, crash_stack like '%failing.py%',
        breadcrumbs::text like '%about to die for 7%'
        from crash_reports where service_name = 'failing'"""
    )
    assert [("segmentation_fault", "user 7", "7", True, True, True)] == crashes


def _pids(ask: Callable[[str], httpx.Response]) -> int:
    """How many processes answer."""
    found: set[int] = set()
    for _ in range(20):
        with suppress(httpx.TransportError):
            found.add(ask("/").json()["pid"])
    return len(found)
