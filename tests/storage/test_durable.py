"""Durable means on the medium, on macOS too, where fsync alone leaves bytes in the drive's memory."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

import pytest
from otelpond.storage import durable

FULL = 51
"""The number of F_FULLFSYNC on macOS."""


def test_macos_is_asked_for_the_medium_by_files_and_folders_alike(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where F_FULLFSYNC exists, nothing relies on fsync: small state, finished Parquet files and log entries, folders."""
    asked: list[tuple[str, int]] = []

    def full_sync(descriptor: int, command: int) -> int:
        asked.append(("folder" if os.fstat(descriptor).st_mode & 0o040000 else "file", command))
        return 0

    def refused(_descriptor: int) -> None:
        pytest.fail("fsync is not enough here")

    monkeypatch.setattr(fcntl, "F_FULLFSYNC", FULL, raising=False)
    monkeypatch.setattr(fcntl, "fcntl", full_sync)
    monkeypatch.setattr(os, "fsync", refused)
    monkeypatch.setattr(os, "fdatasync", refused)
    durable.write_file(tmp_path / "small", b"state")
    durable.fsync_file(tmp_path / "small")
    durable.make_folder(tmp_path / "new")
    assert [("file", FULL), ("folder", FULL), ("file", FULL), ("folder", FULL)] == asked
