"""Several receiver processes on one port: nothing acknowledged is lost or doubled whoever is killed; children end with the parent."""

from __future__ import annotations

import os
import random
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import httpx
import psutil
import pytest

from .clients import REQUESTS_BETWEEN_KILLS, load, wait_for_requests

WORKERS = 3
PROTOBUF = {"content-type": "application/x-protobuf"}


def children(collector: Any, module: str) -> list[psutil.Process]:
    """The collector's processes that run a module of ours."""
    found = []
    for child in psutil.Process(collector.process.pid).children():
        with suppress(psutil.Error):
            if f"otelpond.config.collector.{module}" in child.cmdline():
                found.append(child)
    return found


def pids(collector: Any) -> set[int]:
    """The receiver processes' numbers."""
    return {process.pid for process in children(collector, "worker_process")}


def inboxes(collector: Any) -> dict[str, int]:
    """Bytes in each inbox."""
    return {
        folder.name: sum(path.stat().st_size for path in folder.glob("*.[os]*[nt]"))
        for folder in sorted((collector.data / "inbox").iterdir())
    }


@contextmanager
def paused(processes: list[psutil.Process]) -> Iterator[None]:
    """Stop processes for a while, so that others get their work."""
    for process in processes:
        process.suspend()
    try:
        yield
    finally:
        for process in processes:
            process.resume()


@pytest.fixture
def workers(new_collector: Callable[..., Any], eventually: Any) -> Iterator[Any]:
    """A running collector with several receiver processes."""
    collector = new_collector(OTELPOND_WORKERS=str(WORKERS)).start()
    eventually(lambda: len(children(collector, "worker_process")) == WORKERS, "every receiver process runs")
    yield collector
    if collector.process.poll() is None:
        collector.stop()


@pytest.mark.long
@pytest.mark.timeout(240)
def test_every_acknowledged_span_is_stored_once_whoever_is_killed(workers: Any, server_spans: Any) -> None:
    """A receiver process, the pipeline, the parent alone, or all of them at once: no row is missing and none is twice."""
    with load(workers, server_spans) as clients:
        for victim in ("worker", "worker", "pipeline", "parent", "worker", "all", "parent"):
            wait_for_requests(clients, REQUESTS_BETWEEN_KILLS + random.randrange(20))
            if victim == "worker":
                os.kill(random.choice(children(workers, "worker_process")).pid, signal.SIGKILL)
            elif victim == "pipeline":
                for pipeline in children(workers, "pipeline_process"):
                    pipeline.kill()
            else:
                workers.kill(children=victim == "all")
                workers.start()
        wait_for_requests(clients, REQUESTS_BETWEEN_KILLS)
    acknowledged = sorted(span for client in clients for span in client.acknowledged)
    assert acknowledged == [row[0] for row in workers.published("select span_id from spans order by span_id")]
    assert acknowledged == [row[0] for row in workers.rows("select span_id from api_performance_metrics order by span_id")]
    assert [] == workers.rows("select * from rejected_records")
    assert sum(client.retries for client in clients) > 0, "no request met a kill: the load was too light"


@pytest.mark.long
@pytest.mark.timeout(120)
def test_a_retry_that_reaches_another_worker_is_stored_once(workers: Any, server_spans: Any, eventually: Any) -> None:
    """The same bytes to every process, with a publish and with kills in between, are one payload."""
    body = server_spans(3, "retried").SerializeToString()
    for number in range(WORKERS):
        running = children(workers, "worker_process")
        with paused([process for process in running if process.pid != running[number].pid]):
            before = inboxes(workers)
            eventually(lambda: _accepted(workers, body), f"process {number} takes the payload")
            grown = [name for name, size in inboxes(workers).items() if size > before.get(name, 0)]
        assert 1 == len(grown), f"one process at a time was meant to write, and these inboxes grew: {grown}"
        if number == 1:
            assert [(3,)] == workers.published("select count(*) from spans where service_name = 'retried'")
            running[0].kill()
            running[0].wait(timeout=30)
            eventually(lambda: len(pids(workers)) == WORKERS, "the dead process is started again")
    workers.kill()
    workers.start()
    workers.accept("/v1/traces", body)
    assert [(3,)] == workers.published("select count(*) from spans where service_name = 'retried'")


