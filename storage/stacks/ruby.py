"""Reads Ruby's `full_message` and backtraces, up to 3.3 and from 3.4 on, which name classes and quote otherwise."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from .in_app import InApp
from .paths import plain_path
from .remembered import remembered
from .trace import Error, Frame, innermost_last

_IN: Final = re.compile(r":in [`']")
_LINE: Final = re.compile(r"(.+):([0-9]{1,9})$")
_TYPED: Final = re.compile(r"(.*) \(([\w:]++)\)$")
_BLOCK: Final = re.compile(r"(?:(?:block|rescue|ensure)(?: \([0-9]+ levels\))? in )+")
_LIBRARY: Final = re.compile(
    r".*/(?:gems/[^/]+/|(?:lib|share)/ruby/(?:[0-9][^/]*/|vendor_ruby/|site_ruby/)?|rubygems/|bundler/)|<internal:"
)


@dataclass(slots=True)
class _Told:
    type: str | None
    message: list[str]
    frames: list[Frame] = field(default_factory=list)


def read(lines: Sequence[str], in_app: InApp) -> tuple[Error, ...]:
    """The exceptions: the reported one, then its causes; none where the lines hold no call."""
    told: list[_Told] = []
    for line in lines:
        frame, said = _call(line, in_app)
        if frame is None:
            if told and len(told[-1].frames) == 1 and line.strip():
                told[-1].message.append(line)
            continue
        if not told or said is not None:
            told.append(_begun(said))
        told[-1].frames.append(frame)
    return tuple(
        Error(each.type, "\n".join(each.message), innermost_last(_without_callees(each.frames)), "cause" if at else "")
        for at, each in enumerate(told)
    )


def _begun(said: str | None) -> _Told:
    if said is None:
        return _Told(None, [])
    typed = _TYPED.match(said)
    return _Told(typed[2], [typed[1]]) if typed else _Told(None, [said])


def _call(line: str, in_app: InApp) -> tuple[Frame | None, str | None]:
    """The call that a line names, and what is said behind it where an exception begins there."""
    text = line.strip()
    is_caller = text.startswith("from ")
    text = text[5:] if is_caller else text
    found = _IN.search(text)
    label, _, said = text[found.end() :].partition("': ") if found else ("", "", "")
    place = _LINE.match(text[: found.start()] if found else text if is_caller else "")
    if place is None:
        return None, None
    file = place[1]
    module, usually = _place(file)
    name = _BLOCK.sub("", label.removesuffix("'"))
    frame = Frame(_method(name), module, file, int(place[2]), in_app=in_app.judge(module, file, usually))
    return frame, None if is_caller or not _ else said


def _method(name: str) -> str | None:
    """A method without its class, which only newer versions tell."""
    return name if name.startswith("<") else re.split(r"[#.](?=[^#.]+$)", name)[-1] or None


def _without_callees(frames: list[Frame]) -> list[Frame]:
    """Methods written in C have the place of their caller: they are not the service's own."""
    return [
        replace(frame, in_app=False)
        if at + 1 < len(frames) and (frame.file, frame.line) == (frames[at + 1].file, frames[at + 1].line) and _is_other(frames, at)
        else frame
        for at, frame in enumerate(frames)
    ]


def _is_other(frames: list[Frame], at: int) -> bool:
    """Whether a method is told nowhere else in that file: what has a block or line of its own is written in Ruby."""
    frame = frames[at]
    return all(other.function != frame.function for other in frames[at + 1 : at + 4] if other.file == frame.file)


@remembered
def _place(file: str) -> tuple[str, bool]:
    library = _LIBRARY.match(file)
    return (file[library.end() :].removeprefix("lib/") if library and not file.startswith("<") else plain_path(file)), library is None
