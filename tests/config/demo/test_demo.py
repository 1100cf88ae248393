"""`otelpond demo` from outside: it shows what arrived, leaves a pond, and ends when it should."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import duckdb
import psutil
import pytest
from otelpond.config.demo.processes import clean_environment


def _demo(place: Path, kernel_cache: str, *options: str) -> subprocess.Popen[str]:
    environment = clean_environment(OTELPOND_CACHE_DIR=kernel_cache)
    command = [sys.executable, "-m", "otelpond.config.cli", "demo", *options]
    return subprocess.Popen(command, cwd=place, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_the_demo_shows_what_arrived(tmp_path: Path, kernel_cache: str) -> None:
    """Every part of the report is there, nothing was refused, and the printed queries can be run on the pond that stays."""
    demo = _demo(tmp_path, kernel_cache, "--seconds", "2")
    out, error = demo.communicate(timeout=110)
    assert (0, "") == (demo.returncode, error)
    for heading in ("The slowest routes", "The slowest queries", "Errors", "Crashes", "Server health", "What arrived"):
        assert f"\n{heading}" in out
    assert "rejected_records     0" in out
    queries = [line.split('"')[1] for line in out.splitlines() if " sql --data pond-demo " in line]
    assert 3 == len(queries)
    with duckdb.connect(str(tmp_path / "pond-demo" / "pond.duckdb"), read_only=True) as connection:
        for query in queries:
            assert connection.execute(query).fetchall()
        types = connection.execute("select distinct query_type from database_performance_metrics order by all").fetchall()
    assert [("INSERT",), ("SELECT",), ("UPDATE",)] == types


@pytest.mark.long
def test_ctrl_c_ends_the_demo_cleanly(tmp_path: Path, kernel_cache: str) -> None:
    """Without --seconds it runs until Ctrl-C, then reports like any other, and leaves no process behind."""
    demo = _demo(tmp_path, kernel_cache)
    assert demo.stdout is not None
    for line in demo.stdout:
        if line.startswith("sample shop: customers come and go; Ctrl-C ends it"):
            break
    children = psutil.Process(demo.pid).children(recursive=True)
    demo.send_signal(signal.SIGINT)
    out, error = demo.communicate(timeout=110)
    assert (0, "") == (demo.returncode, error)
    assert "The slowest routes" in out
    assert 2 <= len(children)
    assert [] == [child.pid for child in children if child.is_running()]
