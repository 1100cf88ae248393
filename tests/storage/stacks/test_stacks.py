"""Stack traces of real runtimes, read; `texts` holds them, made by `programs` where this machine has the runtime."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from otelpond.storage.stacks.in_app import InApp
from otelpond.storage.stacks.lines import LONGEST_TEXT, bounded, lines_of
from otelpond.storage.stacks.parsing import parse
from otelpond.storage.stacks.paths import plain_path
from otelpond.storage.stacks.trace import Error, Frame, Trace

HERE = Path(__file__).parent
TEXTS = sorted((HERE / "texts").glob("*/*.txt"))


def described(trace: Trace | None) -> str:
    """One line an error and a frame; `*` stands before those of the service."""
    if trace is None:
        return "unknown\n"
    return "".join(f"{line}\n" for line in [trace.language, *trace.notes, *(line for error in trace.errors for line in _error(error))])


def _error(error: Error) -> list[str]:
    relation = f"{error.relation} of it: " if error.relation else ""
    return [f"{relation}{error.type or '?'}: {error.message!r}", *map(_frame, error.frames)]


def _frame(frame: Frame) -> str:
    place = ":".join(str(part) for part in (frame.module, frame.line, frame.column) if part is not None)
    source = f" | {frame.source}" if frame.source else ""
    times = f" x{frame.repeated + 1}" if frame.repeated else ""
    return f"  {'*' if frame.in_app else ' '} {frame.function or '?'} in {place or '?'}{source}{times}"


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_a_real_text_is_read_as_expected_whether_its_language_is_told_or_not(path: Path) -> None:
    """Frames, sources, chains, members, and what is the service's own."""
    text = path.read_text(encoding="utf-8")
    expected = path.with_suffix(".expected").read_text(encoding="utf-8")
    assert expected == described(parse(text, path.parent.name))
    assert expected == described(parse(text))


@pytest.mark.parametrize(
    "text", ["", "\0", "out of stock", "ValueError: no stack", "at home\nat work", "mail ada@shop.example: 1", "\n" * 99]
)
def test_what_is_no_stack_is_unknown(text: str) -> None:
    """And is kept as it is by who asks."""
    assert parse(text) is None
    assert parse(text, "python") is None


def test_a_text_that_lost_its_line_breaks_is_read_all_the_same() -> None:
    """Colours of a terminal, carriage returns and escaped line breaks are nothing of the stack."""
    plain = (HERE / "texts/python/chained_3.13.txt").read_text(encoding="utf-8")
    expected = described(parse(plain))
    assert expected == described(parse(plain.replace("\n", "\r\n")))
    assert expected == described(parse(json.dumps(plain)[1:-1]))
    assert expected == described(parse(plain.replace("File ", "\x1b[1;35mFile\x1b[0m ")))


def test_another_language_than_that_of_the_sdk_is_told_by_the_text() -> None:
    """A Python service may report what a page has sent it."""
    text = (HERE / "texts/javascript/chromium_minified.txt").read_text(encoding="utf-8")
    trace = parse(text, "python")
    assert trace is not None
    assert "javascript" == trace.language


