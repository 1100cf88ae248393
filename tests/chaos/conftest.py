"""Collectors on disks that fill up; the fixtures of the end-to-end tests serve here too."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from ..e2e.conftest import eventually, quick, server_spans

__all__ = ["eventually", "quick", "server_spans"]
Mount = Callable[..., None]


@pytest.fixture
def mount() -> Iterator[Mount]:
    """Mounts, where this is allowed, and takes it away after the test."""
    if os.geteuid() or shutil.which("mount") is None:
        pytest.skip("only root may mount")

    with ExitStack() as mounted:

        def mount_on(folder: Path, *arguments: str) -> None:
            done = subprocess.run(["mount", *arguments, str(folder)], capture_output=True, text=True, check=False)
            if done.returncode:
                pytest.skip(f"mounting is not allowed here: {done.stderr.strip()}")
            if not any("remount" in argument for argument in arguments):
                mounted.callback(subprocess.run, ["umount", "--lazy", str(folder)], check=True)

        yield mount_on
