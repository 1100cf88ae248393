"""A stack is shown so that the service's own frames stand out, with or without colours."""

from __future__ import annotations

import io

from otelpond.config.issues.stack import stack
from otelpond.storage.stacks.trace import Error, Frame, Trace
from rich.console import Console


def _shown(trace: Trace | None, text: str | None = None, *, full: bool = False) -> list[str]:
    out = io.StringIO()
    Console(file=out, width=100).print(stack(trace, text, full=full))
    return [row.rstrip() for row in out.getvalue().splitlines() if row.strip()]


def _library(number: int, module: str = "starlette/routing.py") -> Frame:
    return Frame(function=f"f{number}", module=module, file=f"/venv/site-packages/{module}", line=number, in_app=False)


OWN = Frame(function="total", module="shop/orders.py", file="/srv/shop/orders.py", line=87, source="return a / b")


def test_own_frames_are_marked_with_place_and_source() -> None:
    """A mark stands where a terminal has no colours."""
    error = Error("ValueError", "no price", (_library(1), OWN))
    assert [
        "Stack  the call that raised comes last",
        "ValueError: no price",
        "    f1  starlette/routing.py:1",
        "  ▸ total  /srv/shop/orders.py:87",
        "        return a / b",
    ] == _shown(Trace("python", (error,)))


def test_many_library_frames_in_a_row_are_counted() -> None:
    """Unless all are asked for."""
    frames = (*(_library(number) for number in range(4)), _library(5, "uvicorn/server.py"), OWN)
    trace = Trace("python", (Error("E", "", frames),))
    assert "    … 5 frames of starlette, uvicorn" == _shown(trace)[2]
    assert 9 == len(_shown(trace, full=True))


def test_other_languages_begin_with_the_call_that_raised() -> None:
    """As their own stacks do; the column is shown where it is known."""
    inner = Frame(function=None, file="https://shop.example/cart.js", line=3, column=14)
    shown = _shown(Trace("javascript", (Error("TypeError", "x", (OWN, inner)),)))
    assert "Stack  the call that raised comes first" == shown[0]
    assert "  ▸ <anonymous>  https://shop.example/cart.js:3:14" == shown[2]


def test_chained_errors_say_how_they_belong_together() -> None:
    """The one that was reported first."""
    errors = (Error("A", "1"), Error("B", "2", relation="cause"), Error("C", "", relation="context"), Error("D", "4", relation="member"))
    assert ["A: 1", "caused by B: 2", "raised while handling C", "one of its errors: D: 4"] == _shown(Trace("python", errors))[1:]


def test_recursion_is_counted() -> None:
    """A frame that stood there many times in a row is one line."""
    frame = Frame(function="walk", file="tree.py", line=9, repeated=994)
    assert "  ▸ walk  tree.py:9 (994 more times in a row)" == _shown(Trace("python", (Error("RecursionError", "", (frame,)),)))[2]


def test_an_unknown_form_is_shown_as_it_came() -> None:
    """Its first and last lines, and nothing that a terminal would obey."""
    text = "\n".join(["boom \x1b[2J", *(f"line {number}" for number in range(100))])
    shown = _shown(None, text)
    assert ["Stack  as it came", "  boom \\x1b[2J", "  line 0"] == shown[:3]
    assert "  … 41 lines: --full" == shown[31]
    assert "  line 99" == shown[-1]
    assert 102 == len(_shown(None, text, full=True))


def test_no_stack_is_nothing() -> None:
    """Not even a heading."""
    assert [] == _shown(None)
