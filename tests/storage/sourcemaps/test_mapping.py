"""Minified stacks of real bundles become stacks of the sources, in any browser's words; other texts stay what they are."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from otelpond.storage.sourcemaps.mapping import LONGEST_STACK, MOST_LINES, SourceMaps, source_path

ESBUILD = """TypeError: Cannot read properties of undefined (reading 'amount')
    at src/orders.js:2:55
        return items.reduce((sum, item) => sum + item.price.amount, 0);
    at Array.reduce (<anonymous>)
    at total (src/orders.js:2:16)
        return items.reduce((sum, item) => sum + item.price.amount, 0);
    at Cart.checkout (src/cart.js:9:17)
        const sum = total(this.items);
    at """
AWAITED = """Error: the card has expired
    at charge (src/orders.js:11:29)
        if (card.isExpired) throw new Error('the card has expired');
    at pay (src/orders.js:7:10)
        return charge(order);"""
GECKO = """o/<@https://shop.example/assets/main.js:1:54
o@https://shop.example/assets/main.js:1:30
checkout@https://shop.example/assets/main.js:1:271
"""


def _mapped(maps: SourceMaps, release: str, stack: str) -> str:
    mapped = maps.mapped("shop", release, stack)
    assert mapped is not None
    return mapped


def test_functions_files_lines_and_their_text_are_those_of_the_sources(maps: SourceMaps, stacks: dict[str, dict[str, str]]) -> None:
    """Innermost first as V8 writes it; what runs in the browser itself stays."""
    assert _mapped(maps, "esbuild-1.0", stacks["esbuild-1.0"]["callback"]).startswith(ESBUILD)
    assert AWAITED == _mapped(maps, "esbuild-1.0", stacks["esbuild-1.0"]["awaited"])


@pytest.mark.parametrize("bundler", ["esbuild", "terser", "webpack"])
def test_builds_of_equal_sources_give_equal_stacks_but_for_line_numbers(
    maps: SourceMaps, stacks: dict[str, dict[str, str]], bundler: str
) -> None:
    """1.1 has five lines more at the head of a file, and other names and columns when minified."""
    for failure, stack in stacks[f"{bundler}-1.0"].items():
        before = _mapped(maps, f"{bundler}-1.0", stack)
        after = _mapped(maps, f"{bundler}-1.1", stacks[f"{bundler}-1.1"][failure])
        assert re.sub(r":\d+:\d+", "", before) == re.sub(r":\d+:\d+", "", after)
        assert "main.js" not in before
        assert before.count("src/") >= 2


def test_firefox_and_safari_tell_the_same_as_chrome(maps: SourceMaps, stacks: dict[str, dict[str, str]]) -> None:
    """Their lines become V8's; they name no error, and nothing of the runtime."""
    mapped = _mapped(maps, "esbuild-1.0", GECKO)
    chrome = _mapped(maps, "esbuild-1.0", stacks["esbuild-1.0"]["callback"]).splitlines()
    assert [line for line in chrome[1:8] if "Array.reduce" not in line] == mapped.splitlines()


def test_where_the_files_are_served_does_not_matter(maps: SourceMaps, stacks: dict[str, dict[str, str]]) -> None:
    """On a host of their own, below another folder, with a query, or on a server's disk."""
    for place in ("https://cdn.example:8443/v2/assets/main.js?v=3", "file:///srv/shop/dist/assets/main.js", "/app/assets/main.js"):
        stack = stacks["esbuild-1.0"]["awaited"].replace("https://shop.example/assets/main.js", place)
        assert AWAITED == _mapped(maps, "esbuild-1.0", stack)


def test_async_calls_stay_so(maps: SourceMaps) -> None:
    """V8 marks what it came back to."""
    mapped = _mapped(maps, "esbuild-1.0", "Error: x\n    at async i (https://shop.example/assets/main.js:1:115)")
    assert "    at async pay (src/orders.js:7:10)" == mapped.splitlines()[1]


@pytest.mark.parametrize(
    "stack",
    [
        "",
        "no stack at all",
        "Error: x\n    at f (https://shop.example/assets/other.js:1:2)",
        "Error: x\n    at f (https://shop.example/assets/main.js:7:2)",
        "Error: x\n    at f (https://shop.example/assets/main.js:1:99999999999999999999)",
        "Error: x\n    at f (https://shop.example/assets/main.js:0:0)",
        "Error: x\n    at eval (eval at f (https://shop.example/assets/main.js:1:54), <anonymous>:1:54)",
        'Traceback (most recent call last):\n  File "main.js", line 1, in f\nValueError: 1:2',
    ],
)
def test_what_no_map_knows_stays_as_it_is(maps: SourceMaps, stack: str) -> None:
    """None says so; there is no mapped stack then."""
    assert maps.mapped("shop", "esbuild-1.0", stack) is None


def test_other_releases_and_reports_without_one_stay_as_they_are(maps: SourceMaps, stacks: dict[str, dict[str, str]]) -> None:
    """The same file name is another file in another release."""
    for release in ("esbuild-2.0", "", None, "../../etc/passwd"):
        assert maps.mapped("shop", release, stacks["esbuild-1.0"]["awaited"]) is None
        assert not maps.knows("shop", release)


def test_a_pond_without_maps_is_looked_at_once(tmp_path: Path) -> None:
    """No file is opened for its stacks."""
    maps = SourceMaps(tmp_path)
    assert (0, 0) == maps.state()
    assert not maps.knows("shop", "1.0")
    assert maps.mapped("shop", "1.0", GECKO) is None


def test_of_endless_stacks_the_first_lines_are_read(maps: SourceMaps) -> None:
    """What lies behind stays as it is, and nothing is lost."""
    frame = "    at o (https://shop.example/assets/main.js:1:30)"
    mapped = _mapped(maps, "esbuild-1.0", "\n".join([frame] * (MOST_LINES + 10)))
    assert (MOST_LINES, 10) == (mapped.count("at total"), mapped.count("main.js"))
    long = frame + "\n" + "x" * (2 * LONGEST_STACK)
    assert _mapped(maps, "esbuild-1.0", long).endswith("x" * (2 * LONGEST_STACK))


@given(st.text(alphabet="at (main.js:1:2)@\n\0\ud7ff<>", max_size=200))
def test_no_text_raises(pond: Path, text: str) -> None:
    """Whatever a browser sends."""
    maps = SourceMaps(pond)
    maps.state()
    mapped = maps.mapped("shop", "esbuild-1.0", text)
    assert mapped is None or "src/" in mapped


@pytest.mark.parametrize(
    ("source", "path"),
    [
        ("webpack://@scope/pkg/./src/a.ts", "src/a.ts"),
        ("webpack:///./src/cart.js", "src/cart.js"),
        ("webpack://my-shop/./src/cart.js?a1b2", "src/cart.js"),
        ("webpack://my-shop/../node_modules/react/index.js", "node_modules/react/index.js"),
        ("../../src/cart.ts", "src/cart.ts"),
        ("/home/ci/shop/src/cart.ts", "/home/ci/shop/src/cart.ts"),
        ("src/cart.vue", "src/cart.vue"),
        ("?", "unknown"),
    ],
)
def test_paths_of_sources_lose_what_bundlers_put_before_them(source: str, path: str) -> None:
    """The rest is the reader's."""
    assert path == source_path(source)
