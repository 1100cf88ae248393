"""`otelpond run`: becomes the command it is given, with a folder on PYTHONPATH from which Python loads our `sitecustomize` at its start.

So every Python process of the command is instrumented, those that servers start too, and nothing of the service is changed.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from ..sending import release
from ..settings import Settings, read

AUTOLOAD = Path(__file__).parent.parent / "autoload"


class LaunchError(Exception):
    """The command cannot be started."""


def environment(
    command: Sequence[str], given: Mapping[str, str], *, service: str | None = None, endpoint: str | None = None
) -> dict[str, str]:
    """What the command is started with: `given`, our folder first on PYTHONPATH, and what was asked for on the command line."""
    changed = dict(given)
    folders = [folder for folder in given.get("PYTHONPATH", "").split(os.pathsep) if folder and folder != str(AUTOLOAD)]
    changed["PYTHONPATH"] = os.pathsep.join([str(AUTOLOAD), *folders])
    if service:
        changed["OTEL_SERVICE_NAME"] = service
    elif not read(Settings, given).service and "service.name=" not in given.get("OTEL_RESOURCE_ATTRIBUTES", ""):
        changed["OTELPOND_SERVICE"] = release.service_name(command, release.working_directory())  # workers are started by other commands
    if endpoint:
        changed["OTEL_EXPORTER_OTLP_ENDPOINT"] = endpoint
    return changed


def run(command: Sequence[str], *, service: str | None = None, endpoint: str | None = None) -> None:
    """Become the command; does not come back.

    Raises:
        LaunchError: there is no such command, or the endpoint is no URL.
    """
    if endpoint and not endpoint.startswith(("http://", "https://")):
        raise LaunchError(f"--endpoint {endpoint}: expected a URL, as http://127.0.0.1:4318")
    executable = shutil.which(command[0])
    if executable is None:
        raise LaunchError(f"{command[0]}: no such command")
    variables = environment(command, os.environ, service=service, endpoint=endpoint)
    try:
        if os.name == "nt":  # exec there starts another process and ends this one, for which the shell does not wait
            sys.exit(subprocess.call([executable, *command[1:]], env=variables))
        os.execve(executable, [*command], variables)  # noqa: S606 - no shell
    except OSError as error:
        raise LaunchError(f"{executable}: {error.strerror}") from error
