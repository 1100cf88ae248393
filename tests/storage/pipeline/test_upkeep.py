"""Maintenance is started by the pipeline, one child at a time, and ends with it."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import pytest
from otelpond.storage.pipeline import upkeep as upkeep_module
from otelpond.storage.pipeline.upkeep import Slot, Upkeep


def test_a_child_runs_a_minute_after_a_publish_and_not_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not at once, then once; nothing new starts while one runs."""
    note = tmp_path / "note"
    upkeep = Upkeep([sys.executable, "-c", f"open({str(note)!r}, 'a').write('x')"], lambda: True)
    upkeep.published()
    upkeep.tick()
    assert upkeep._child is None

    monkeypatch.setattr(upkeep_module, "AFTER_PUBLISH_S", 0.0)
    upkeep.tick()
    assert upkeep._child is not None
    upkeep._child.wait()
    upkeep.tick()

    assert "x" == note.read_text()
    assert upkeep._child is None


def test_a_running_child_is_ended_with_the_pipeline(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stopping does not wait for a round to finish."""
    monkeypatch.setattr(upkeep_module, "AFTER_PUBLISH_S", 0.0)
    upkeep = Upkeep([sys.executable, "-c", "import time; time.sleep(100)"], lambda: True)
    upkeep.published()
    upkeep.tick()
    child = upkeep._child
    assert child is not None
    upkeep.stop()

    deadline = time.monotonic() + 10
    while child.poll() is None:
        assert time.monotonic() < deadline
    assert child.returncode < 0


def test_nothing_starts_while_the_lake_needs_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A publish alone is no reason for a process."""
    monkeypatch.setattr(upkeep_module, "AFTER_PUBLISH_S", 0.0)
    upkeep = Upkeep(["false"], lambda: False)
    upkeep.published()
    upkeep.tick()

    assert upkeep._child is None


def test_ponds_that_share_a_slot_have_one_child_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """The second waits until the first has ended, and then has its turn; one that hangs is ended."""
    monkeypatch.setattr(upkeep_module, "AFTER_PUBLISH_S", 0.0)
    slot = Slot()
    command = [sys.executable, "-c", "import time; time.sleep(100)"]
    first, second = Upkeep(command, lambda: True, slot), Upkeep(command, lambda: True, slot)
    for upkeep in (first, second):
        upkeep.published()
        upkeep.tick()
    assert first._child is not None
    assert second._child is None

    monkeypatch.setattr(upkeep_module, "LONGEST_S", 0.0)
    first.tick()
    first._child.wait()
    monkeypatch.undo()
    monkeypatch.setattr(upkeep_module, "AFTER_PUBLISH_S", 0.0)
    first.tick()
    second.tick()
    assert first._child is None
    assert second._child is not None
    second.stop()
