"""What a process leaves for the next one, should it die without a word: a small file, written through shared memory.

The system keeps what is written there, whatever ends the process, and writing costs no call. Behind the memory `faulthandler` appends the
stacks of a fatal signal. The file is removed when the process ends in an orderly way; while the process lives, it holds a lock on it.

| Bytes | What |
|---|---|
| 0-63 | how far it is: `running`, `stopping SIGTERM`, `exit 3` |
| 64-8,191 | JSON: resource, start, machine |
| 8,192-9,215 | JSON: health, and the kernel's count of processes that it ended for want of memory |
| 9,216-17,407 | 32 slots: requests that are open, and whom a thread serves outside of requests |
| 17,408-68,607 | 100 slots: the last breadcrumbs of the process |
"""

from __future__ import annotations

import errno
import faulthandler
import itertools
import json
import mmap
import os
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from opentelemetry.sdk.trace import ReadableSpan

from .. import breadcrumbs, privacy
from ..sending import wakeups

try:
    import fcntl
except ImportError:  # Windows, where no process can tell that another one has died without closing its files
    fcntl = None  # type: ignore[assignment]

SUFFIX = ".crash"
STATE, RESOURCE, HEALTH = (0, 64), (64, 8192), (8192, 9216)
SCOPES, SCOPE_SLOTS, SCOPE_BYTES = 9216, 32, 256
TRAIL, TRAIL_SLOTS, TRAIL_BYTES = 17408, breadcrumbs.LENGTH, 512
SIZE = TRAIL + TRAIL_SLOTS * TRAIL_BYTES
RUNNING = "running"
CLEANED_PER_SECOND = 100
"""Messages that are kept in the file; of more, that there was something is all that is kept."""
_kept: list[mmap.mmap] = []
"""Memory that cannot be closed: the number that it would close too is another file's or socket's by now."""


class CrashFile:
    """This process's own."""

    def __init__(self, folder: Path, service: str, resource: Mapping[str, object]) -> None:
        """Make it, on a disk that has room for all of it: to touch memory that has none would end the process.

        Raises:
            OSError: it cannot be written.
        """
        name = "".join(letter if letter.isalnum() else "_" for letter in service)[:40]
        self.path = folder / f"{name}-{os.getpid()}-{time.time_ns():x}{SUFFIX}"
        self._open(os.O_CREAT | os.O_EXCL)
        try:
            self._memory_fd = _lowest_free(self._fd)
            lock(self._fd)
            _fill(self._fd)
            self._memory = _memory(self._fd)
        except OSError:
            os.close(self._fd)
            self.path.unlink()
            raise
        self._turns = itertools.count()
        self._slots: dict[int, int] = {}
        self._free = list(range(SCOPE_SLOTS))
        self._catches_signals = False
        self._second = self._cleaned = 0
        self.say(RUNNING)
        self._put(*RESOURCE, _fitting(resource, RESOURCE[1] - RESOURCE[0]))

    def _open(self, how: int) -> None:
        self._fd = wakeups.high(os.open(self.path, os.O_RDWR | os.O_APPEND | getattr(os, "O_CLOEXEC", 0) | how, 0o600))
        self._mark = wakeups.mark(self._fd)

    def reopen(self) -> None:
        """After the service has closed the descriptor; what is in memory stays.

        Raises:
            OSError: it cannot be opened, or another process holds it.
        """
        self._open(0)
        if self._catches_signals:
            faulthandler.disable()
            self.catch_signals()
        lock(self._fd)

    def catch_signals(self) -> None:
        """Have `faulthandler` write here, unless the service has it write elsewhere."""
        if not faulthandler.is_enabled():
            faulthandler.enable(self._fd, all_threads=True)
            self._catches_signals = True

    def let_signals_go(self) -> None:
        """The service wants `faulthandler` for itself."""
        self._catches_signals = False

    def say(self, state: str) -> None:
        """How far the process is; may be called by signal handlers."""
        self._put(*STATE, state.encode())

    @property
    def state(self) -> str:
        """What was said last."""
        return _text(self._memory[slice(*STATE)])

    def beat(self, health: Mapping[str, object]) -> None:
        """How the process is now."""
        self._put(*HEALTH, json.dumps({"at": time.time_ns(), **health}).encode())

    def remember(self, breadcrumb: breadcrumbs.Breadcrumb) -> None:
        """Add a breadcrumb, sanitised: the file may be read by whoever may read the service's files."""
        time_ns, kind, message, level, data = breadcrumb
        place = TRAIL + next(self._turns) % TRAIL_SLOTS * TRAIL_BYTES
        if not isinstance(data, ReadableSpan):  # names of spans hold no values
            message = privacy.text(message[:300]) if self._may_clean(time_ns) else "..."
        self._put(place, place + TRAIL_BYTES, f"{time_ns}\t{kind}\t{level}\t{message}".encode(errors="replace"))

    def _may_clean(self, time_ns: int) -> bool:
        """Sanitising takes 4 to 25 us, a hundred times a second at most."""
        second = time_ns // 1_000_000_000
        if second != self._second:
            self._second, self._cleaned = second, 0
        self._cleaned += 1
        return self._cleaned <= CLEANED_PER_SECOND

    def show_scope(self, key: int, told: bytes) -> None:
        """A scope has opened or changed, as JSON; empty: it has closed. Beyond the slots, scopes are not told."""
        slot = self._slots.get(key) if told else self._slots.pop(key, None)
        if slot is None:
            if not told or not self._free:
                return
            with suppress(IndexError):  # another thread was faster
                slot = self._slots[key] = self._free.pop()
        elif not told:
            self._free.append(slot)
        if slot is not None:
            place = SCOPES + slot * SCOPE_BYTES
            self._put(place, place + SCOPE_BYTES, told)

    def _put(self, start: int, end: int, text: bytes) -> None:
        """Text that ends with a zero; of one that is too long the end is cut."""
        text = text[: end - start - 1] + b"\0"
        with suppress(ValueError):  # closed by another thread
            self._memory[start : start + len(text)] = text

    def is_ours(self) -> bool:
        """Whether the descriptor is still the file's: a service that daemonises closes what it does not know."""
        return wakeups.mark(self._fd) == self._mark

    def abandon(self) -> None:
        """Close it and leave it: it is another process's."""
        if self._catches_signals:
            faulthandler.disable()
        if wakeups.mark(self._memory_fd) == self._mark:
            self._memory.close()
        else:
            _kept.append(self._memory)
        if self.is_ours():
            os.close(self._fd)

    def remove(self) -> None:
        """The process ends in an orderly way."""
        self.abandon()
        with suppress(OSError):
            self.path.unlink()


