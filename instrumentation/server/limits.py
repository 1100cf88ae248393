"""How many CPUs and how much memory this process may use: the limits of its container, by control groups of version 1 and 2."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

UNLIMITED = 1 << 60
"""Version 1 writes a number near 2^63 where memory has no limit."""


@dataclass(frozen=True)
class Limits:
    """What control groups allow; infinite where they set no limit."""

    cpus: float = math.inf
    memory_bytes: float = math.inf


class ControlGroups:
    """The control groups of this process, found once; their limits may change while it runs."""

    def __init__(self, root: Path = Path("/")) -> None:
        self._v2 = list(_folders(root, ""))
        self._cpu = list(_folders(root, "cpu"))
        self._memory = list(_folders(root, "memory"))

    def limits(self) -> Limits:
        """The lowest limits of all groups that the process is in: those above it count too."""
        cpus = [_share(folder / "cpu.max") for folder in self._v2]
        cpus += [_quota(folder) for folder in self._cpu]
        memory = [_bytes(folder / "memory.max") for folder in self._v2]
        memory += [_bytes(folder / "memory.limit_in_bytes") for folder in self._memory]
        return Limits(min(cpus, default=math.inf), min(memory, default=math.inf))


def own_cpus() -> int:
    """CPUs that this process may be scheduled on: a CPU set or an affinity leaves some out."""
    if hasattr(os, "sched_getaffinity"):
        with suppress(OSError):
            return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _folders(root: Path, controller: str) -> Iterator[Path]:
    """The group's folder and those above it, as far as they are mounted here; '' is version 2, which has no controller's name."""
    group = _group(_text(root / "proc/self/cgroup"), controller)
    mount = _mount(_text(root / "proc/self/mountinfo"), controller)
    if group is None or mount is None:
        return
    mounted, at = mount
    folder = root / at.lstrip("/")
    inside = group.removeprefix(mounted.rstrip("/")) if group == mounted or group.startswith(f"{mounted.rstrip('/')}/") else ""
    for part in ("", *(part for part in inside.split("/") if part not in {"", ".."})):
        folder /= part
        if folder.is_dir():
            yield folder


def _group(listed: str, controller: str) -> str | None:
    """The group's path, of lines `number:controllers:path`."""
    for line in listed.splitlines():
        _, _, group = line.partition(":")
        controllers, _, path = group.partition(":")
        if path and controller in controllers.split(","):
            return path
    return None


def _mount(listed: str, controller: str) -> tuple[str, str] | None:
    """Which group is mounted, and where, of lines `id parent device root where options ... - type source options` (proc(5))."""
    for line in listed.splitlines():
        before, _, after = line.partition(" - ")
        kind, options = after.partition(" ")[0], after.rpartition(" ")[2].split(",")
        if (kind == "cgroup" and controller in options) or (kind == "cgroup2" and not controller):
            root, where = (re.sub(r"\\([0-7]{3})", lambda code: chr(int(code[1], 8)), path) for path in before.split()[3:5])
            return root, where
    return None


def _share(path: Path) -> float:
    """Version 2: `quota period`, or `max period`."""
    with suppress(ValueError, ZeroDivisionError):
        quota, period = _text(path).split()
        return int(quota) / int(period)
    return math.inf


def _quota(folder: Path) -> float:
    """Version 1: two files, and -1 for none."""
    with suppress(ValueError, ZeroDivisionError):
        quota = int(_text(folder / "cpu.cfs_quota_us"))
        return quota / int(_text(folder / "cpu.cfs_period_us")) if quota > 0 else math.inf
    return math.inf


def _bytes(path: Path) -> float:
    with suppress(ValueError):
        limit = int(_text(path))
        return limit if limit < UNLIMITED else math.inf
    return math.inf


def _text(path: Path) -> str:
    """Empty where there is none, as on other systems than Linux."""
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
