"""What senders wrote is shown and has no power over the terminal; times and numbers are short."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from otelpond.config.issues import texts

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


def test_control_characters_are_shown_and_do_nothing() -> None:
    """Escape sequences, bells, NULs and marks that turn the direction of writing."""
    assert "\\x1b[2Ja\\x07b\\x00c\\x9b\\u202e" == texts.line("\x1b[2Ja\x07b\x00c\x9b\u202e")
    assert "a\\x08\nb    c" == texts.printable("a\x08\r\nb\tc")


def test_a_line_is_one_line_and_short() -> None:
    """Whatever it was."""
    assert "a b c" == texts.line(" a\n\n b\t c\r\n")
    assert "aaa…" == texts.line("a" * 10_000_000, 3)


def test_a_long_text_says_how_much_is_left_out() -> None:
    """Nobody takes its beginning for all of it."""
    assert "aaaaa… (9,999,995 more characters)" == texts.printable("a" * 10_000_000, 5)


@pytest.mark.parametrize(
    ("ago", "told"),
    [
        (timedelta(seconds=0), "0 s"),
        (timedelta(seconds=59), "59 s"),
        (timedelta(minutes=3), "3 min"),
        (timedelta(hours=23), "23 h"),
        (timedelta(days=99), "99 d"),
        (timedelta(days=200), "2026-05-05"),
        (timedelta(hours=-1), "2026-11-21"),
    ],
)
def test_ages_are_short(ago: timedelta, told: str) -> None:
    """In the largest unit that fits; the day where it is long ago or still to come."""
    assert told == texts.age(NOW - ago, NOW)


def test_durations_have_a_unit() -> None:
    """Milliseconds, or seconds where they are many."""
    assert ["0.4 ms", "640 ms", "12.3 s", ""] == [texts.milliseconds(value) for value in (0.4, 640.2, 12_340, None)]
