"""Reads PHP's stack traces: what `echo $exception` and an uncaught one print, `getTraceAsString()`, and the SDK's form, which is Java's.

PHP tells where each function was called; here a frame is where a function was, as in all other languages. The root cause comes first.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from . import java
from .in_app import InApp
from .libraries import PHP
from .paths import plain_path
from .remembered import remembered
from .trace import Error, Frame, innermost_last

_CALL: Final = re.compile(r"#[0-9]{1,6} (?:(\{main\})|(.*))$")
_FILE: Final = re.compile(r"(.*)\(([0-9]{1,9})\)$")
_HEADER_END: Final = re.compile(r"(.*) in (.+):([0-9]{1,9})$")
_BEGINNING: Final = re.compile(r"(?:PHP )?(?:Fatal error: +)?(?:Uncaught )?(?:Next )?")
_TYPED: Final = re.compile(r"([^\W\d]\w*+(?:\\\w++)*+)(?:: ?(.*))?$", re.DOTALL)
_CLOSURE: Final = re.compile(r"\{closure[^}]*+\}")
_LIBRARY: Final = re.compile(r".*/vendor/(?:composer/\.\./)?|phar://")


def read(lines: Sequence[str], in_app: InApp) -> tuple[Error, ...]:
    """The exceptions: the reported one, then its causes; none where the lines hold no call."""
    if not any(line.startswith("#0 ") for line in lines):
        return java.read(lines, in_app, _is_library)
    marks = [at for at, line in enumerate(lines) if line == "Stack trace:"]
    if not marks:
        return (Error(None, "", _frames(lines, None, None, in_app)),)
    errors = []
    begin = 0
    for at, end in zip(marks, [*marks[1:], len(lines)], strict=True):
        calls = list(itertools.takewhile(_CALL.match, lines[at + 1 : end]))
        errors.append(_error(lines[begin:at], calls, in_app))
        begin = at + 1 + len(calls)
    return tuple(replace(error, relation="cause" if at else "") for at, error in enumerate(reversed(errors)))


def _error(header: Sequence[str], calls: Sequence[str], in_app: InApp) -> Error:
    text = "\n".join(header).strip()
    message, file, line = text, None, None
    placed = _HEADER_END.search(text, max(text.rfind("\n"), 0))
    if placed is not None:
        message, file, line = text[: placed.end(1)], placed[2], int(placed[3])
    typed = _TYPED.match(_BEGINNING.sub("", message, count=1))
    frames = _frames(calls, file, line, in_app)
    return Error(typed[1], typed[2] or "", frames) if typed else Error(None, message, frames)


def _frames(calls: Sequence[str], file: str | None, line: int | None, in_app: InApp) -> tuple[Frame, ...]:
    """Frames of calls, the innermost being at that file and line."""
    frames = []
    for call in calls:
        found = _CALL.match(call)
        if found is None:
            continue
        place, _, called = (found[2] or ": {main}").partition(": ")
        frames.append(_frame(called or "{main}", file, line, in_app))
        located = _FILE.match(place)
        file, line = (located[1], int(located[2])) if located is not None else (None, None)
    return innermost_last(frames)


def _frame(called: str, file: str | None, line: int | None, in_app: InApp) -> Frame:
    type_, function = _named(called)
    path, usually = _place(file) if file is not None else (None, False)
    return Frame(function, type_ or path, file, line, in_app=in_app.judge(type_ or path, file, usually))


@remembered
def _named(called: str) -> tuple[str | None, str]:
    r"""Class and function of `Acme\Shop\Cart->total(Array)`."""
    name = _CLOSURE.sub("{closure}", called).partition("(")[0]
    for link in ("->", "::"):
        type_, found, function = name.partition(link)
        if found:
            return type_, function.rpartition("\\")[2]
    return None, name


@remembered
def _place(file: str) -> tuple[str, bool]:
    path = file.replace("\\", "/")
    library = _LIBRARY.match(path)
    return path[library.end() :] if library is not None else plain_path(file), library is None


def _is_library(module: str, file: str | None) -> bool:
    """Of OpenTelemetry's form, which tells a file's name without its folder."""
    return file is None or not file.endswith(".php") or module.partition(".")[0] in PHP