def _fill(fd: int) -> None:
    if os.write(fd, bytes(SIZE)) < SIZE:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _memory(fd: int) -> mmap.mmap:
    if sys.version_info >= (3, 13) and sys.platform != "win32":
        return mmap.mmap(fd, SIZE, trackfd=False)
    return mmap.mmap(fd, SIZE)


def _lowest_free(fd: int) -> int:
    """The number under which the memory will hold the file too, which it tells nobody; from Python 3.13 on it need not."""
    if sys.version_info >= (3, 13) or sys.platform == "win32":
        return fd
    number = os.dup(fd)
    os.close(number)
    return number


def lock(fd: int) -> None:
    """Lock an open file, where the system knows such locks; they are a process's, not inherited by a fork, and end with it.

    Raises:
        OSError: another process holds it.
    """
    if fcntl is not None:
        fcntl.lockf(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)


@dataclass(frozen=True)
class Left:
    """What a dead process has left."""

    path: Path
    state: str
    resource: dict[str, Any]
    health: dict[str, Any]
    scopes: list[dict[str, Any]]
    trail: list[dict[str, Any]]
    stacks: str
    time_ns: int
    """When it died, as far as that is known: when the stacks were written, else of the last sign of life."""


def read(path: Path, data: bytes, modified_ns: int) -> Left:
    """What is in such a file; parts that were torn by the death are left out."""
    stacks = data[SIZE:].decode(errors="replace")
    trail = sorted(_trail(data), key=lambda breadcrumb: int(breadcrumb["time_ns"]))
    scopes = [_json(data[at : at + SCOPE_BYTES]) for at in range(SCOPES, SCOPES + SCOPE_SLOTS * SCOPE_BYTES, SCOPE_BYTES)]
    resource, health = _json(data[slice(*RESOURCE)]), _json(data[slice(*HEALTH)])
    signs = [int(each) for each in (resource.get("started_ns", 0), health.get("at", 0), *(each["time_ns"] for each in trail[-1:]))]
    return Left(
        path,
        _text(data[slice(*STATE)]),
        resource,
        health,
        [scope for scope in scopes if scope],
        trail,
        stacks,
        modified_ns if stacks else max(signs),
    )


def _fitting(known: Mapping[str, object], size: int) -> bytes:
    """As JSON, without what makes it longer."""
    told: dict[str, object] = {}
    length = 3
    for key, value in known.items():
        length += len(json.dumps({key: value}, default=str))
        if length < size:
            told[key] = value
    return json.dumps(told, default=str).encode()


def _trail(data: bytes) -> Iterator[dict[str, Any]]:
    for at in range(TRAIL, SIZE, TRAIL_BYTES):
        parts = _text(data[at : at + TRAIL_BYTES]).split("\t", 3)
        if len(parts) == 4 and parts[0].isdecimal():
            yield {"time_ns": int(parts[0]), "kind": parts[1], "level": parts[2], "message": parts[3]}


def _text(data: bytes) -> str:
    return data.partition(b"\0")[0].decode(errors="replace")


def _json(data: bytes) -> dict[str, Any]:
    try:
        found = json.loads(_text(data) or "{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
