"""Power losses, a few: what was acknowledged is found once; and where nothing is fsynced, the same test sees what is lost."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from .record import STRACE

ROOT = Path(__file__).parents[2]
CUT = """
import dataclasses, json, sys
from pathlib import Path
from tests.chaos import power
lives = power.record_lives(Path(sys.argv[1]), 1)
print(json.dumps(dataclasses.asdict(power.cut_and_recover(lives, 8, workers=1, seed=3))))
"""


def power_losses(folder: Path, **environment: str) -> dict[str, Any]:
    """The figures of a few; in a process of its own, which forks before anything has threads."""
    command = [sys.executable, "-c", CUT, str(folder)]
    done = subprocess.run(command, cwd=ROOT, env=os.environ | environment, check=True, capture_output=True, text=True)
    figures: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return figures


@pytest.mark.long
@pytest.mark.skipif(STRACE is None, reason="strace is not installed")
@pytest.mark.timeout(300)
def test_what_was_acknowledged_survives_power_losses(tmp_path: Path) -> None:
    """`make chaos` does it a thousand times."""
    figures = power_losses(tmp_path)

    assert 8 == figures["recoveries"]
    assert figures["acknowledged"] == figures["found"] > 0
    assert (0, 0, 0) == (figures["lost"], figures["doubled"], figures["failed"]), figures["complaints"]


@pytest.mark.long
@pytest.mark.skipif(STRACE is None, reason="strace is not installed")
@pytest.mark.timeout(300)
def test_a_pond_that_fsyncs_nothing_is_found_out(tmp_path: Path) -> None:
    """The test of the test: without fsync acknowledged rows are lost, and the figures say so."""
    figures = power_losses(tmp_path, OTELPOND_CHAOS_WITHOUT_FSYNC="1")

    assert figures["lost"] + figures["failed"] > 0
