"""The sample shop's CPU readings are shares of the machine, however shortly after each other they are made."""

from __future__ import annotations

import pytest
from otelpond.config.demo.telemetry import CpuShare

TICK_S = 0.01


def test_a_process_that_ends_at_once_is_read_since_its_start() -> None:
    """One tick within a millisecond of the first reading was 549.80 % of two cores."""
    used = iter([0.60, 0.60 + TICK_S])
    cpu = CpuShare(lambda: next(used), started_s=100.0, cores=2)
    assert pytest.approx(0.3) == cpu.read(101.0)
    assert pytest.approx(0.3) == cpu.read(101.0009)


def test_a_reading_is_of_the_time_since_the_last_one() -> None:
    """What was used meanwhile, by the seconds between and the cores."""
    used = iter([1.0, 1.0, 4.0])
    cpu = CpuShare(lambda: next(used), started_s=100.0, cores=2)
    assert [0.5, 0.0, 0.75] == [cpu.read(now) for now in (101.0, 103.0, 105.0)]


def test_no_reading_is_beyond_the_machine() -> None:
    """Not even of a process that is younger than a tick."""
    cpu = CpuShare(lambda: 10 * TICK_S, started_s=100.0, cores=1)
    assert pytest.approx(0.2) == cpu.read(100.0)
