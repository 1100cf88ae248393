"""A day at low rate, time-compressed: small real batches are decoded, derived and published under a moved clock, maintenance between.

Every commit, merge, checkpoint, clean-up and vacuum is the collector's own code on the disk. What is moved: the clock of this process,
which begins as many hours ago as are simulated, and the times of log entries, which delta-rs compares with its own clock. Run by `run`.
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from otelpond.storage.addresses import AddressHasher
from otelpond.storage.decode import kernels, warming
from otelpond.storage.decode.payloads import Payloads, Rules
from otelpond.storage.derive import Deriver, DeriveSettings
from otelpond.storage.lake.lake import Lake
from otelpond.storage.lake.maintenance import KEEP_DAYS, maintain
from otelpond.storage.pipeline.upkeep import AFTER_PUBLISH_S
from otelpond.storage.schema import load_tables
from otelpond.storage.signals import Signal
from payloads import templates

ITEMS = 50
"""In each request: ten of them a commit, 8 of spans."""
_VACUUM_AFTER_H = 24
_CPU_S = 3.0
_SIGNALS = {"traces": Signal.TRACES, "logs": Signal.LOGS, "metrics": Signal.METRICS}
_real_time = time.time


@dataclass(frozen=True, slots=True)
class Hour:
    """One simulated hour.

    Attributes:
        live_files: of all tables, at its end; `most_files` of the one with most.
        commit_ms: publish and views, median and 99th percentile.
        maintenance_s: CPU seconds of all rounds.
        disk_mb: everything in the lake, at its end.
    """

    hour: int
    live_files: int
    most_files: int
    commit_ms: float
    commit_p99_ms: float
    maintenance_s: float
    disk_mb: float
    log_files: int


class Clock:
    """Seconds since 1970, moved by hand."""

    def __init__(self, now_s: float) -> None:
        self.now_s = now_s

    @contextmanager
    def installed(self) -> Iterator[None]:
        """Have this process take it for the time."""
        time.time, time.time_ns = lambda: self.now_s, lambda: int(self.now_s * 1e9)
        try:
            yield
        finally:
            time.time, time.time_ns = _real_time, lambda: int(_real_time() * 1e9)

    @property
    def behind_s(self) -> float:
        """How far it is behind the real one."""
        return _real_time() - self.now_s


class Day:
    """A pond and its simulated hours."""

    def __init__(self, folder: Path, *, hours: int, commits_an_hour: int) -> None:
        self.data = folder
        self.hours, self.commits_an_hour = hours, commits_an_hour
        self._clock = Clock(_real_time() - hours * 3600)
        self._templates = templates(ITEMS, 1)
        self._rules = Rules(hash_address=AddressHasher(folder / "keys"))
        warming.warm()
        self._deriver = Deriver(load_tables(), DeriveSettings())
        self._lake = Lake(folder, load_tables())
        self._plan = 0
        self._asked_s = self._clock.now_s
        self._seen_s: dict[Path, float] = {}

    def run(self) -> Iterator[Hour]:
        """Each hour when it is over."""
        with self._clock.installed():
            for hour in range(1, self.hours + 1):
                commits_ms, maintenance_s = [], 0.0
                for _ in range(self.commits_an_hour):
                    self._clock.now_s += 3600 / self.commits_an_hour
                    commits_ms.append(self._commit())
                    maintenance_s += self._maintain()
                yield self._seen(hour, commits_ms, maintenance_s)

    def _commit(self) -> float:
        """Publish one batch; milliseconds from closing the files to the views."""
        self._plan += 1
        files = self._lake.open_batch("day", self._plan, 0)
        for table, rows in self._rows().items():
            files.append(table, rows)
        start = time.perf_counter()
        self._lake.publish(files.close(), "day", self._plan)
        self._lake.refresh()
        return (time.perf_counter() - start) * 1000

    def _rows(self) -> dict[str, Any]:
        decoded: dict[str, Any] = {}
        for name, signal in _SIGNALS.items():
            bodies = [bytes(made.request.refresh(time.time_ns())) for made in self._templates if made.signal == name]
            ends = np.cumsum([len(body) for body in bodies]).astype(np.int64)
            starts = np.concatenate([np.zeros(1, np.int64), ends[:-1]])
            accepted = np.full(len(bodies), time.time_ns(), np.int64)
            wire = np.frombuffer(b"".join(bodies), np.uint8)
            payloads = Payloads(wire, starts, ends, accepted, ["default"] * len(bodies), [os.urandom(16) for _ in bodies])
            decoded |= {relation: rows for relation, rows in kernels.decode(signal, payloads, self._rules).items() if rows.num_rows}
        return self._deriver.derive(decoded)

    def _maintain(self) -> float:
        """A round of maintenance where the collector would start one; its CPU seconds."""
        if self._clock.now_s - self._asked_s < AFTER_PUBLISH_S:
            return 0.0
        self._asked_s = self._clock.now_s
        if not self._lake.maintenance_due():
            return 0.0
        self._age_logs()
        start = time.process_time()
        vacuum_after_h = _VACUUM_AFTER_H + round(self._clock.behind_s / 3600)
        now = datetime.fromtimestamp(self._clock.now_s, UTC)
        lake = Lake(self.data, self._lake.schemas, writer=False)
        maintain(lake, keep_days=KEEP_DAYS, vacuum_after_h=vacuum_after_h, cpu_s=start + _CPU_S, now=now)
        return time.process_time() - start

    def _age_logs(self) -> None:
        """Make log entries as old for the real clock as they are for ours."""
        for entry in self.data.glob("lake/*/_delta_log/*"):
            modified_s = self._clock.behind_s + self._seen_s.setdefault(entry, self._clock.now_s)
            if entry.is_file():
                os.utime(entry, (modified_s, modified_s))

    def _seen(self, hour: int, commits_ms: list[float], maintenance_s: float) -> Hour:
        files = self._lake.live_files()
        lake = [path for path in (self.data / "lake").rglob("*") if path.is_file()]
        return Hour(
            hour,
            live_files=sum(files.values()),
            most_files=max(files.values()),
            commit_ms=statistics.median(commits_ms),
            commit_p99_ms=float(np.quantile(commits_ms, 0.99)),
            maintenance_s=maintenance_s,
            disk_mb=sum(path.stat().st_size for path in lake) / 1e6,
            log_files=sum(path.parent.name == "_delta_log" for path in lake),
        )


HEAD = "hour  live files  most  commit ms  p99 ms  maintenance CPU s  disk MB  log files"


def line(hour: Hour) -> str:
    """An hour as a row under HEAD."""
    return (
        f"{hour.hour:4}  {hour.live_files:10}  {hour.most_files:4}  {hour.commit_ms:9.1f}  {hour.commit_p99_ms:6.1f}  "
        f"{hour.maintenance_s:17.2f}  {hour.disk_mb:7.1f}  {hour.log_files:9}"
    )


def flatness(hours: list[Hour]) -> dict[str, float]:
    """The last quarter of the hours over the second one (the first builds up): live files, commit time, and disk's growth an hour."""
    quarter = max(1, len(hours) // 4)
    early, late = hours[quarter : 2 * quarter], hours[-quarter:]

    def ratio(name: str) -> float:
        return statistics.fmean(getattr(hour, name) for hour in late) / statistics.fmean(getattr(hour, name) for hour in early)

    def growth(part: list[Hour]) -> float:
        before = hours[hours.index(part[0]) - 1].disk_mb
        return (part[-1].disk_mb - before) / len(part)

    return {"files": ratio("live_files"), "commit": ratio("commit_ms"), "disk": growth(late) / growth(early)}


def to_json(hours: list[Hour]) -> list[dict[str, Any]]:
    """The hours as plain values."""
    return [asdict(hour) for hour in hours]
