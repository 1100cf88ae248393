"""A stack is read once for all messages that it comes with."""

from __future__ import annotations

from unittest.mock import Mock

import pytest
from otelpond.storage.grouping import reading
from otelpond.storage.grouping.grouper import Grouper
from otelpond.storage.grouping.reading import Recent
from otelpond.storage.grouping.report import Grouping, Report, Stack

FRAMES = '  File "/app/shop/orders.py", line 5, in total\n    return a / b\n'


def raised(message: str, cause: str | None = None) -> Report:
    """A ValueError as Python prints it, with its cause."""
    told = f"Traceback (most recent call last):\n{FRAMES}ValueError: {message}\n"
    link = "\nThe above exception was the direct cause of the following exception:\n\n"
    before = "" if cause is None else f"Traceback (most recent call last):\n{FRAMES}KeyError: {cause}\n{link}"
    return Report("ValueError", message, before + told, "python")


@pytest.fixture
def parsed(monkeypatch: pytest.MonkeyPatch) -> Mock:
    """How stacks are parsed, counted."""
    spy = Mock(wraps=reading.parse)
    monkeypatch.setattr(reading, "parse", spy)
    return spy


def test_a_stack_with_many_messages_is_parsed_once(parsed: Mock) -> None:
    """Also where they have several lines, or belong to a cause."""
    grouper = Grouper()
    given = [raised(f"order {n}\nof user {n}: gone", f"'user-{n}'") for n in range(50)]
    assert 1 == len({grouper.explain(report).fingerprint for report in given})
    assert 1 == parsed.call_count


def test_a_message_that_stands_in_a_source_line_takes_nothing_from_it(parsed: Mock) -> None:
    """Only behind a type at the end of a line it is a message."""
    del parsed
    grouper = Grouper()
    assert (
        grouper.explain(raised("a")).fingerprint
        == grouper.explain(raised("return a / b")).fingerprint
        == grouper.explain(raised("")).fingerprint
    )


def test_a_text_that_is_no_stack_is_grouped_by_its_message() -> None:
    """It is kept as it is."""
    found = Grouper().explain(Report("ValueError", "order 5 gone", "see the log of 2026-11-20"))
    assert ("message", ("ValueError", "order <value> gone")) == (found.by, found.parts)


def test_what_was_used_last_is_remembered() -> None:
    """And no more than so many bytes."""
    first, again = (Stack(Grouping("frames", ("x" * 1_000,), culprit)) for culprit in ("first", "again"))
    recent = Recent(6_000)
    assert {first} == {recent.get(key, lambda: first) for key in (b"a", b"b", b"a", b"c")}
    assert [first, again] == [recent.get(key, lambda: again) for key in (b"a", b"b")]
    huge = Stack(Grouping("frames", ("x" * 100_000,)))
    assert [huge, again] == [recent.get(b"d", lambda: huge), recent.get(b"a", lambda: again)]