@pytest.mark.parametrize(
    ("path", "plain"),
    [
        ("/srv/releases/20261120/shop/orders.py", "shop/orders.py"),
        ("/app/shop/orders.py", "shop/orders.py"),
        ("/home/ada/shop/orders.py", "shop/orders.py"),
        ("/home/ada/code/shop-server/shop/orders.py", "shop/orders.py"),
        ("/opt/shop/shop/orders.py", "shop/orders.py"),
        ("/var/www/shop/current/shop/orders.py", "shop/orders.py"),
        ("/var/www/shop/releases/20261120101112/shop/orders.py", "shop/orders.py"),
        ("/app/my-shop/shop/orders.py", "my-shop/shop/orders.py"),
        ("/app/data/a/b.py", "data/a/b.py"),
        ("/app/mycode/shop/cart/orders.py", "mycode/shop/cart/orders.py"),
        ("https://host/orders/456", "orders/{id}"),
        ("https://host/orders/550e8400-e29b-41d4-a716-446655440000/edit", "orders/{id}/edit"),
        ("https://host/releases/20260101/cart.js", "cart.js"),
        ("https://host/3f2a9c1d/cart.js", "cart.js"),
        ("https://host/assets/index-DiwrgTda.js", "index.js"),
        ("/private/tmp/_MEIa1b2c3/shop/orders.py", "shop/orders.py"),
        ("/private/tmp/tmpab12cd/shop/orders.py", "shop/orders.py"),
        ("https://host/mydist/orders.js", "mydist/orders.js"),
        ("/builds/acme/shop/src/shop/orders.py", "shop/orders.py"),
        ("/home/runner/work/shop/shop/shop/orders.py", "shop/orders.py"),
        ("/layers/8db1d2a3f4c5e6/shop/orders.py", "shop/orders.py"),
        ("/opt/shop-1.2.3/shop/orders.py", "shop/orders.py"),
        ("C:\\work\\shop\\orders.py", "shop/orders.py"),
        ("D:\\a\\1\\s\\shop\\orders.py", "shop/orders.py"),
        ("\\\\host\\share\\work\\shop\\orders.py", "shop/orders.py"),
        ("./shop/orders.py", "shop/orders.py"),
        ("orders.py", "orders.py"),
        ("file:///app/shop/orders.mjs", "shop/orders.mjs"),
        ("file:///C:/work/shop/orders.mjs", "shop/orders.mjs"),
        ("webpack:///./src/shop/orders.js", "shop/orders.js"),
        ("webpack://acme/./shop/orders.js?a1b2", "shop/orders.js"),
        ("webpack-internal:///(rsc)/./shop/orders.js", "shop/orders.js"),
        ("https://host/assets/main.3f2a9c.js", "main.js"),
        ("https://host/assets/main.9c1b77.js", "main.js"),
        ("https://host/assets/index-BfK2s8aQ.js", "index.js"),
        ("https://host/assets/chunk-HVRFWYDF.js", "chunk.js"),
        ("https://host/static/js/2.8b1f4a3c.chunk.js", "2.chunk.js"),
        ("https://host/_next/static/chunks/pages/cart-4fc5be0d9ae5b1a0.js", "pages/cart.js"),
        ("https://host/shop/order-list.js?v=12#top", "shop/order-list.js"),
        ("https://host/js/app.min.js", "app.min.js"),
    ],
)
def test_a_path_is_the_same_wherever_it_was_deployed(path: str, plain: str) -> None:
    """Hosts, homes, releases, digests and drives are nothing of the code."""
    assert plain == plain_path(path)


@pytest.mark.timeout(5)
def test_long_folders_cost_time_in_proportion_to_their_length() -> None:
    """Each of another name: nothing is remembered of them."""
    frames = (f'  File "/{chr(97 + n % 26)}{n}{"ab" * 450}/a{"ab" * 450}/x.py", line 1, in f\n' for n in range(1, 61))
    assert parse("Traceback (most recent call last):\n" + "".join(frames) + "ValueError: x\n", "python") is not None


def test_settings_say_whose_code_a_frame_is_by_the_longest_prefix() -> None:
    """Prefixes of modules and of paths."""
    text = (HERE / "texts/python/awaited_3.13.txt").read_text(encoding="utf-8")
    trace = parse(
        text, "python", InApp(include=("asyncio", "shop"), exclude=("asyncio.base_events", "/usr/local/lib/python3.13/js", "sho"))
    )
    assert trace is not None
    assert [True, True, True, False, True, True] == [frame.in_app for frame in trace.errors[0].frames]
    assert [True, False, False, False] == [frame.in_app for frame in trace.errors[1].frames]


BEGINNINGS = {
    "python": 'Traceback (most recent call last):\n  File "a.py", line 1, in f\n',
    "javascript": "Error: x\n    at f (a.js:1:2)\n",
    "java": "a.B: x\n\tat a.B.c(B.java:1)\n",
    "go": "panic: x\n\ngoroutine 1 [running]:\nmain.main()\n\t/a.go:1 +0x1\n",
    "dotnet": "A.B: x\n   at A.B.C() in /a.cs:line 1\n",
    "ruby": "a.rb:1:in `f': x (E)\n\tfrom a.rb:2:in `g'\n",
    "php": "E: x in /a.php:1\nStack trace:\n#0 /a.php(1): f()\n",
}

