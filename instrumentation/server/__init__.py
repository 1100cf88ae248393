"""Health of this process and its machine (part), once in every collection of metrics: what `server_performance_metrics` is made from.

Everything is read at one moment, before the collection, by the sending thread; the instruments tell what was read. What only grows is
counted since the start, so that the first row's rates have a time to go by; the rest is observed.
"""

from __future__ import annotations

import gc
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import psutil
from opentelemetry.metrics import CallbackOptions, Meter, Observation

from ..guard import skipped
from ..sending.providers import Providers
from ..settings import Settings, read, setting
from ..traffic import traffic
from .limits import ControlGroups, own_cpus
from .loops import Loops

SHORTEST_S = 0.5
"""Systems count CPU time in ticks of 10 ms: over less than this a share says little, and the one before is told again."""

COUNTED = {
    "process.cpu.time": ("s", "CPU time of the process, by mode."),
    "cpython.gc.collections": ("{collection}", "Garbage collections, by generation."),
    "otelpond.requests.ended": ("{request}", "Requests that were answered, or given up."),
    "otelpond.requests.failed": ("{request}", "Those of them with status 500 or above, or without an answer."),
}
GAUGES = {
    "process.cpu.utilization": ("1", "Share of the CPUs that the process may use, by mode, since the collection before."),
    "process.uptime": ("s", "Seconds since the process started."),
    "system.cpu.utilization": ("1", "Share of the machine's CPUs that was idle since the collection before."),
    "otelpond.event_loop.lag": ("s", "The longest that an event loop was late since the collection before."),
    "otelpond.cpu.limit": ("{cpu}", "CPUs that the process may use."),
}
AMOUNTS = {
    "process.memory.usage": ("By", "Resident memory."),
    "process.thread.count": ("{thread}", "Threads."),
    "process.unix.file_descriptor.count": ("{file_descriptor}", "Open file descriptors."),
    "process.windows.handle.count": ("{handle}", "Open handles."),
    "system.memory.usage": ("By", "Memory that is used on the machine."),
    "otelpond.heap.used": ("By", "Resident memory that is the process's alone: its heap, and little else."),
    "otelpond.memory.limit": ("By", "Memory that the process may use."),
    "otelpond.requests.active": ("{request}", "Requests that are being answered."),
}
"""What goes up and down."""


@dataclass(frozen=True)
class ServerSettings:
    """What can be set about server health."""

    loop_interval_ms: int = setting(
        200, "OTELPOND_LOOP_INTERVAL_MS", at_least=10, says="Milliseconds between two looks at how late an event loop is."
    )


SETTINGS = ServerSettings


class Shares:
    """CPU as shares of what there was since the look before; the first of the process since it started."""

    def __init__(self, started_at: float) -> None:
        self.used = (0.0, 0.0)
        self.idle: float | None = None
        self._at = started_at
        self._cpu_s = (0.0, 0.0)
        self._machine_s = _machine_s()
        self._first = True

    def look(self, cpu_s: tuple[float, float], cpus: float, now: float) -> None:
        """Given the CPU seconds of the process so far, user and system, and the CPUs that it may use."""
        elapsed_s = now - self._at
        if elapsed_s <= 0 or (elapsed_s < SHORTEST_S and not self._first):
            return
        user, system = (_share(after - before, elapsed_s * cpus) for after, before in zip(cpu_s, self._cpu_s, strict=True))
        self.used = user, system
        machine_s = _machine_s()
        idle_s, all_s = (after - before for after, before in zip(machine_s, self._machine_s, strict=True))
        if all_s > 0:
            self.idle = _share(idle_s, all_s)
        self._at, self._cpu_s, self._machine_s, self._first = now, cpu_s, machine_s, False


def _share(part: float, whole: float) -> float:
    return min(max(0.0, part / whole), 1.0)


def _machine_s() -> tuple[float, float]:
    """Seconds of all CPUs, idle and all; a guest's are in the user's already."""
    times = psutil.cpu_times()._asdict()
    return times["idle"], sum(seconds for name, seconds in times.items() if not name.startswith("guest"))


