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


ALIKE = {
    "ruby": "/app/shop/orders.rb:3:in `total': order {n} of 5 (gone) is no more (Shop::Gone)\n\tfrom /app/main.rb:5:in `run'\n",
    "php": "E: gone in /app/src/Cart.php:12\nStack trace:\n#0 /app/Main.php(4): Acme\\\\Cart->total({n}, 'a (b)')\n#1 {{main}}\n",
    "go": "panic: gone\n\ngoroutine {n} [running]:\nmain.(*Cart).total(0xc{n}, {{0x1, ...}})\n\t/app/cart.go:12 +0x{n}\n"
    "created by main.run in goroutine {n}\n\t/app/main.go:5 +0x{n}\n",
    "javascript": "Error: gone\n    at total (https://shop.example/cart.js?v={n}:3:5)\n    at run (https://shop.example/main.js?v={n}:9:1)\n",
}


@pytest.mark.parametrize("language", ALIKE)
def test_a_stack_with_other_data_of_its_run_is_parsed_once(parsed: Mock, language: str) -> None:
    """What a runtime writes into a stack without meaning for the group costs no reading."""
    grouper = Grouper()
    given = [Report("", "", ALIKE[language].format(n=n), language) for n in range(10, 30)]
    assert 1 == len({grouper.explain(report).fingerprint for report in given})
    assert 1 == parsed.call_count


@pytest.mark.parametrize("piece", ["a:1:in `b': ", "#0 /a.php(1): f(", "f(0", "f(", "\tf:1 +0x", "js?v=1", " (A", "\n\t"])
@pytest.mark.timeout(10)
def test_hostile_stacks_are_looked_up_in_bounded_time(piece: str) -> None:
    """As long as they may be."""
    Grouper().explain(Report("", "", "a:1:in `b': " + piece * (60_000 // len(piece)), "go"))


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
