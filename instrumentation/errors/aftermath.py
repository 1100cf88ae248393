"""What the processes of this service that died without a word have left, told by the next one that starts.

Of several that start together one tells: who holds the lock on the file. What is told is a crash (event `app.crash`), or an
`abnormal_exit`, where the process had been asked to stop, or had ended itself by `os._exit`.
"""

from __future__ import annotations

import json
import os
import re
import time
import uuid
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil
from opentelemetry._logs import LoggerProvider, LogRecord, SeverityNumber
from opentelemetry.util.types import AnyValue

from ..context import SESSION_ID, USER_ID, USER_ROLES
from ..guard import skipped
from . import crash_file, log_records, reports
from .crash_file import Left

FORGOTTEN_S = 7 * 86400.0
"""What a service that never started again has left is removed after this time."""
ABNORMAL_EXIT = "app.abnormal_exit"
SIGNALS = {
    "Segmentation fault": ("SIGSEGV", "segmentation_fault"),
    "Aborted": ("SIGABRT", "abort"),
    "Bus error": ("SIGBUS", "bus_error"),
    "Floating-point exception": ("SIGFPE", "floating_point_exception"),
    "Floating point exception": ("SIGFPE", "floating_point_exception"),
    "Illegal instruction": ("SIGILL", "illegal_instruction"),
}
"""What `faulthandler` calls them: the signal, and the crash_type."""
_FATAL = re.compile(r"(?:Fatal Python error|Windows fatal exception): ([^\n]*)")
_THREAD = re.compile(r"^Current thread 0x([0-9a-f]+)", re.MULTILINE)
OF_CRASHED = ("service.version", "deployment.environment.name", "service.instance.id", "host.name", "process.pid", "process.command")


def tell(folder: Path, service: str, own: Path | None, provider: LoggerProvider) -> int:
    """Report what dead processes of the service have left, and remove it; gives how many there were."""
    told = 0
    for path in sorted(folder.glob(f"*{crash_file.SUFFIX}")):
        if path == own:
            continue
        with skipped("reporting a crash"):
            left = _claimed(path, service)
            if left is not None:
                told += 1
                if left.state != "exit 0":
                    provider.get_logger("otelpond.errors").emit(report(left))
    return told


def _claimed(path: Path, service: str) -> Left | None:
    """What is in a file whose process is dead, removed by this process and no other; None where that is not so."""
    try:
        fd = os.open(path, os.O_RDWR)
    except OSError:
        return None
    try:
        crash_file.lock(fd)
        status = os.fstat(fd)
        data = b"".join(iter(lambda: os.read(fd, 1 << 20), b""))
        left = crash_file.read(path, data, status.st_mtime_ns)
        forgotten = time.time() - status.st_mtime > FORGOTTEN_S
        if _lives(left) or not path.exists() or (left.resource.get("service.name") != service and not forgotten):
            return None
        path.unlink()
    except OSError:  # locked: it lives, or another process tells it
        return None
    finally:
        os.close(fd)
    return None if forgotten else left


def _lives(left: Left) -> bool:
    """Whether its process is there, without its lock: it has closed descriptors that it did not know, or locks do not exist here."""
    pid, created = left.resource.get("process.pid"), left.resource.get("created")
    if not isinstance(pid, int) or left.resource.get("boot") != boot():
        return False
    with suppress(psutil.Error):
        return abs(psutil.Process(pid).create_time() - float(created or 0)) < 2 and not left.state.startswith("exit")
    return False