class Server:
    """What was read of this process last, and the instruments that tell it."""

    def __init__(self, meter: Meter, loops: Loops, *, counts_requests: bool) -> None:
        self.loops = loops
        self._steps = [self._cpu, self._memory, self._runtime, *([self._requests] if counts_requests else [])]
        self._counters = {name: meter.create_counter(name, *about) for name, about in COUNTED.items()}
        self._observed: dict[str, list[Observation]] = {}
        for name, about in GAUGES.items():
            meter.create_observable_gauge(name, [partial(self._told, name)], *about)
        for name, about in AMOUNTS.items():
            meter.create_observable_up_down_counter(name, [partial(self._told, name)], *about)
        self.renew()

    def _told(self, name: str, _options: CallbackOptions) -> Sequence[Observation]:
        return self._observed.get(name, ())

    def renew(self) -> None:
        """Begin anew, in a forked process too: what it had counted before is another's."""
        self._process = psutil.Process()
        self._groups = ControlGroups()
        self._shares = Shares(self._process.create_time())
        self._counted: dict[tuple[str, object], float] = {}
        self._observed.clear()
        self._count("process.cpu.time", "cpu.mode", {"user": 0.0, "system": 0.0})
        self._count("cpython.gc.collections", "cpython.gc.generation", dict.fromkeys(_collections(), 0))
        if self._requests in self._steps:
            self._count("otelpond.requests.ended", None, {None: 0})
            self._count("otelpond.requests.failed", None, {None: 0})

    def look(self) -> None:
        """Read everything; what cannot be read here is left out."""
        for step in self._steps:
            with skipped(f"server health ({step.__name__.lstrip('_')})"):
                step()

    def _cpu(self) -> None:
        now, cpu = time.time(), os.times()
        cpus = min(self._groups.limits().cpus, own_cpus())
        self._shares.look((cpu.user, cpu.system), cpus, now)
        user, system = self._shares.used
        self._count("process.cpu.time", "cpu.mode", {"user": cpu.user, "system": cpu.system})
        self._observed["process.cpu.utilization"] = [Observation(user, {"cpu.mode": "user"}), Observation(system, {"cpu.mode": "system"})]
        self._observe("process.uptime", max(0.0, now - self._process.create_time()))
        self._observe("otelpond.cpu.limit", cpus)
        if self._shares.idle is not None:
            self._observe("system.cpu.utilization", self._shares.idle, {"cpu.mode": "idle"})

    def _memory(self) -> None:
        memory, machine = self._process.memory_info(), psutil.virtual_memory()
        self._observe("process.memory.usage", memory.rss)
        self._observe("system.memory.usage", machine.total - machine.available, {"system.memory.state": "used"})
        self._observe("otelpond.memory.limit", int(min(self._groups.limits().memory_bytes, machine.total)))
        heap_bytes = _heap_bytes(memory)
        if heap_bytes is not None:
            self._observe("otelpond.heap.used", heap_bytes)

    def _runtime(self) -> None:
        self._observe("process.thread.count", self._process.num_threads())
        if psutil.WINDOWS:
            self._observe("process.windows.handle.count", self._process.num_handles())
        else:
            self._observe("process.unix.file_descriptor.count", self._process.num_fds())
        self._count("cpython.gc.collections", "cpython.gc.generation", _collections())
        lag_s = self.loops.take()
        if lag_s is None:
            self._observed.pop("otelpond.event_loop.lag", None)
        else:
            self._observe("otelpond.event_loop.lag", lag_s)

    def _requests(self) -> None:
        self._observe("otelpond.requests.active", traffic.active)
        self._count("otelpond.requests.ended", None, {None: traffic.ended})
        self._count("otelpond.requests.failed", None, {None: traffic.failed})

    def _observe(self, name: str, value: float, attributes: Mapping[str, str] | None = None) -> None:
        self._observed[name] = [Observation(value, attributes)]

    def _count(self, name: str, key: str | None, totals: Mapping[Any, float]) -> None:
        """Tell a counter what each total has grown by since it was told before."""
        for value, total in totals.items():
            grown = total - self._counted.get((name, value), 0)
            self._counters[name].add(max(0, grown), {key: value} if key else None)
            self._counted[name, value] = total


def _collections() -> dict[int, int]:
    """Garbage collections so far, by generation; PyPy has none."""
    stats: object = gc.get_stats()
    return {number: each["collections"] for number, each in enumerate(stats)} if isinstance(stats, list) else {}


def _heap_bytes(memory: Any) -> int | None:
    """Resident memory that is shared with no file and no other process; of Windows what is paged out counts too."""
    if hasattr(memory, "shared"):
        return int(memory.rss - memory.shared)
    if hasattr(memory, "private"):
        return int(memory.private)
    if hasattr(psutil, "heap_info"):  # macOS, from psutil 7.2 on
        allocated = psutil.heap_info()
        return int(allocated.heap_used + allocated.mmap_used)
    return None


_server: Server | None = None


def start(settings: Settings, providers: Providers) -> None:
    """Look before every collection, and watch the event loops."""
    global _server  # noqa: PLW0603 - a process has one
    loops = Loops(read(ServerSettings).loop_interval_ms / 1000)
    _server = Server(
        providers.meter_provider.get_meter("otelpond.server"), loops, counts_requests="requests" not in settings.disabled_parts
    )
    loops.start()
    providers.before_collecting(_server.look)


def stop() -> None:
    """Leave the loops alone."""
    if _server is not None:
        _server.loops.stop()


def after_fork() -> None:
    """Another process, of which nothing is known yet, and in which no loop runs."""
    if _server is not None:
        _server.loops.forget()
        _server.renew()
