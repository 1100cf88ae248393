"""The resource: what is true of everything a process reports. OTEL_RESOURCE_ATTRIBUTES and OTEL_SERVICE_NAME win over everything here."""

from __future__ import annotations

import getpass
import os
import platform
import socket
import sys
import uuid
from contextlib import suppress
from pathlib import Path

from opentelemetry.sdk.resources import OTELResourceDetector, Resource

from ..settings import Settings
from . import release


def describe(settings: Settings) -> Resource:
    """The resource of this process.

    The SDK's own detectors of process and host are not used: they would be asked again three times at every fork.
    """
    said = dict(OTELResourceDetector().detect().attributes)
    directory = release.working_directory()
    service = str(said.get("service.name") or settings.service or release.service_name(sys.orig_argv, directory))
    attributes: dict[str, str | int] = {
        "service.name": service,
        "host.name": socket.gethostname(),
        "host.arch": platform.machine(),
        "os.type": platform.system().lower(),
        "os.version": platform.release(),
        "process.runtime.name": sys.implementation.name,
        "process.runtime.version": platform.python_version(),
        "process.executable.name": Path(sys.executable or "python").name,
        **of_process(),
    }
    if "service.version" not in said:
        attributes["service.version"] = settings.service_version or release.service_version(service, directory)
    if settings.environment:
        attributes["deployment.environment.name"] = settings.environment
    with suppress(KeyError, OSError, ImportError):  # a user id without a name
        attributes["process.owner"] = getpass.getuser()
    return Resource.create({**attributes, **said})


def of_process() -> dict[str, str | int]:
    """What is different in every process, a forked one too."""
    return {"service.instance.id": str(uuid.uuid4()), "process.pid": os.getpid(), "process.parent_pid": os.getppid()}
