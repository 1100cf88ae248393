"""Days are dropped by a clock that is believed: a leap ahead must last before it costs anything."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest
from otelpond.storage.lake.trusted_date import trusted_date

TODAY = date(2026, 11, 21)
YEAR = timedelta(days=365)


def days(*numbers: int) -> list[date]:
    """Dates by their distance from today."""
    return [TODAY + timedelta(days=number) for number in numbers]


def test_the_clock_is_followed_from_day_to_day(tmp_path: Path) -> None:
    """A weekend and a week's holiday are no leap."""
    dates = days(0, 0, 1, 4, 11)
    assert dates == [trusted_date(tmp_path, today) for today in dates]


def test_a_clock_that_is_ahead_for_a_while_is_not_believed(tmp_path: Path) -> None:
    """However often it is asked; set right, it is followed again."""
    seen = [TODAY, *[TODAY + YEAR] * 30, *[TODAY + YEAR + timedelta(days=1)] * 30, TODAY]
    assert {TODAY} == {trusted_date(tmp_path, today) for today in seen}


def test_a_clock_that_stays_ahead_is_believed_on_the_third_day(tmp_path: Path) -> None:
    """A collector that was off for a month drops what is due two days later."""
    assert [*days(0, 0, 0), *days(32, 33)] == [trusted_date(tmp_path, today) for today in days(0, 30, 31, 32, 33)]


def test_a_collector_that_runs_once_a_month_drops_days_too(tmp_path: Path) -> None:
    """However far its days lie from each other."""
    assert days(0, 0, 0, 90, 90, 90, 180) == [trusted_date(tmp_path, today) for today in days(0, 30, 60, 90, 120, 150, 180)]


def test_a_clock_that_leaps_again_and_again_is_no_better_for_it(tmp_path: Path) -> None:
    """Days are no witnesses where the clock has been set right, or back, between them."""
    right = {trusted_date(tmp_path, TODAY + number % 2 * YEAR) for number in range(12)}
    back = {trusted_date(tmp_path, TODAY + number * YEAR) for number in range(12, 1, -1)}
    assert ({TODAY}, {TODAY}) == (right, back)


def test_a_clock_that_is_set_back_drops_less(tmp_path: Path) -> None:
    """It is believed at once."""
    assert days(0, -400) == [trusted_date(tmp_path, today) for today in days(0, -400)]


@pytest.mark.parametrize("damaged", [b"", b"{}", b'{"trusted": "soon", "ahead": []}'])
def test_a_damaged_note_is_passed_over(tmp_path: Path, damaged: bytes) -> None:
    """As where there is none."""
    (tmp_path / ".dates.json").write_bytes(damaged)
    assert TODAY == trusted_date(tmp_path, TODAY)
