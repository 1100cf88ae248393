"""The demo's child processes: each on a free port, with its output in a file, stopped when the demo ends however it ends."""

from __future__ import annotations

import itertools
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ..errors import CommandError

START_S = 60.0
STOP_S = 60.0
_PORTS: Final = range(20_000, 32_768)
_TURNS: Final = itertools.count(secrets.randbelow(len(_PORTS)))


@dataclass(frozen=True)
class Child:
    """A running child process, and where its output goes."""

    name: str
    process: subprocess.Popen[bytes]
    output: Path

    def wait_until(self, ready: Callable[[], bool]) -> None:
        """Wait until it is ready.

        Raises:
            CommandError: the process ended, or took too long.
        """
        deadline = time.monotonic() + START_S
        while not ready():
            if self.process.poll() is not None:
                raise CommandError(f"the {self.name} ended with exit code {self.process.returncode}; it said:\n{self.last_words()}")
            if time.monotonic() > deadline:
                raise CommandError(f"the {self.name} is not ready after {START_S:.0f} s; it said:\n{self.last_words()}")
            time.sleep(0.05)

    def stop(self) -> None:
        """Ask the process to end, and wait; one that does not is killed."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def last_words(self) -> str:
        """The end of its output."""
        return "\n".join(self.output.read_text(encoding="utf-8", errors="replace").splitlines()[-15:])


@contextmanager
def child(name: str, module: str, arguments: Sequence[str], logs: Path, environment: Mapping[str, str]) -> Iterator[Child]:
    """A Python module as a process, in a session of its own, so that Ctrl-C reaches the demo alone."""
    output = logs / f"{name.replace(' ', '-')}.log"
    command = [sys.executable, "-m", module, *arguments]
    with output.open("wb") as file:
        process = subprocess.Popen(
            command, stdout=file, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, env=dict(environment), start_new_session=True
        )
    running = Child(name, process, output)
    try:
        yield running
    finally:
        running.stop()


def clean_environment(**more: str) -> dict[str, str]:
    """This process's environment without what would lead a demo elsewhere: settings of ours and of OpenTelemetry."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith(("OTELPOND_", "OTEL_", "APM_"))}
    if "OTELPOND_CACHE_DIR" in os.environ:
        ours["OTELPOND_CACHE_DIR"] = os.environ["OTELPOND_CACHE_DIR"]
    return ours | more


def free_port() -> int:
    """A port on this machine that nobody listens on, and that nobody is likely to take before the one who asks for it listens.

    Of the ports that the system hands out any connection may take one in between: these lie below them. A process gets none twice before it
    got all.

    Raises:
        CommandError: none is free.
    """
    for turn in itertools.islice(_TURNS, len(_PORTS)):
        with suppress(OSError), socket.create_server(("127.0.0.1", port := _PORTS[turn % len(_PORTS)])):
            return port
    raise CommandError(f"no port of this machine from {_PORTS.start} to {_PORTS.stop - 1} is free")


def listens(port: int) -> bool:
    """Whether anybody listens on that port of this machine."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=5):
            return True
    except OSError:
        return False
