"""A pond per tenant: rows stay in their own tenant's pond, through kills; one tenant's load or broken lake is no other tenant's trouble."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import httpx
import pytest

PROTOBUF = {"content-type": "application/x-protobuf"}
COMMAND = [sys.executable, "-m", "otelpond.config.cli"]


def token(collector: Any, tenant: str) -> str:
    """A new token of a tenant."""
    command = [*COMMAND, "token", "create", "--tenant", tenant, "--role", "ingest", "--data", str(collector.data)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def send(collector: Any, bearer: str, body: bytes) -> int:
    """One request; the status of its answer."""
    headers = PROTOBUF | {"authorization": f"Bearer {bearer}"}
    return httpx.post(f"http://{collector.http}/v1/traces", content=body, headers=headers, timeout=30).status_code


def publish(collector: Any, tenant: str) -> httpx.Response:
    """Have a tenant's pond published."""
    return httpx.post(f"http://{collector.admin}/publish", params={"tenant": tenant}, timeout=60)


def pond(collector: Any, tenant: str) -> Path:
    """A tenant's pond."""
    return Path(collector.data / "tenants" / tenant)


def services(collector: Any, tenant: str) -> dict[str, int]:
    """Spans by service in a tenant's pond, after a publish."""
    publish(collector, tenant).raise_for_status()
    with duckdb.connect(str(pond(collector, tenant) / "pond.duckdb"), read_only=True) as connection:
        rows = connection.execute("select service_name, count(*) from spans where tenant_id = ? group by all", [tenant]).fetchall()
        assert [(0,)] == connection.execute("select count(*) from spans where tenant_id != ?", [tenant]).fetchall()
    return dict(rows)


@contextmanager
def busy(collector: Any, bearer: str, body: Callable[[], bytes], senders: int = 8) -> Iterator[list[int]]:
    """A tenant that sends as much as it can; gives the statuses of its answers so far."""
    stopping, answers = threading.Event(), list[int]()

    def run() -> None:
        while not stopping.is_set():
            answers.append(send(collector, bearer, body()))

    threads = [threading.Thread(target=run) for _ in range(senders)]
    for thread in threads:
        thread.start()
    try:
        yield answers
    finally:
        stopping.set()
        for thread in threads:
            thread.join()


@pytest.mark.long
@pytest.mark.timeout(180)
@pytest.mark.parametrize("workers", ["1", "2"])
def test_rows_stay_in_the_pond_of_their_tenant_through_kills(new_collector: Any, server_spans: Any, workers: str) -> None:
    """Equal bytes of two tenants are two payloads, a retry of one of them is one, and nothing is lost when everything is killed."""
    collector = new_collector(OTELPOND_WORKERS=workers)
    acme, globex = token(collector, "acme"), token(collector, "globex")
    collector.start()
    body = server_spans(3, "shop").SerializeToString()
    for bearer in (acme, globex, acme):
        assert httpx.codes.OK == send(collector, bearer, body)
    assert {"shop": 3} == services(collector, "acme")
    unpublished = server_spans(2, "unpublished").SerializeToString()
    assert httpx.codes.OK == send(collector, globex, unpublished)
    collector.kill()
    collector.start()
    for bearer in (acme, globex):
        assert httpx.codes.OK == send(collector, bearer, body)
    assert httpx.codes.OK == send(collector, globex, unpublished)
    assert {"shop": 3} == services(collector, "acme")
    assert {"shop": 3, "unpublished": 2} == services(collector, "globex")
    collector.publish()
    assert [(0,)] == collector.rows("select count(*) from spans"), "the default pond is nobody's bin"


@pytest.mark.timeout(120)
def test_a_pond_appears_with_its_token_and_is_asked_by_name(new_collector: Any, server_spans: Any, eventually: Any) -> None:
    """Views and tables are there before the first payload; `sql --tenant` and `--data` on the pond's folder give the same rows."""
    collector = new_collector().start()
    acme = token(collector, "acme")
    eventually((pond(collector, "acme") / "pond.duckdb").exists, "the pond of a new token is made")
    eventually(lambda: send(collector, acme, server_spans(4, "shop").SerializeToString()) == httpx.codes.OK, "the token is known")
    for options in (["--data", str(collector.data), "--tenant", "acme"], ["--data", str(pond(collector, "acme"))]):
        asked = subprocess.run(
            [*COMMAND, "sql", "select count(*) as n from spans", "--format", "json", *options], check=True, capture_output=True, text=True
        )
        assert ([{"n": 4}], "") == (json.loads(asked.stdout), asked.stderr)
    assert httpx.codes.NOT_FOUND == publish(collector, "nobody").status_code
    assert httpx.codes.NOT_FOUND == publish(collector, "../acme").status_code


