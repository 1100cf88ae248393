"""Reads Go's stacks: a panic's goroutine, what `runtime.Stack` and `debug.Stack` give, and the form of `github.com/pkg/errors`.

A call is two lines: package, receiver and function, then file and line.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from .in_app import InApp
from .libraries import GO
from .remembered import remembered
from .trace import Error, Frame, innermost_last

_GOROUTINE: Final = re.compile(r"goroutine [0-9]{1,20}\b[^\n]*\[[^\n]*\]:$")
_PLACE: Final = re.compile(r"\t(.+?):([0-9]{1,9})(?: \+0x[0-9a-f]+.*)?$")
_PANIC: Final = re.compile(r"(?:panic|fatal error): ")
_CREATED: Final = re.compile(r"created by (\S+)(?: in goroutine [0-9]+)?$")
_ELIDED: Final = re.compile(r"\.\.\.(?:[0-9]+|additional) frames elided\.\.\.$")
_GENERIC: Final = re.compile(r"\[\.\.\.\]")
_CLOSURE: Final = re.compile(r"\.(?:func|gowrap|deferwrap)[0-9]")
_LIBRARY: Final = re.compile(r"/pkg/mod/|/vendor/|/go[0-9.]*+/src/|/libexec/src/|@v[0-9]")


def read(lines: Sequence[str], in_app: InApp) -> tuple[Error, ...]:
    """The error of the goroutine that is told first, or those of a chain; none where the lines hold no call."""
    at = next((at for at, line in enumerate(lines) if _GOROUTINE.match(line)), None)
    if at is None:
        return _chain(lines, in_app)
    frames = _outside_of_panic(_frames(lines, at + 1, in_app)[0])
    return (Error(None, _panic(lines[:at]), innermost_last(frames)),)


def _panic(lines: Sequence[str]) -> str:
    """What a text says of the panic before its first goroutine; a type it does not tell."""
    told = list(itertools.dropwhile(lambda line: not _PANIC.match(line), lines))
    return _PANIC.sub("", "\n".join(itertools.takewhile(str.strip, told)), count=1)


def _outside_of_panic(frames: list[Frame]) -> list[Frame]:
    """Frames with those that ran because of the panic no longer the service's own: who recovers and records it."""
    panics = [at for at, frame in enumerate(frames) if frame.function == "panic" and frame.module is None]
    return [replace(frame, in_app=frame.in_app and at > panics[-1]) for at, frame in enumerate(frames)] if panics else frames


def _chain(lines: Sequence[str], in_app: InApp) -> tuple[Error, ...]:
    """Messages with the calls behind each: the root cause first, as `%+v` prints it."""
    errors: list[Error] = []
    message: list[str] = []
    at = 0
    while at < len(lines):
        frames, end = _frames(lines, at, in_app)
        if frames:
            errors.append(Error(None, "\n".join(message).strip(), innermost_last(frames), "cause"))
            message, at = [], end
        else:
            message.append(lines[at])
            at += 1
    return tuple(replace(error, relation="" if at == 0 else "cause") for at, error in enumerate(reversed(errors)))


def _frames(lines: Sequence[str], at: int, in_app: InApp) -> tuple[list[Frame], int]:
    """The calls from a line on, the innermost first, and where they end."""
    frames: list[Frame] = []
    while at + 1 < len(lines):
        if frames and _ELIDED.match(lines[at]):
            at += 1
        place = _PLACE.match(lines[at + 1]) if at + 1 < len(lines) else None
        if place is None or lines[at].startswith("\t") or not lines[at]:
            break
        created = _CREATED.match(lines[at])
        module, function = _named(created[1] if created is not None else lines[at])
        usually = not _is_library(module, place[1])
        frames.append(Frame(function, module, place[1], int(place[2]), in_app=in_app.judge(module, place[1], usually)))
        at += 2
    return frames, at


@remembered
def _named(call: str) -> tuple[str | None, str]:
    """Package and function of `github.com/acme/shop.(*Cart).Total(0xc0, 0x1)`."""
    name = call[: call.rindex("(")] if call.endswith(")") and "(" in call else call
    folder, slash, last = _GENERIC.sub("", name).rpartition("/")
    package, dot, function = last.partition(".")
    return ((folder + slash + package).replace("%2e", "."), _own(function)) if dot else (None, name)


def _own(function: str) -> str:
    """A closure's name, which begins with those of the functions that its own was inlined into, without them."""
    closure = _CLOSURE.search(function)
    if closure is None:
        return function
    parts = function[: closure.start()].split(".")
    method = 2 if parts[-2:-1] and parts[-2].startswith("(") else 1
    return ".".join(parts[-method:]) + function[closure.start() :]


def _is_library(module: str | None, file: str) -> bool:
    package = module or "runtime"
    return package.partition("/")[0] in GO or package.startswith("golang.org/x/") or _LIBRARY.search(file) is not None
