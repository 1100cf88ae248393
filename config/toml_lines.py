"""Finds the line where a setting stands in a TOML file, which tomllib does not tell; `sources` asks when a setting is wrong."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Sequence

Location = tuple[int | str, ...]
"""Keys and places in lists, from the outermost."""


def line_of(lines: Sequence[str], location: Location) -> int:
    """The line (from 1) of a setting in a file that tomllib reads, or of the nearest table that should hold it; 1 where there is none."""
    found = 1
    for first, last, key, is_table in _statements(lines):
        if key == location:
            return first
        if key == location[: len(key)]:
            if not is_table:
                return first + _within(lines[first - 1 : last], location[len(key) :])
            found = first
    return found


def _statements(lines: Sequence[str]) -> Iterator[tuple[int, int, Location, bool]]:
    """Each header and each key with its value: first line, last line, what it names, whether it is a header."""
    table: Location = ()
    counts: dict[str, int] = {}
    number = 0
    while number < len(lines):
        number += 1
        line = lines[number - 1]
        if header := re.match(r"\s*(\[\[?)\s*([\w.\"' -]+?)\s*\]", line):
            name, *inner = (part.strip("\"' ") for part in header[2].split("."))
            if header[1] == "[[":
                counts[name] = counts.get(name, -1) + 1
            table = (name, counts[name], *inner) if name in counts else (name, *inner)
            yield number, number, table, True
        elif pair := re.match(r"\s*([\w.\"'-]+)\s*=", line):
            first, number = number, _end(lines, number)
            yield first, number, (*table, *(part.strip("\"'") for part in pair[1].split("."))), False


def _end(lines: Sequence[str], first: int) -> int:
    """The line on which the value that begins on a line ends: the first with which it is TOML."""
    for last in range(first, len(lines) + 1):
        if _read("\n".join(lines[first - 1 : last])) is not None:
            return last
    return first


def _within(lines: Sequence[str], rest: Location) -> int:
    """How many lines below its first one a part of a value stands."""
    places = [part for part in rest if isinstance(part, int)]
    element = next((at for at in range(len(lines)) if _elements(lines[: at + 1]) > places[0]), 0) if places else 0
    names = [part for part in rest if isinstance(part, str)]
    for at in range(element, len(lines) if names else 0):
        text = lines[at].partition("=")[2] if at == 0 else lines[at]
        if re.search(rf"(^|[\s{{,])[\"']?{re.escape(names[-1])}[\"']?\s*=", text):
            return at
    return element


def _elements(lines: Sequence[str]) -> int:
    """How many elements of a list have begun on its first lines."""
    for closing in ("]", '""]', "}]"):
        value = _read("\n".join(lines).rstrip().rstrip(",") + closing) or _read("\n".join(lines))
        if value is not None:
            (inner,) = value.values()
            return len(inner) if isinstance(inner, list) else 0
    return 0


def _read(text: str) -> dict[str, object] | None:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return None
