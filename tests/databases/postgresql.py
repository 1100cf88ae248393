"""A PostgreSQL server in a folder of its own: made, started on a free port, stopped and removed."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
from otelpond.config.demo.processes import free_port

INSTALL = "PostgreSQL is not installed: apt install postgresql"
_DEADLINE_S = 30.0


@dataclass(frozen=True)
class Server:
    """Where it listens."""

    port: int
    data: Path

    def url(self, kind: str) -> str:
        """For SQLAlchemy, by `dialect+driver`."""
        return f"{kind}://postgres@127.0.0.1:{self.port}/postgres"


def _programs() -> Path:
    """The folder of `initdb` and `postgres`; Debian does not put them on PATH."""
    found = shutil.which("initdb")
    folders = [Path(found).resolve().parent] if found else sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    if not folders:
        pytest.skip(INSTALL)
    return folders[-1]


def _account() -> dict[str, str | int]:
    """PostgreSQL refuses to run as root: then as somebody who may do nothing else."""
    return {"user": "nobody", "group": "nogroup", "extra_groups": []} if os.geteuid() == 0 else {}  # type: ignore[dict-item]


@contextmanager
def running() -> Iterator[Server]:
    """A server until the block ends."""
    programs = _programs()
    account = _account()
    folder = Path(tempfile.mkdtemp(prefix="otelpond-postgresql-"))
    if account:
        shutil.chown(folder, "nobody", "nogroup")
    data = folder / "data"
    log = folder / "log"
    try:
        initdb = [programs / "initdb", "-D", data, "-U", "postgres", "--auth=trust", "--no-sync", "--encoding=UTF8", "--no-locale"]
        subprocess.run(initdb, check=True, capture_output=True, cwd=folder, timeout=60, **account)  # type: ignore[call-overload]
        port = free_port()
        settings = {"listen_addresses": "127.0.0.1", "unix_socket_directories": "", "fsync": "off", "port": port, "max_connections": 20}
        command = [programs / "postgres", "-D", data, *(f"--{name}={value}" for name, value in settings.items())]
        with log.open("wb") as output:
            process = subprocess.Popen(command, stdout=output, stderr=output, cwd=folder, **account)  # type: ignore[call-overload]
            try:
                _await(port, process, log)
                yield Server(port, data)
            finally:
                process.send_signal(signal.SIGINT)  # lets nobody finish
                process.wait(_DEADLINE_S)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _await(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + _DEADLINE_S
    while "ready to accept connections" not in log.read_text(errors="replace"):
        assert process.poll() is None, log.read_text(errors="replace")
        assert time.monotonic() < deadline, log.read_text(errors="replace")
        time.sleep(0.05)
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), 5):
        pass
