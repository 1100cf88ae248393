"""Disks that fill up, or that nobody may write to: senders are told to try again, nothing is lost, and it goes on by itself."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from ..e2e.conftest import Collector

SPANS = 20


class Sender(threading.Thread):
    """Sends requests of fresh spans, each until it is acknowledged; remembers every answer."""

    def __init__(self, collector: Collector, make: Any) -> None:
        super().__init__()
        self._collector, self._make = collector, make
        self.stopping = threading.Event()
        self.answers: list[httpx.Response] = []
        self.acknowledged: list[str] = []

    def run(self) -> None:
        """Send until told to stop; what is under way is finished."""
        while not self.stopping.is_set():
            request = self._make(SPANS)
            body = request.SerializeToString()
            while not self._taken(body):
                time.sleep(0.02)
            self.acknowledged += [span.span_id.hex() for span in request.resource_spans[0].scope_spans[0].spans]

    def _taken(self, body: bytes) -> bool:
        self.answers.append(self._collector.post("/v1/traces", body))
        return self.answers[-1].is_success

    def refused(self) -> list[httpx.Response]:
        """The answers that were no success."""
        return [answer for answer in self.answers if not answer.is_success]


@contextmanager
def sending(collector: Collector, make: Any) -> Iterator[Sender]:
    """A sender that works meanwhile, and is done afterwards."""
    sender = Sender(collector, make)
    sender.start()
    try:
        yield sender
    finally:
        sender.stopping.set()
        sender.join(60)
    assert not sender.is_alive(), "a request is never acknowledged"


def require_once(collector: Collector, sender: Sender) -> None:
    """Everything that was acknowledged is there, once, in both tables of a span."""
    assert sorted(sender.acknowledged) == [row[0] for row in collector.published("select span_id from spans order by span_id")]
    assert sorted(sender.acknowledged) == [row[0] for row in collector.rows("select span_id from api_performance_metrics order by span_id")]
    assert [] == collector.rows("select * from rejected_records")
    assert [] == list((collector.data / "quarantine").glob("*.pb")), "a payload was blamed"


@pytest.mark.long
@pytest.mark.timeout(240)
def test_a_disk_that_is_full_for_a_while(tmp_path: Path, quick: dict[str, str], mount: Any, server_spans: Any, eventually: Any) -> None:
    """Answers are 503 with a time to try again; when there is room again everything goes on, and nothing is lost or stored twice."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount(disk, "-t", "tmpfs", "-o", "size=48m", "tmpfs")
    collector = Collector(disk / "pond", quick | {"OTELPOND_LOG_FORMAT": "console"})
    collector.start()
    try:
        with sending(collector, server_spans) as sender:
            eventually(lambda: len(sender.acknowledged) > 10 * SPANS, "requests are acknowledged")
            _fill(disk / "filler")
            eventually(lambda: len(sender.refused()) > 50, "requests are refused")
            segments = len(list((collector.data / "inbox" / "receiver").glob("*.*")))
            (disk / "filler").unlink()
            before = len(sender.acknowledged)
            eventually(lambda: len(sender.acknowledged) > before + 10 * SPANS, "requests are acknowledged again")
        assert {httpx.codes.SERVICE_UNAVAILABLE} == {answer.status_code for answer in sender.refused()}
        assert all(1 <= int(answer.headers["retry-after"]) <= 3 for answer in sender.refused())
        assert segments < 20, "each refusal left a file behind"
        require_once(collector, sender)
    finally:
        collector.kill()


def _fill(file: Path) -> None:
    with file.open("wb", buffering=0) as filler:
        for size in (1 << 20, 1 << 12, 1):
            try:
                while filler.write(bytes(size)) == size:
                    pass
            except OSError:
                continue


@pytest.mark.long
@pytest.mark.timeout(240)
def test_a_folder_that_cannot_be_written_for_a_while(
    tmp_path: Path, quick: dict[str, str], mount: Any, server_spans: Any, eventually: Any
) -> None:
    """Neither inbox nor tables: as after an error of the file system, which then is remounted read-only."""
    collector = Collector(tmp_path / "pond", quick).start()
    inbox = collector.data / "inbox" / "receiver"
    try:
        with sending(collector, server_spans) as sender:
            eventually(lambda: len(sender.acknowledged) > 10 * SPANS, "requests are acknowledged")
            collector.publish()
            for folder in (inbox, collector.data / "lake"):
                mount(folder, "--bind", str(folder))
                mount(folder, "-o", "remount,ro,bind")
            eventually(sender.refused, "requests are refused once a new segment is due")
            for folder in (inbox, collector.data / "lake"):
                mount(folder, "-o", "remount,rw,bind")
            before = len(sender.acknowledged)
            eventually(lambda: len(sender.acknowledged) > before + 10 * SPANS, "requests are acknowledged again")
        assert {httpx.codes.SERVICE_UNAVAILABLE} == {answer.status_code for answer in sender.refused()}
        require_once(collector, sender)
    finally:
        collector.kill()


@pytest.mark.timeout(60)
def test_a_collector_on_a_read_only_directory_says_so(tmp_path: Path, quick: dict[str, str], mount: Any) -> None:
    """In one line, with the directory, and it ends."""
    del quick
    disk = tmp_path / "disk"
    disk.mkdir()
    mount(disk, "-t", "tmpfs", "-o", "ro", "tmpfs")
    serve = [sys.executable, "-m", "otelpond.config.cli", "serve", "--data", str(disk / "pond"), "--http", "127.0.0.1:0"]
    done = subprocess.run([*serve, "--grpc", "127.0.0.1:0", "--admin", "127.0.0.1:0"], capture_output=True, text=True, check=False)

    assert done.returncode
    assert "Traceback" not in done.stderr
    assert str(disk / "pond") in done.stderr
    assert "Read-only file system" in done.stderr
