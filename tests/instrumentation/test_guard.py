"""What fails is said: once for each class of error, without its secrets, and not for ever."""

from __future__ import annotations

import pytest
from otelpond.instrumentation import guard


@pytest.fixture(autouse=True)
def _unsaid(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "_said", set())


def test_an_error_that_reads_differently_each_time_is_said_once(capsys: pytest.CaptureFixture[str]) -> None:
    """Another class of error is said too, and the same class of another step."""
    for number in range(1000):
        with guard.skipped("a step"):
            raise ValueError(f"object at {number:x}")
    for what in ("a step", "another"):
        with guard.skipped(what):
            raise KeyError("x")
    lines = [f"otelpond: {said}" for said in ("a step is skipped: ValueError: object at 0", "a step is skipped: KeyError: 'x'")]
    assert [*lines, "otelpond: another is skipped: KeyError: 'x'"] == capsys.readouterr().err.splitlines()


def test_an_errors_message_is_said_without_secrets(capsys: pytest.CaptureFixture[str]) -> None:
    """A driver's names the password that it was given."""
    with guard.skipped("a step"):
        raise OSError("postgresql://ada:hunter2@db/shop does not answer, password='hunter2'")
    said = capsys.readouterr().err
    assert "does not answer" in said
    assert "hunter2" not in said


def test_an_error_that_cannot_be_told_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing reaches the service."""

    class MuteError(Exception):
        def __str__(self) -> str:
            raise RuntimeError

    with guard.skipped("a step"):
        raise MuteError
    assert "otelpond: a step is skipped: MuteError: its message cannot be told\n" == capsys.readouterr().err


def test_there_is_an_end_to_what_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    """Whatever is new each time."""
    for number in range(2 * guard.MAX_SAID):
        guard.say_once(f"number {number}")
    assert guard.MAX_SAID == len(capsys.readouterr().err.splitlines()) == len(guard._said)
