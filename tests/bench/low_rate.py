"""The collector at a low rate, 10,000 spans/s of 100 a request: CPU after warm-up, growth of memory, and how late rows come.

Beside it an empty grpcio server under the same load: what this machine takes for the transport alone.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import figures
import numpy as np
from empty_servers import empty_cpu_percent
from served import Collector, MemoryWatch

RATE, ITEMS, CONNECTIONS = 10_000, 100, 8
_EMPTY_S = 30.0
_GROWTH_S = 300.0
Note = Callable[[figures.Target, float], None]


@dataclass(slots=True)
class LowRate:
    """Samples of one run: seconds since its start, CPU seconds so far, and the last commit's lag in seconds, once a second."""

    at_s: list[float] = field(default_factory=list)
    cpu_s: list[float] = field(default_factory=list)
    lag_s: list[float] = field(default_factory=list)

    def watch(self, collector: Collector, ended: threading.Event) -> None:
        """Take samples until told to end."""
        start = time.perf_counter()
        while not ended.wait(1.0):
            self.cpu_s.append(collector.cpu_s())
            self.at_s.append(time.perf_counter() - start)
            self.lag_s.append(float(collector.ask("/healthz").get("progress", {}).get("commit_lag_s", 0.0)))

    def cpu_percent(self, warm_up_s: float) -> float:
        """Of one core, after so many seconds."""
        first = next(number for number, at in enumerate(self.at_s) if at >= warm_up_s)
        return (self.cpu_s[-1] - self.cpu_s[first]) / (self.at_s[-1] - self.at_s[first]) * 100


def growth_mb_a_minute(samples_mb: list[float], seconds: float) -> float:
    """How what stays grows: the slope through the least of each minute's samples, over the last five minutes or the second half.

    Between two checkpoints of the tables memory rises by some 40 MB and falls again, which a line through all samples takes for growth.
    """
    minutes = max(2, round(min(_GROWTH_S, seconds / 2) / 60))
    last = np.asarray(samples_mb[-round(len(samples_mb) * minutes * 60 / max(seconds, minutes * 60)) :])
    floor = [part.min() for part in np.array_split(last, minutes)]
    return float(np.polyfit(np.arange(minutes), floor, 1)[0])


def empty(load_address: Callable[..., dict[str, Any]], note: Note) -> dict[str, float]:
    """Note what the cheaper of grpcio's two servers takes, and give both."""

    def load(address: str) -> float:
        sent = load_address(address, "grpc", seconds=_EMPTY_S, rate=RATE, items=ITEMS, connections=CONNECTIONS)
        return float(sent["seconds"])

    percent = {transport: empty_cpu_percent(transport, load) for transport in ("grpc", "grpc-aio")}
    note(figures.LOW_RATE_EMPTY, min(percent.values()))
    return percent


def measure(collector: Collector, load: Callable[..., dict[str, Any]], seconds: float, note: Note) -> dict[str, Any]:
    """Load the collector for so long, note the figures, and give what else is worth knowing."""
    samples, ended = LowRate(), threading.Event()
    watching = threading.Thread(target=samples.watch, args=(collector, ended))
    with MemoryWatch(collector) as memory:
        watching.start()
        try:
            sent = load(collector, seconds=seconds, rate=RATE, items=ITEMS, connections=CONNECTIONS)
        finally:
            ended.set()
            watching.join()
    collector.wait_for_rows(sent["rows"])
    warm_up_s = min(60.0, seconds / 4)
    note(figures.LOW_RATE_CPU, samples.cpu_percent(warm_up_s))
    note(figures.LOW_RATE_GROWTH, growth_mb_a_minute(memory.samples_mb, seconds))
    note(figures.LOW_RATE_LAG, max(lag for at, lag in zip(samples.at_s, samples.lag_s, strict=True) if at >= warm_up_s))
    return {"generator": sent, "memory_mb": memory.samples_mb, "cpu_s": samples.cpu_s, "lag_s": samples.lag_s, "warm_up_s": warm_up_s}
