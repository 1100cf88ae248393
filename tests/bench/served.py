"""A collector being measured: started on a fresh directory, its processes' CPU and memory read from outside; used by `run`."""

from __future__ import annotations

import json
import os
import signal
import statistics
import subprocess
import sys
import threading
import time
import urllib.request
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

import duckdb
import psutil
from otelpond.config.demo.processes import free_port

_DEADLINE_S = 300.0


def free_address() -> str:
    """An address of this machine that nobody listens on."""
    return f"127.0.0.1:{free_port()}"


class Collector:
    """`otelpond serve` with its default settings on a directory."""

    def __init__(self, data: Path, kernel_cache: Path) -> None:
        self.data = data
        self.grpc, self.http, self.admin = free_address(), free_address(), free_address()
        environment = {key: value for key, value in os.environ.items() if not key.startswith(("OTEL", "APM_"))}
        command = [sys.executable, "-m", "otelpond.config.cli", "serve", "--data", str(data)]
        self.log = data.with_name(f"{data.name}.log")
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [*command, "--grpc", self.grpc, "--http", self.http, "--admin", self.admin],
                env=environment | {"OTELPOND_CACHE_DIR": str(kernel_cache)},
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.wait(lambda: self.ask("/healthz"), "the collector is ready")

    def wait(self, condition: Any, what: str, *, deadline_s: float = _DEADLINE_S, pause_s: float = 0.05) -> Any:
        """What `condition` gives as soon as it is true.

        Raises:
            RuntimeError: the collector ended, or the condition did not come true in time.
        """
        end = time.monotonic() + deadline_s
        while not (result := condition()):
            if self.process.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"not within {deadline_s} s: {what}; the collector said:\n{self.log.read_text()[-4000:]}")
            time.sleep(pause_s)
        return result

    def ask(self, path: str, method: str = "GET") -> dict[str, Any]:
        """The admin listener's answer; empty while it does not answer, or answers with an error."""
        request = urllib.request.Request(f"http://{self.admin}{path}", method=method)
        with suppress(OSError), urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
            return dict(json.loads(answer.read()))
        return {}

    def rows(self, table: str) -> int:
        """Rows of a table in the last snapshot; -1 where there is none yet."""
        with suppress(duckdb.Error), duckdb.connect(str(self.data / "pond.duckdb"), read_only=True) as connection:
            return int(connection.execute(f"select count(*) from {table}").fetchall()[0][0])
        return -1

    def wait_for_rows(self, expected: dict[str, int]) -> None:
        """Publish until every table holds what it must.

        Raises:
            RuntimeError: a table holds more, or not enough in time.
        """

        def there() -> bool:
            self.ask("/publish", "POST")
            found = {table: self.rows(table) for table in expected}
            if any(found[table] > rows for table, rows in expected.items()):
                raise RuntimeError(f"more rows than were sent: expected {expected}, found {found}")
            return found == expected

        try:
            self.wait(there, "every row is in its table", pause_s=0.1)
        except RuntimeError as error:
            found = {table: self.rows(table) for table in expected}
            raise RuntimeError(f"expected {expected}, found {found}: {error}") from None

    def family(self) -> list[psutil.Process]:
        """The collector and everything it has started."""
        root = psutil.Process(self.process.pid)
        return [root, *root.children(recursive=True)]

    def cpu_s(self) -> float:
        """CPU seconds of the family so far, children that have ended included."""
        total = 0.0
        for process in self.family():
            with suppress(psutil.NoSuchProcess):
                times = process.cpu_times()
                total += times.user + times.system + times.children_user + times.children_system
        return total

    def page_faults(self) -> int:
        """First touches of pages of memory by the family so far, children that have ended included; 0 where the system has no /proc."""
        total = 0
        for process in self.family():
            with suppress(FileNotFoundError):
                fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
                total += int(fields[7]) + int(fields[8])  # minflt and cminflt
        return total

    def stop(self) -> None:
        """End it in good order."""
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(timeout=120)
        finally:
            if self.process.poll() is None:
                self.process.kill()


class MemoryWatch:
    """Samples the family's memory twice a second: PSS where the system tells it, so that shared pages count once, else RSS."""

    def __init__(self, collector: Collector) -> None:
        self._collector = collector
        self._ended = threading.Event()
        self.samples_mb: list[float] = []
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._ended.wait(0.5):
            total = 0
            for process in self._collector.family():
                with suppress(psutil.Error):
                    memory = process.memory_full_info()
                    total += getattr(memory, "pss", memory.rss)
            self.samples_mb.append(total / 1e6)

    @property
    def steady_mb(self) -> float:
        """The median of the samples."""
        return statistics.median(self.samples_mb)

    @property
    def peak_mb(self) -> float:
        """The largest sample."""
        return max(self.samples_mb)


def disk_bytes(data: Path, table: str) -> int:
    """Bytes of a table's live files."""
    return sum(path.stat().st_size for path in (data / "live" / table).rglob("*.parquet"))


def raw_fsync_ms(folder: Path, size: int, runs: int = 100) -> dict[str, float]:
    """What appending `size` bytes to one file and fsyncing it takes on that disk, milliseconds: the best of five rounds."""
    path, block = folder / "fsync-probe", os.urandom(size)
    rounds = []
    for _ in range(5):  # neighbours on the machine delay a round, never hasten it
        times = []
        with path.open("wb", buffering=0) as file:
            for _ in range(runs):
                start = time.perf_counter()
                file.write(block)
                os.fdatasync(file.fileno())
                times.append((time.perf_counter() - start) * 1000)
        rounds.append(statistics.quantiles(times, n=100))
    path.unlink()
    return {"p50": min(quantiles[49] for quantiles in rounds), "p99": min(quantiles[98] for quantiles in rounds)}
