"""Lines of JavaScript stacks are read in every engine's words, and written as V8 writes them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from otelpond.storage.sourcemaps.frame_lines import LONGEST_LINE, FrameLine, frame_line


@pytest.mark.parametrize(
    ("line", "frame"),
    [
        ("    at total (https://a.example/m.js:1:20)", FrameLine("total", False, "https://a.example/m.js", 1, 20)),
        ("    at https://a.example/m.js:1:20", FrameLine("", False, "https://a.example/m.js", 1, 20)),
        ("    at async pay (https://a.example/m.js:1:20)", FrameLine("pay", True, "https://a.example/m.js", 1, 20)),
        ("    at async https://a.example/m.js:1:20", FrameLine("", True, "https://a.example/m.js", 1, 20)),
        ("    at new t (C:\\shop\\m.js:1:20)", FrameLine("new t", False, "C:\\shop\\m.js", 1, 20)),
        ("    at f (https://a.example/app/(shop)/m.js:1:20)", FrameLine("f", False, "https://a.example/app/(shop)/m.js", 1, 20)),
        ("    at Object.i [as pay] (/srv/my app/m.js:1:20)", FrameLine("Object.i [as pay]", False, "/srv/my app/m.js", 1, 20)),
        ("total@https://a.example/m.js:1:20", FrameLine("total", False, "https://a.example/m.js", 1, 20)),
        ("@https://cdn.example/npm/m@1.2/m.js:1:20", FrameLine("", False, "https://cdn.example/npm/m@1.2/m.js", 1, 20)),
        ("t.checkout/<@https://a.example/m.js:1:20", FrameLine("t.checkout/<", False, "https://a.example/m.js", 1, 20)),
    ],
)
def test_function_and_place_are_read(line: str, frame: FrameLine) -> None:
    """Of V8, Gecko and WebKit."""
    assert frame == frame_line(line)
    assert frame == frame_line(str(frame))


@pytest.mark.parametrize(
    "line",
    [
        "TypeError: x is undefined",
        "    at Array.map (<anonymous>)",
        "    at native code",
        "[native code]",
        "    at f (m.js:1)",
        "    at f (m.js:x:y)",
        "    at f (m.js:\u0661:\u0661)",
        "    at eval (eval at f (https://a.example/m.js:1:20), <anonymous>:1:1)",
        "    at f (" + "m" * LONGEST_LINE + ":1:1)",
        "Error: write to ann@example.com",
    ],
)
def test_lines_without_a_place_are_none(line: str) -> None:
    """They stay as they are."""
    assert frame_line(line) is None


@given(st.text())
def test_any_line_is_read(line: str) -> None:
    """Nothing raises."""
    frame = frame_line(line)
    assert frame is None or (frame.line > 0 and frame.column > 0)
