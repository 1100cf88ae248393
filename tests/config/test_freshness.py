"""A query asks a living collector to publish first, and works without one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from otelpond.config.commands import freshness


class _Admin(BaseHTTPRequestHandler):
    """Counts publishes; answers 503 where told to."""

    asked: list[str]
    status = 200

    def do_POST(self) -> None:
        """Take a publish."""
        self.asked.append(self.path)
        self.send_response(self.status)
        self.end_headers()

    def log_message(self, *_: object) -> None:  # type: ignore[override]
        """Say nothing."""


@pytest.fixture
def admin() -> Iterator[HTTPServer]:
    """An admin listener on a free port."""
    _Admin.asked, _Admin.status = [], 200
    server = HTTPServer(("127.0.0.1", 0), _Admin)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def _says(data: Path, pid: int, port: int) -> None:
    (data / "collector.json").write_text(json.dumps({"pid": pid, "admin": f"http://127.0.0.1:{port}"}), encoding="utf-8")


def test_a_living_collector_is_asked(tmp_path: Path, admin: HTTPServer) -> None:
    """The file in the pond says where, and the question is one POST."""
    _says(tmp_path, os.getpid(), admin.server_port)
    freshness.publish(tmp_path)
    assert ["/publish?tenant=default"] == _Admin.asked


def test_it_is_asked_once_a_second_at_most(tmp_path: Path, admin: HTTPServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a publish within the last second the query waits for the second to pass, then asks."""
    waited: list[float] = []
    monkeypatch.setattr(freshness.time, "sleep", waited.append)
    monkeypatch.setattr(freshness.time, "time", lambda: (tmp_path / "pond.duckdb").stat().st_mtime + 0.25)
    (tmp_path / "pond.duckdb").touch()
    _says(tmp_path, os.getpid(), admin.server_port)
    freshness.publish(tmp_path)
    assert [0.75] == [round(seconds, 3) for seconds in waited]
    assert ["/publish?tenant=default"] == _Admin.asked


def test_a_dead_collector_is_left_alone(tmp_path: Path, admin: HTTPServer) -> None:
    """The file of a killed collector stays behind, and its port may be somebody else's."""
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    _says(tmp_path, ended.pid, admin.server_port)
    freshness.publish(tmp_path)
    assert [] == _Admin.asked


@pytest.mark.parametrize("text", [None, "", "{}", "[]", '{"pid": "x", "admin": ""}'])
def test_without_a_collector_nothing_happens(tmp_path: Path, text: str | None) -> None:
    """No file, or one that was never written to the end, means that nobody serves."""
    if text is not None:
        (tmp_path / "collector.json").write_text(text, encoding="utf-8")
    freshness.publish(tmp_path)
    assert None is freshness.running_collector(tmp_path)


def test_a_collector_that_cannot_publish_does_not_stop_a_query(
    tmp_path: Path, admin: HTTPServer, capsys: pytest.CaptureFixture[str]
) -> None:
    """The answer comes from the last snapshot, and standard error says so."""
    _Admin.status = 503
    _says(tmp_path, os.getpid(), admin.server_port)
    freshness.publish(tmp_path)
    assert "did not publish" in capsys.readouterr().err
