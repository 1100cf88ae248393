"""Every way to start a service, in processes beside a real collector: its telemetry arrives under its name, one instance a process."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

BIN = Path(sys.executable).parent
OTELPOND = (sys.executable, "-m", "otelpond.config.cli")
SPANS = "select name, service_instance_id from spans where service_name = '{}' order by start_time"


def test_a_script_is_instrumented(collector: Any, run: Callable[..., Any]) -> None:
    """`otelpond run -- python job.py`: its spans arrive before it has ended, under the script's name and with a version."""
    ended = run(*OTELPOND, "run", "--endpoint", f"http://{collector.http}", "--", sys.executable, "job.py", OTELPOND_SERVICE_VERSION="7")
    assert (0, "", "") == (ended.returncode, ended.stdout, ended.stderr)
    rows = collector.published(
        "select name, service_version, host_name is not null from spans where service_name = 'job' order by start_time"
    )
    assert [("before", "7", True), ("after", "7", True)] == rows


def test_a_module_is_instrumented_under_the_name_that_was_given(collector: Any, run: Callable[..., Any]) -> None:
    """`otelpond run --service night -- python -m job`."""
    where = f"http://{collector.http}"
    ended = run(*OTELPOND, "run", "--service", "night", "--endpoint", where, "--", sys.executable, "-m", "job")
    assert (0, "") == (ended.returncode, ended.stderr)
    assert ["before", "after"] == [name for name, _ in collector.published(SPANS.format("night"))]


def test_a_forked_child_is_an_instance_of_its_own(collector: Any, run: Callable[..., Any]) -> None:
    """The parent's spans are sent once, by the parent; the child's under another service.instance.id."""
    where = f"http://{collector.http}"
    ended = run(*OTELPOND, "run", "--service", "forking", "--endpoint", where, "--", sys.executable, "job.py", "fork")
    assert (0, "") == (ended.returncode, ended.stderr)
    rows = collector.published(SPANS.format("forking"))
    assert ["after", "before", "in the child"] == sorted(name for name, _ in rows)
    instances = dict(rows)
    assert instances["before"] == instances["after"] != instances["in the child"]


def test_a_working_directory_that_was_removed_is_no_obstacle(tmp_path: Path, run: Callable[..., Any]) -> None:
    """Old shells and deployments leave processes in one; a name is then made from what the command says."""
    (tmp_path / "gone").mkdir()
    command = " ".join((*OTELPOND, "run", "--", sys.executable, "-c", "'import os; print(os.environ[\"OTELPOND_SERVICE\"])'"))
    ended = run("sh", "-c", f"cd {tmp_path}/gone; rmdir {tmp_path}/gone; exec {command}", OTEL_TRACES_EXPORTER="none")
    assert (0, "python\n") == (ended.returncode, ended.stdout), ended.stderr


@pytest.mark.long
def test_secrets_do_not_leave_a_careless_service(collector: Any, run: Callable[..., Any]) -> None:
    """Not in any column of any table, and what they stood in is there."""
    where = f"http://{collector.http}"
    ended = run(*OTELPOND, "run", "--service", "careless", "--endpoint", where, "--", sys.executable, "secrets_everywhere.py")
    assert 1 == ended.returncode
    assert "ValueError: card 4111" in ended.stderr  # what the service says itself is its own affair
    assert [(1, 1)] == collector.published(
        "select (select count(*) from spans where service_name = 'careless'),"
        " (select count(*) from logs where service_name = 'careless' and event_name = 'order.failed')"
    )
    secrets = "hunter2|bob@example[.]com|4111.?1111"  # four digits alone stand in times and ids
    tables = collector.rows("select table_name from duckdb_columns() where schema_name = 'files' and column_name = 'service_name'")
    assert {("spans",), ("logs",), ("error_logs",)} < set(tables)
    for (table,) in tables:
        found = collector.rows(
            f"select row::text from files.{table} as row where service_name = 'careless' and regexp_matches(row::text, '{secrets}')"
        )
        assert [] == found, table
    ((attributes, statement),) = collector.rows("select attributes::text, db_query_text from spans where service_name = 'careless'")
    assert "paid with [removed]" in attributes
    assert '"order.id":"A-17"' in attributes.replace(": ", ":")
    assert "select ? from users where mail = ? and password = ?" == statement
    assert [("password=[removed] of order A-17",)] == collector.rows(
        "select body from logs where service_name = 'careless' and event_name is null"
    )


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_processes_of_multiprocessing_lose_nothing(method: str, collector: Any, run: Callable[..., Any]) -> None:
    """Those that end by `os._exit`, and those of a pool, which are ended by SIGTERM."""
    where = f"http://{collector.http}"
    ended = run(*OTELPOND, "run", "--service", f"pool-{method}", "--endpoint", where, "--", sys.executable, "pool.py", method)
    assert (0, "") == (ended.returncode, ended.stderr)
    rows = collector.published(f"select name, count(*) from spans where service_name = 'pool-{method}' group by all order by all")
    assert [(f"work {number}", 1) for number in range(9)] == rows


