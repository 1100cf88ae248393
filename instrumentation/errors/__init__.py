"""Errors and crashes: every exception once, by whatever road it is seen, with what led to it; and what a process that died has left."""

from __future__ import annotations

import faulthandler
import json
import os
import stat
import tempfile
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil
from opentelemetry.metrics import CallbackOptions, Observation

from .. import breadcrumbs, context
from ..guard import skipped
from ..sending.providers import Providers
from ..settings import Settings, read, setting
from . import aftermath, log_records, reports
from .crash_file import CrashFile
from .endings import Endings
from .hooks import Hooks
from .spans import Trail, tell_exceptions_completely
from .uncaught import Uncaught

LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40, "off": 1_000_000}


@dataclass(frozen=True)
class ErrorSettings:
    """What can be set about errors and crashes."""

    log_level: str = setting(
        "warning",
        "OTEL_PYTHON_LOG_HANDLER_LEVEL",
        "OTELPOND_SERVICE_LOG_LEVEL",
        choices=tuple(LEVELS),
        says="From which level on what the service logs is sent (`off`: nothing); breadcrumbs take everything that is logged.",
    )
    state_dir: str = setting(
        "",
        "OTELPOND_STATE_DIR",
        says="Where a process leaves what the next one reports, should it crash: a folder that outlives a container. "
        "Unless set, `otelpond-<user id>` in the system's temporary folder; `none` leaves nothing.",
    )


SETTINGS = ErrorSettings


class _Errors:
    """What runs in this process."""

    def __init__(self, providers: Providers, settings: ErrorSettings) -> None:
        self._providers = providers
        self._settings = settings
        self._file: CrashFile | None = None
        self._hooks = Hooks()
        self._uncaught = Uncaught(providers.logger_provider)
        self._endings = Endings(self._say, self._said)

    def start(self) -> None:
        """Observe."""
        self._providers.add_span_processor(Trail(self._show))
        self._providers.add_log_record_processor(log_records.Completion())
        log_records.LogRoad(self._providers.logger_provider, LEVELS[self._settings.log_level]).begin(self._hooks)
        tell_exceptions_completely(self._hooks)
        self._uncaught.begin(self._hooks)

    def began(self) -> None:
        """Leave a file, and report what others have left."""
        folder = state_folder(self._settings.state_dir)
        if folder is None:
            return
        self._leave(folder)
        self._endings.begin(self._hooks)
        self._hooks.before(faulthandler, "enable", lambda *_, **__: self._let_signals_go())
        breadcrumbs.observers.append(self._remember)
        context.observers.append(self._identified)
        # not a metric: the sending thread's turn is when the process is looked at
        self._providers.meter_provider.get_meter("otelpond.errors").create_observable_gauge("otelpond.alive", [self._beat])

    def _leave(self, folder: Path) -> None:
        resource = dict(self._providers.logger_provider.resource.attributes)
        service = str(resource.get("service.name", ""))
        known = {
            **{key: resource[key] for key in ("service.name", *aftermath.OF_CRASHED) if key in resource},
            "started_ns": time.time_ns(),
            "created": psutil.Process().create_time(),
            "boot": aftermath.boot(),
        }
        with skipped("leaving a file for the case of a crash"):
            self._file = CrashFile(folder, service, known)
            self._file.catch_signals()
            self._beat()
        with skipped("reporting crashes"):
            aftermath.tell(folder, service, self._file.path if self._file is not None else None, self._providers.logger_provider)

    def after_fork(self) -> None:
        """The file is the parent's."""
        file, self._file = self._file, None
        if file is not None:
            file.abandon()
            self._leave(file.path.parent)

    def stop(self) -> None:
        """Leave nothing, and put everything back."""
        self._uncaught.end()
        self._hooks.take_away()
        self._endings.end()
        for observers, ours in ((breadcrumbs.observers, self._remember), (context.observers, self._identified)):
            with suppress(ValueError):
                observers.remove(ours)  # type: ignore[arg-type] # each its own
        file, self._file = self._file, None
        if file is not None:
            file.remove()

    def _beat(self, _options: CallbackOptions | None = None) -> Sequence[Observation]:
        file = self._file
        if file is not None:
            file.beat({**reports.of_process(), "oom_kills": aftermath.oom_kills()})
            self._endings.survived()
            if not file.is_ours():
                with skipped("opening the file for the case of a crash again"):
                    file.reopen()
        return []

    def _say(self, state: str) -> None:
        if self._file is not None:
            self._file.say(state)

    def _said(self) -> str:
        return self._file.state if self._file is not None else ""

    def _let_signals_go(self) -> None:
        if self._file is not None:
            self._file.let_signals_go()

    def _remember(self, breadcrumb: breadcrumbs.Breadcrumb) -> None:
        if self._file is not None:
            self._file.remember(breadcrumb)

    def _identified(self) -> None:
        self._show(breadcrumbs.scope())

    def _show(self, scope: breadcrumbs.Scope) -> None:
        """In which requests the process is, and whom it serves."""
        file = self._file
        if file is None:
            return
        if not scope.is_open:
            file.show_scope(id(scope), b"")
            return
        thread = threading.get_ident()
        told = f'"thread": {thread}'
        if scope.span is not None and scope.span.context is not None:
            told += f', "trace": "{scope.span.context.trace_id:032x}-{scope.span.context.span_id:016x}"'
        identity = context.current()
        if identity:
            told += f", {json.dumps(identity)[1:-1]}"
        file.show_scope(-1 - thread % 8 if scope.span is None else id(scope), f"{{{told}}}".encode())


_running: _Errors | None = None


def state_folder(told: str) -> Path | None:
    """Where processes leave their files, made where it is not there; None where nothing is wanted.

    Raises:
        OSError: it cannot be made, or the default one belongs to somebody else.
    """
    if told.lower() == "none":
        return None
    if told:
        folder = Path(told)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return folder
    owner = os.getuid() if hasattr(os, "getuid") else "state"
    folder = Path(tempfile.gettempdir()) / f"otelpond-{owner}"
    with suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or (hasattr(os, "getuid") and (found.st_uid != owner or found.st_mode & 0o077)):
        raise PermissionError(f"{folder} is not this user's alone: set OTELPOND_STATE_DIR")
    return folder


def start(settings: Settings, providers: Providers) -> None:
    """Observe errors."""
    global _running  # noqa: PLW0603 - one in a process
    del settings
    _running = _Errors(providers, read(ErrorSettings))
    _running.start()


def began() -> None:
    """Report what others have left, and be ready to leave something."""
    if _running is not None:
        _running.began()


def after_fork() -> None:
    """This is another process."""
    if _running is not None:
        _running.after_fork()


def stop() -> None:
    """Put everything back."""
    global _running
    running, _running = _running, None
    if running is not None:
        running.stop()