PIECES = st.sampled_from(
    [
        "Traceback (most recent call last):",
        '  File "a.py", line 1, in f',
        "    f()",
        "ValueError: x",
        "  + Exception Group Traceback (most recent call last):",
        "  | ",
        "  +-+---------------- 1 ----------------",
        "    +---------------- 2 ----------------",
        "    +------------------------------------",
        "The above exception was the direct cause of the following exception:",
        "  [Previous line repeated 3 more times]",
        "  ...",
        "    at f (a.js:1:2)",
        "  [cause]: Error: y",
        "  [errors]: [",
        "f@https://h/a.js:1:2",
        "at eval (eval at f (a.js:1:1), <anonymous>:1:1)",
        "Current thread 0x01 (most recent call first):",
        "",
        "\0",
        "^",
        "\udcff",
        *(line for beginning in BEGINNINGS.values() for line in beginning.split("\n")),
        "Caused by: a.B: x",
        " ---> A.B: x",
        "Stack trace:",
        "Next E: y in /b.php:2",
    ]
)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.one_of(PIECES, st.text(max_size=20)), max_size=30).map("\n".join), st.sampled_from([*BEGINNINGS, "nodejs", None]))
@example("  +-+---------------- 1 ----------------\n" * 200 + "Exception Group Traceback (most recent call last):", "python")
def test_no_text_raises(text: str, language: str | None) -> None:
    """Pieces of stacks in any order."""
    trace = parse(text, language)
    assert trace is None or any(error.frames for error in trace.errors)


HOSTILE = [
    "\n",
    " ",
    "|",
    "+-",
    "@",
    "at ",
    ":",
    "a@b:1:2\n",
    '  File "',
    '  File "a.py", line 1, in f\n',
    '", line 1',
    "a.",
    "    at f (a.js:1:2)\n",
    " (",
    "[cause]: ",
    "(eval at ",
    "-",
    "20261120-",
    "/a1b2c3d4e5f6",
    "/home/",
    "async ",
    "Error: ",
    "\\n",
    "\r",
    "\x1b[",
    "Traceback (most recent call last):\n",
    "  +-+---------------- 1 ----------------\n",
    "  | Exception Group Traceback (most recent call last):\n",
    "    \n",
    ".[",
    "a*",
    "Object.",
    "_",
    "Z-",
    "0",
    "\tat a.B.c(B.java:1)\n",
    "Caused by: a.B: x\n",
    "$$Lambda$1",
    "$1",
    "goroutine 1 [running]:\n",
    "main.f()\n\t/a.go:1 +0x1\n",
    ".func1",
    "   at A.B.C() in /a.cs:line 1\n",
    " ---> A.B: x",
    " ---> A.B: x\n",
    "<A>b__",
    "`1[",
    "from a.rb:1:in `f'\n",
    ":in `",
    "block in ",
    "#0 /a.php(1): f()\n",
    "Stack trace:\n",
    "{closure",
    "->",
]


@pytest.mark.parametrize("piece", HOSTILE)
def test_hostile_text_costs_steps_in_proportion_to_its_length(piece: str) -> None:
    """Twice as much text is twice the calls, in each language. What regular expressions cost is judged by the timeout."""
    for language, beginning in BEGINNINGS.items():
        half, whole = (_steps(beginning + piece * (length // len(piece)), language) for length in (LONGEST_TEXT // 16, LONGEST_TEXT // 8))
        assert whole <= 3 * half + 1_000


def _steps(text: str, language: str | None) -> int:
    steps = 0

    def count(*_: object) -> None:
        nonlocal steps
        steps += 1

    sys.setprofile(count)
    try:
        parse(text, language)
    finally:
        sys.setprofile(None)
    return steps


def test_of_a_long_text_both_ends_are_read() -> None:
    """A message of 10 MB loses its middle, a stack of 100,000 lines too; what was left out is noted."""
    frames = "".join(f'  File "/app/shop/orders.py", line {number}, in total\n' for number in range(100_000))
    trace = parse(f"Traceback (most recent call last):\n{frames}ValueError: too deep\n")
    assert trace is not None
    assert ("ValueError", "too deep") == (trace.errors[0].type, trace.errors[0].message)
    assert (0, 99_999) == (trace.errors[0].frames[0].line, trace.errors[0].frames[-1].line)
    assert 1 == len(trace.notes)
    long = 'Traceback (most recent call last):\n  File "/app/a.py", line 1, in f\nValueError: ' + "x" * 10_000_000
    assert "ValueError" == parse(long).errors[0].type  # type: ignore[union-attr]
    assert LONGEST_TEXT >= sum(map(len, lines_of(long)[0]))
    assert lines_of(long)[0] == lines_of(bounded(long))[0]
    assert lines_of(long)[0] == lines_of(long.replace("\n", "\\n"))[0]