def _accepted(collector: Any, body: bytes) -> bool:
    """Whether a new connection reached a process that runs."""
    with suppress(httpx.TransportError):
        return bool(
            httpx.post(f"http://{collector.http}/v1/traces", content=body, headers=PROTOBUF, timeout=1).status_code == httpx.codes.OK
        )
    return False


@pytest.mark.long
@pytest.mark.timeout(120)
def test_the_children_end_with_the_parent(new_collector: Callable[..., Any], server_spans: Any, eventually: Any) -> None:
    """Killed without a word, it leaves nobody behind; told to end, it has everything published and is gone within its limit."""
    collector = new_collector(OTELPOND_WORKERS="2", OTELPOND_COMMIT_INTERVAL_S="3600", OTELPOND_BATCH_INTERVAL_S="3600").start()
    eventually(lambda: len(children(collector, "worker_process")) == 2, "every receiver process runs")
    family = psutil.Process(collector.process.pid).children(recursive=True)
    assert {"pipeline_process", "worker_process"} <= {process.cmdline()[2].rpartition(".")[2] for process in family}
    collector.accept("/v1/traces", server_spans(3, "last").SerializeToString())
    collector.kill(children=False)
    eventually(lambda: not any(process.is_running() and process.status() != psutil.STATUS_ZOMBIE for process in family), "all have ended")
    assert [(3,)] == collector.rows("select count(*) from spans")

    collector.start()
    collector.accept("/v1/traces", server_spans(4, "told").SerializeToString())
    family = psutil.Process(collector.process.pid).children(recursive=True)
    assert 0 == collector.stop()
    assert not any(process.is_running() for process in family)
    assert [(7,)] == collector.rows("select count(*) from spans")


@pytest.mark.long
@pytest.mark.timeout(120)
def test_counters_and_a_reload_reach_every_process(workers: Any, server_spans: Any, eventually: Any) -> None:
    """Metrics are the sum over processes, and SIGHUP ends none of them."""
    for _ in range(30):
        workers.accept("/v1/traces", server_spans(2, "counted").SerializeToString())
    assert 1 < sum(size > 0 for size in inboxes(workers).values()), "connections are spread over processes"

    def accepted() -> float:
        lines = httpx.get(f"http://{workers.admin}/metrics", timeout=30).text.splitlines()
        return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith("otelcol_receiver_accepted_spans"))

    assert 60 == accepted()
    before = pids(workers)
    workers.process.send_signal(signal.SIGHUP)
    workers.accept("/v1/traces", server_spans(1, "counted").SerializeToString())
    eventually(lambda: accepted() == 61, "the request after the reload is counted")
    assert before == pids(workers)


@pytest.mark.long
@pytest.mark.timeout(120)
def test_a_second_collector_is_refused_the_port(workers: Any, new_collector: Callable[..., Any]) -> None:
    """Processes of one collector share a port; those of another are a mistake."""
    other = new_collector(OTELPOND_WORKERS="2")
    other.http = workers.http
    with pytest.raises(pytest.fail.Exception, match="the address cannot be bound"):
        other.start()
    same = new_collector(OTELPOND_WORKERS="2")
    same.data = workers.data
    with pytest.raises(pytest.fail.Exception, match="another otelpond serves this pond"):
        same.start()


@pytest.mark.timeout(120)
@pytest.mark.parametrize("workers", [pytest.param("1", marks=pytest.mark.long), "2"])
def test_a_body_that_never_ends_does_not_hold_up_the_end(new_collector: Callable[..., Any], server_spans: Any, workers: str) -> None:
    """SIGTERM waits for requests under way within its limit, then everything accepted is published."""
    collector = new_collector(OTELPOND_WORKERS=workers, OTELPOND_DRAIN_TIMEOUT_S="20", OTELPOND_COMMIT_INTERVAL_S="3600").start()
    collector.accept("/v1/traces", server_spans(3, "accepted").SerializeToString())
    host, _, port = collector.http.rpartition(":")
    with socket.create_connection((host, int(port))) as connection:
        head = "POST /v1/traces HTTP/1.1\r\nhost: x\r\ncontent-type: application/x-protobuf\r\ncontent-length: 100\r\n\r\n"
        connection.sendall(head.encode() + b"the beginning")
        assert 0 == collector.stop()
    assert [(3,)] == collector.rows("select count(*) from spans")