def test_a_worker_of_celery_loses_nothing(tmp_path: Path, collector: Any, run: Callable[..., Any]) -> None:
    """It ends by `os._exit` behind the signal that it ends; the library is played here, for it is as large as a service."""
    (tmp_path / "celery").mkdir()
    (tmp_path / "celery" / "__init__.py").touch()
    signals = """if True:
    class Signal:
        def connect(self, receiver, weak):
            self.send = receiver
    worker_process_shutdown = Signal()
    """
    (tmp_path / "celery" / "signals.py").write_text(signals)
    code = """if True:
    import os
    from celery.signals import worker_process_shutdown
    from opentelemetry import trace
    if os.fork() == 0:
        trace.get_tracer("x").start_span("task").end()
        worker_process_shutdown.send(signal=None, sender=None, pid=os.getpid(), exitcode=0)
        os._exit(0)
    os.wait()
    """
    where = f"http://{collector.http}"
    command = (*OTELPOND, "run", "--service", "tasks", "--endpoint", where, "--", sys.executable, "-c", code)
    ended = run(*command, PYTHONPATH=str(tmp_path), OTEL_BSP_SCHEDULE_DELAY="60000")
    assert (0, "") == (ended.returncode, ended.stderr)
    assert ["task"] == [name for name, _ in collector.published(SPANS.format("tasks"))]


@pytest.mark.parametrize(
    ("name", "before"),
    [
        ("untouched", "pass"),
        ("put back", "signal.signal(15, signal.SIG_DFL)"),
        ("handled and raised again", "old = signal.signal(15, print); signal.signal(15, old)"),
        ("asked for", "assert signal.getsignal(15) is signal.SIG_DFL"),
    ],
)
def test_a_script_that_dies_of_sigterm_sends_what_is_left(name: str, before: str, collector: Any, run: Callable[..., Any]) -> None:
    """And dies of the signal, as it would have; servers put the default back, or raise the signal again when they have handled it."""
    code = (
        f"import signal; from opentelemetry import trace; {before}; trace.get_tracer('x').start_span('last').end(); signal.raise_signal(15)"
    )
    where = f"http://{collector.http}"
    ended = run(*OTELPOND, "run", "--service", name, "--endpoint", where, "--", sys.executable, "-c", code)
    assert (-15, "") == (ended.returncode, ended.stderr)
    assert ["last"] == [span for span, _ in collector.published(SPANS.format(name))]


def test_sigterm_ends_a_main_thread_that_waits(collector: Any, run: Callable[..., Any]) -> None:
    """Also where another thread is given the signal: the main thread is interrupted until it notices."""
    kill = "lambda: (time.sleep(0.5), signal.pthread_kill(threading.get_ident(), 15))"
    wait = f"threading.Thread(target={kill}).start(); threading.Event().wait()"
    code = f"import signal, threading, time; from opentelemetry import trace; trace.get_tracer('x').start_span('last').end(); {wait}"
    where = f"http://{collector.http}"
    ended = run(*OTELPOND, "run", "--service", "waiting", "--endpoint", where, "--", sys.executable, "-c", code)
    assert (-15, "") == (ended.returncode, ended.stderr)
    assert ["last"] == [span for span, _ in collector.published(SPANS.format("waiting"))]


@pytest.mark.parametrize("way", ["otelpond run", "opentelemetry-instrument"])
def test_uvicorn_with_two_workers(
    way: str, collector: Any, serve: Callable[..., Any], free_address: Callable[[], str], eventually: Callable[..., Any]
) -> None:
    """Workers are started by multiprocessing's spawn: each is instrumented, and every request is one row."""
    address = free_address()
    service = way.replace(" ", "-")
    launcher = (*OTELPOND, "run", "--") if way == "otelpond run" else (str(BIN / "opentelemetry-instrument"),)
    command = (str(BIN / "uvicorn"), "shop:app", "--workers", "2", "--port", address.rpartition(":")[2])
    settings = {"OTEL_SERVICE_NAME": service, "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://{collector.http}"}
    pids: set[int] = set()
    asked = 0
    with serve(address, *launcher, *command, **settings) as ask:

        def both_answered() -> bool:
            nonlocal asked
            pids.add(ask(f"/who/{asked}").json()["pid"])
            asked += 1
            return len(pids) == 2

        eventually(both_answered, "both workers answered")
    rows = collector.published(
        f"""select endpoint_path, status_code, count(*) from api_performance_metrics
        where service_name = '{service}' and endpoint_path = '/who/{{number}}' group by all"""
    )
    assert [("/who/{number}", 200, asked)] == rows
    (instances,) = collector.rows(
        f"select count(distinct service_instance_id) from spans where service_name = '{service}' and kind = 'SERVER'"
    )
    assert (2,) == instances


def test_gunicorn_forks_its_workers(
    collector: Any, serve: Callable[..., Any], free_address: Callable[[], str], eventually: Callable[..., Any]
) -> None:
    """Pre-fork with the application preloaded: what starts in the master is made anew in each worker."""
    address = free_address()
    launcher = (*OTELPOND, "run", "--service", "prefork", "--endpoint", f"http://{collector.http}", "--")
    command = (str(BIN / "gunicorn"), "shop:wsgi", "--preload", "--workers", "2", "--bind", address, "--no-control-socket")
    pids: set[int] = set()
    asked = 0
    with serve(address, *launcher, *command) as ask:

        def both_answered() -> bool:
            nonlocal asked
            pids.add(int(ask("/").text))
            asked += 1
            return len(pids) == 2

        eventually(both_answered, "both workers answered")
    rows = collector.published(
        """select count(*) filter (where http_route = '/who'), count(distinct service_instance_id) from spans
        where service_name = 'prefork' and kind = 'SERVER'"""
    )
    assert (asked, 2) <= rows[0] <= (asked + 5, 2), rows
