"""A running collector for other languages' SDKs and for curl."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import httpx
import pytest

from ..e2e.conftest import free_address

_DEADLINE_S = 60.0


@dataclass
class Served:
    """An `otelpond serve` that runs, and its addresses, HOST:PORT each."""

    data: Path
    grpc: str
    http: str
    admin: str

    def published(self, sql: str, *values: str) -> list[tuple[Any, ...]]:
        """What plain DuckDB answers once everything accepted so far is published."""
        httpx.post(f"http://{self.admin}/publish", timeout=60).raise_for_status()
        with duckdb.connect(str(self.data / "pond.duckdb"), read_only=True) as connection:
            return connection.execute(sql, values).fetchall()


@pytest.fixture(scope="module")
def collector(tmp_path_factory: pytest.TempPathFactory, kernel_cache: str) -> Iterator[Served]:
    """One collector for a module's tests."""
    data = tmp_path_factory.mktemp("interop") / "pond"
    served = Served(data, free_address(), free_address(), free_address())
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("OTEL", "APM_"))}
    environment |= {"OTELPOND_BATCH_INTERVAL_S": "0.2", "OTELPOND_CACHE_DIR": kernel_cache}
    command = [sys.executable, "-m", "otelpond.config.cli", "serve", "--data", str(data)]
    addresses = ["--grpc", served.grpc, "--http", served.http, "--admin", served.admin]
    log = data.with_name("collector.log")
    with log.open("wb") as output, subprocess.Popen([*command, *addresses], env=environment, stdout=output, stderr=output) as process:
        try:
            _await_ready(served, process, log)
            yield served
        finally:
            process.terminate()
            process.wait(_DEADLINE_S)


def _await_ready(served: Served, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + _DEADLINE_S
    while True:
        try:
            if httpx.get(f"http://{served.admin}/healthz", timeout=5).is_success:
                return
        except httpx.TransportError:
            pass
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.05)