def report(left: Left) -> LogRecord:
    """The log record about it."""
    kind, signal, message = verdict(left)
    is_crash = kind != "abnormal_exit"
    attributes: dict[str, AnyValue] = {key: left.resource[key] for key in OF_CRASHED if key in left.resource}
    attributes |= {key: value for key, value in left.health.items() if key not in {"at", "oom_kills"}}
    attributes |= _whom_it_met(left)
    attributes[reports.CRASH_TYPE] = kind
    if is_crash:
        attributes["app.crash.id"] = str(uuid.uuid5(uuid.NAMESPACE_OID, left.path.name))
        attributes |= {reports.TYPE: signal, reports.MESSAGE: message, reports.STACKTRACE: left.stacks}
    if left.trail:
        attributes[reports.BREADCRUMBS] = json.dumps([_described(each) for each in left.trail], ensure_ascii=False)
    record = LogRecord(
        timestamp=left.time_ns,
        observed_timestamp=time.time_ns(),
        severity_number=SeverityNumber.FATAL if is_crash else SeverityNumber.WARN,
        severity_text="FATAL" if is_crash else "WARN",
        body=message,
        attributes={key: value for key, value in attributes.items() if value},
        event_name=log_records.CRASH if is_crash else ABNORMAL_EXIT,
    )
    trace_id, _, span_id = str(_scope(left).get("trace", "")).partition("-")
    with suppress(ValueError):
        record.trace_id, record.span_id = int(trace_id, 16), int(span_id, 16)
    return record


def verdict(left: Left) -> tuple[str, str, str]:
    """Of what it died: the crash_type, the exception type, and one line."""
    fatal = _FATAL.search(left.stacks)
    if fatal is not None:
        name = fatal[1].strip()
        signal, kind = SIGNALS.get(name, (name, re.sub(r"\W+", "_", name).strip("_").lower()))
        return kind, signal, f"Fatal Python error: {name}"
    if left.state.startswith("exit "):
        return "abnormal_exit", "", f"ended itself by os._exit({left.state.removeprefix('exit ')})"
    before, now = left.health.get("oom_kills"), oom_kills()
    if before is not None and now is not None and now > before and left.resource.get("boot") == boot():
        return "out_of_memory_kill", "SIGKILL", "killed for want of memory"
    if left.state.startswith("stopping"):
        return "abnormal_exit", "", f"was asked to stop ({left.state.removeprefix('stopping ')}), and was killed before it had"
    return "killed", "SIGKILL", "ended without a word, as by SIGKILL"


def _scope(left: Left) -> dict[str, Any]:
    """The scope that it died in: of the thread that crashed where that had one, else the only one there was."""
    thread = _THREAD.search(left.stacks)
    if thread is not None:
        of_thread = [scope for scope in left.scopes if scope.get("thread") == int(thread[1], 16)]
        if len(of_thread) == 1:
            return of_thread[0]
    requests = [scope for scope in left.scopes if scope.get("trace")] or left.scopes
    return requests[0] if len(requests) == 1 else {}


def _whom_it_met(left: Left) -> dict[str, AnyValue]:
    """User and session: the crashed scope's; where several were open, only what all of them had."""
    scope = _scope(left)
    return {key: scope.get(key) for key in (USER_ID, USER_ROLES, SESSION_ID) if scope.get(key)}


def _described(breadcrumb: dict[str, Any]) -> dict[str, Any]:
    timestamp = datetime.fromtimestamp(breadcrumb["time_ns"] / 1e9, UTC).isoformat(timespec="microseconds")
    return {"timestamp": timestamp, **{key: breadcrumb[key] for key in ("kind", "level", "message")}}


def boot() -> str:
    """Which boot of the machine this is, and which namespace process ids are of; empty where nobody knows."""
    with suppress(OSError):
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip() + str(Path("/proc/self/ns/pid").readlink())
    return ""


def oom_kills(root: Path = Path("/")) -> int | None:
    """How many processes of this control group the kernel has ended for want of memory, else of the machine; None where nobody counts."""
    for path in (*_groups(root), root / "proc/vmstat"):
        with suppress(OSError):
            for line in path.read_text(encoding="ascii").splitlines():
                name, _, count = line.partition(" ")
                if name == "oom_kill" and count.isdecimal():
                    return int(count)
    return None


def _groups(root: Path) -> list[Path]:
    """The files that count them, for both versions of control groups, as seen from within a container and from outside."""
    found: list[Path] = []
    with suppress(OSError):
        for line in (root / "proc/self/cgroup").read_text(encoding="utf-8").splitlines():
            _, controllers, group = line.split(":", 2)
            for where in (group.lstrip("/"), ""):
                if not controllers:
                    found.append(root / "sys/fs/cgroup" / where / "memory.events")
                elif "memory" in controllers.split(","):
                    found.append(root / "sys/fs/cgroup/memory" / where / "memory.oom_control")
    return found
