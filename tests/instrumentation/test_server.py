"""Server health: what is read of a process, and rows of real services and their workers."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from otelpond.instrumentation import server
from otelpond.instrumentation.traffic import traffic

from .conftest import BIN

OTELPOND = (sys.executable, "-m", "otelpond.config.cli", "run", "--service")
KNOWN = """cpu_usage, memory_usage_mb, heap_usage_mb, event_loop_lag_ms, active_handles, active_requests, uptime_seconds, request_rate,
    error_rate, cpu_utilization, cpu_time_s, cpu_temporality, cpu_start_unix_nano, system_cpu_utilization, memory_bytes, heap_bytes,
    system_memory_bytes, event_loop_lag_s, thread_count, gc_collections, cpu_limit, memory_limit_bytes, uptime_s, request_count,
    error_count, request_temporality, request_start_unix_nano, start_time_unix_nano, service_version, service_instance_id, host_name"""
"""Columns that a service on an event loop knows; connections of pools are the part `database`'s."""


@pytest.fixture
def counted() -> Iterator[None]:
    """The process's own traffic, from zero."""
    traffic.reset()
    yield
    traffic.reset()


def value(points: list[Any]) -> Any:
    """Of all points of a metric together."""
    return sum(point.value for point in points)


@pytest.mark.usefixtures("counted")
def test_a_process_is_described_by_metrics_of_stable_names(observed: Callable[..., Any]) -> None:
    """Of itself and of its machine."""
    metrics = observed(server).metrics()
    this = psutil.Process()
    assert 0.5 < value(metrics["process.memory.usage"]) / this.memory_info().rss < 1.5
    assert 0 < value(metrics["otelpond.heap.used"]) < value(metrics["process.memory.usage"])
    assert this.num_threads() == value(metrics["process.thread.count"])
    assert value(metrics["process.unix.file_descriptor.count"]) > 2
    assert 0 < value(metrics["process.cpu.time"]) <= sum(os.times()[:2])
    assert 0 < value(metrics["process.cpu.utilization"]) <= 1
    assert {"user", "system"} == {point.attributes["cpu.mode"] for point in metrics["process.cpu.utilization"]}
    assert value(metrics["process.uptime"]) > 0
    assert value(metrics["cpython.gc.collections"]) > 0
    assert 0 < value(metrics["system.memory.usage"]) < psutil.virtual_memory().total
    assert 0 < value(metrics["otelpond.memory.limit"]) <= psutil.virtual_memory().total
    assert 0 < value(metrics["otelpond.cpu.limit"]) <= psutil.cpu_count()
    assert "otelpond.event_loop.lag" not in metrics


@pytest.mark.usefixtures("counted")
def test_requests_are_counted_since_the_start(observed: Callable[..., Any]) -> None:
    """So that the first row's rate has a time to go by."""
    running = observed(server)
    for failed in (False, True, False):
        traffic.start()
        traffic.end(failed=failed)
    traffic.start()
    metrics = running.metrics()
    assert (1, 3, 1) == tuple(value(metrics[f"otelpond.requests.{name}"]) for name in ("active", "ended", "failed"))
    (ended,) = metrics["otelpond.requests.ended"]
    assert ended.start_time_unix_nano < ended.time_unix_nano


def test_where_nobody_counts_requests_none_are_told(observed: Callable[..., Any]) -> None:
    """Else our zeros would win over what others count."""
    assert not any(name.startswith("otelpond.requests") for name in observed(server, disabled_parts=("requests",)).metrics())


def test_the_lag_of_a_loop_is_told_once(observed: Callable[..., Any]) -> None:
    """While no loop runs there is none."""
    running = observed(server)
    asyncio.run(asyncio.sleep(0))
    assert value(running.metrics()["otelpond.event_loop.lag"]) >= 0
    assert "otelpond.event_loop.lag" not in running.metrics()


def test_what_cannot_be_read_is_left_out(
    observed: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Said once; the rest is told."""
    running = observed(server)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: 1 / 0)
    for _ in range(2):
        metrics = running.metrics()
    assert "process.cpu.utilization" in metrics
    assert "system.memory.usage" not in metrics
    assert "otelpond: server health (memory) is skipped: ZeroDivisionError: division by zero\n" == capsys.readouterr().err


@pytest.mark.usefixtures("counted")
def test_a_share_of_less_than_half_a_second_is_not_told(observed: Callable[..., Any]) -> None:
    """The one before is told again: a flush comes at any time."""
    running = observed(server)
    first = value(running.metrics()["process.cpu.utilization"])
    assert first == value(running.metrics()["process.cpu.utilization"])


@pytest.mark.long
@pytest.mark.parametrize(
    "command",
    [
        (sys.executable, "-m", "uvicorn", "shop:app", "--workers", "2", "--host", "{host}", "--port", "{port}"),
        (sys.executable, "-m", "uvicorn", "shop:app", "--loop", "uvloop", "--host", "{host}", "--port", "{port}"),
        (str(BIN / "gunicorn"), "shop:app", "-k", "uvicorn.workers.UvicornWorker", "-w", "2", "-b", "{host}:{port}", "--preload"),
    ],
    ids=["uvicorn with 2 workers", "uvicorn on uvloop", "gunicorn, pre-fork, preloaded"],
)
def test_every_worker_has_rows_of_its_own_and_every_column_of_them(
    command: tuple[str, ...],
    collector: Any,
    serve: Callable[..., Any],
    free_address: Callable[[], str],
    eventually: Callable[..., Any],
) -> None:
    """Under its own instance id; rates and shares are there from the first row on."""
    address = free_address()
    host, _, port = address.partition(":")
    service = f"health-{Path(command[2]).name}-{len(command)}"
    words = [word.format(host=host, port=port) for word in command]
    with serve(address, *OTELPOND, service, "--endpoint", f"http://{collector.http}", "--", *words) as ask:
        pids: set[int] = set()
        wanted = 1 if "uvloop" in words else 2
        eventually(lambda: pids.add(ask("/who/1").json()["pid"]) or len(pids) == wanted, "every worker has answered")
        sql = f"""select count(distinct service_instance_id), min(rows) from (select service_instance_id, count(*) as rows
            from server_performance_metrics where service_name = '{service}' and event_loop_lag_ms is not null group by all)"""
        eventually(lambda: (wanted, 2) <= tuple(collector.published(sql)[0]), "every worker has two rows")
    rows = collector.published(
        f"""select count(*), {", ".join(f"count({column.strip()})" for column in KNOWN.split(","))}
        from server_performance_metrics where service_name = '{service}' and event_loop_lag_ms is not null"""
    )
    assert len(set(rows[0])) == 1, dict(zip(["rows", *KNOWN.replace(",", "").split()], rows[0], strict=True))


def test_a_forked_child_is_a_process_of_its_own(collector: Any, run: Callable[..., Any]) -> None:
    """With the CPU time that it has used itself, and no time of its parent's."""
    ended = run(*OTELPOND, "forked-health", "--endpoint", f"http://{collector.http}", "--", sys.executable, "counted.py")
    assert (0, "") == (ended.returncode, ended.stderr)
    rows = collector.published(
        """select max(cpu_time_s), max(active_handles) > 2, max(cpu_usage) is not null from server_performance_metrics
        where service_name = 'forked-health' group by service_instance_id order by 1"""
    )
    assert [(True, True), (True, True)] == [row[1:] for row in rows]
    (child_s, *_), (parent_s, *_) = rows
    assert child_s < parent_s / 2