@pytest.mark.long
@pytest.mark.timeout(180)
def test_a_busy_tenant_does_not_hold_up_another(new_collector: Any, server_spans: Any) -> None:
    """While one sends without pause, and more than is stored, another's payload is taken and in its tables in seconds."""
    collector = new_collector(OTELPOND_INBOX_SOFT_BYTES="2MB", OTELPOND_COMMIT_INTERVAL_S="10")
    loud, quiet = token(collector, "loud"), token(collector, "quiet")
    collector.start()
    assert httpx.codes.OK == send(collector, quiet, server_spans(1, "first").SerializeToString())
    assert {"first": 1} == services(collector, "quiet")
    with busy(collector, loud, lambda: server_spans(500, "loud").SerializeToString()) as answers:
        waits = []
        for number in range(5):
            started = time.monotonic()
            assert httpx.codes.OK == send(collector, quiet, server_spans(1, f"quiet {number}").SerializeToString())
            publish(collector, "quiet").raise_for_status()
            waits.append(time.monotonic() - started)
        assert answers
    assert 30 > max(waits), "a publish that is asked for gives up after 30 s"
    assert 6 == sum(services(collector, "quiet").values())
    assert {"loud": 500 * answers.count(httpx.codes.OK)} == services(collector, "loud")


def _lake_is_newer(folder: Path) -> None:
    (folder / "lake" / "layout.json").write_text('{"layout": 99}')


def _damage_plan(folder: Path) -> None:
    max((folder / "plans").glob("*.plan")).write_bytes(b"{")


def _lake_is_a_file(folder: Path) -> None:
    shutil.rmtree(folder / "lake")
    (folder / "lake").touch()


@pytest.mark.long
@pytest.mark.timeout(180)
@pytest.mark.parametrize("damage", [_lake_is_newer, _damage_plan, _lake_is_a_file], ids=["newer", "damaged plan", "no folder"])
def test_a_broken_pond_stops_no_other(new_collector: Any, server_spans: Any, damage: Callable[[Path], None], eventually: Any) -> None:
    """Its payloads are still accepted and wait, its publish says why it fails; the others', the default one's too, go on."""
    collector = new_collector()
    broken, well = token(collector, "broken"), token(collector, "well")
    collector.start()
    for bearer in (broken, well):
        assert httpx.codes.OK == send(collector, bearer, server_spans(2, "before").SerializeToString())
    assert {"before": 2} == services(collector, "broken")
    collector.stop()
    kept = collector.data.with_name("kept")
    shutil.rmtree(kept, ignore_errors=True)
    shutil.copytree(pond(collector, "broken"), kept, symlinks=True)
    damage(pond(collector, "broken"))
    collector.start()
    for bearer in (broken, well):
        assert httpx.codes.OK == send(collector, bearer, server_spans(3, "after").SerializeToString())
    assert {"before": 2, "after": 3} == services(collector, "well")
    collector.publish()
    answer = eventually(lambda: (refused := publish(collector, "broken")).status_code == 503 and refused, "the broken pond says so")
    assert answer.json()["reason"] not in ("", "the pipeline is behind; it goes on publishing")
    assert collector.pipeline() is not None

    for part in ("lake", "plans"):  # the operator puts it right while the collector runs
        lost = pond(collector, "broken") / part
        shutil.rmtree(lost) if lost.is_dir() else lost.unlink()
        shutil.copytree(kept / part, lost)
    eventually(lambda: publish(collector, "broken").status_code == httpx.codes.OK, "the pond goes on by itself")
    assert {"before": 2, "after": 3} == services(collector, "broken")


@pytest.mark.long
@pytest.mark.timeout(180)
def test_the_pipeline_is_killed_while_several_ponds_are_at_work(new_collector: Any, server_spans: Any, eventually: Any) -> None:
    """Each goes on where it was."""
    collector = new_collector()
    bearers = {tenant: token(collector, tenant) for tenant in ("acme", "globex", "initech")}
    collector.start()
    sent = dict.fromkeys(bearers, 0)
    for number in range(6):
        for tenant, bearer in bearers.items():
            assert httpx.codes.OK == send(collector, bearer, server_spans(20, "shop").SerializeToString())
            sent[tenant] += 20
        pipeline = eventually(collector.pipeline, "the pipeline runs")
        if number % 2:
            os.kill(pipeline.pid, signal.SIGKILL)
    for tenant, spans in sent.items():
        assert {"shop": spans} == services(collector, tenant)
