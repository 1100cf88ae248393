"""Reads JavaScript's stacks: of V8 (Chrome, Node, Deno, Hermes), of SpiderMonkey (Firefox) and of JavaScriptCore (Safari, Bun).

V8 puts the error's name and message before its calls, the others nothing. Node adds causes and members as `[cause]: ...` and
`[errors]: [...]`; libraries write `Caused by: ...`. Where source maps gave the calls their places, each call's own line follows it.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from .in_app import InApp
from .javascript_frames import gecko_frame, v8_frame
from .trace import Error, Frame, innermost_last

_TYPED: Final = re.compile(r"\[?([A-Za-z_$][\w$]*+(?:\.[\w$]++)*+(?: \[[\w-]+\])?)(?:: ?(.*))?$")
_RELATED: Final = re.compile(r"\s*+(?:(?P<cause>\[cause\]: |[Cc]aused by:? )|(?P<member>\[errors\]:(?: \[)? ?))?(?P<text>.*)$")
_UNCAUGHT: Final = re.compile(r"(?:Uncaught |\(in promise\) |Unhandled rejection )+")
_CARET: Final = re.compile(r" *\^+ *$")
_SOURCE: Final = " " * 8
"""Before a line of the sources, as `sourcemaps` writes them."""


@dataclass(slots=True)
class _Told:
    type: str | None
    message: str
    relation: str
    frames: list[Frame] = field(default_factory=list)


def read(lines: Sequence[str], in_app: InApp) -> tuple[Error, ...]:
    """The errors of a stack; none where the lines hold no call."""
    read_frame = v8_frame if any(v8_frame(line, in_app) for line in lines if "at " in line) else gecko_frame
    told: list[_Told] = []
    header: list[str] = []
    for line in lines:
        frame = read_frame(line, in_app)
        if frame is None:
            if not header and _is_source(told, line):
                told[-1].frames[-1] = replace(told[-1].frames[-1], source=line.strip())
            else:
                header.append(line)
            continue
        if header or not told:
            _begin(told, header)
            header = []
        told[-1].frames.append(frame)
    return tuple(Error(each.type, each.message, innermost_last(each.frames), each.relation) for each in told)


def _is_source(told: Sequence[_Told], line: str) -> bool:
    """Whether a line right behind a call is that call's own; Node indents members of members as far."""
    return bool(line.startswith(_SOURCE) and told and told[-1].frames and told[-1].relation != "member" and not _relation(line))


def _begin(told: list[_Told], header: list[str]) -> None:
    """An error begins where a header names one; else the calls go on, as those of an error that waited for another."""
    related = next((at for at, line in enumerate(header) if _relation(line)), len(header))
    if not told:
        told.append(_first(header[:related]))
    in_members = any(each.relation == "member" for each in told)
    for at, line in enumerate(header):
        relation = _relation(line)
        in_members = in_members or relation == "member"
        typed = _TYPED.match(_RELATED.sub(r"\g<text>", line))
        if (
            typed is not None
            and typed[1]
            and (relation == "cause" or (in_members and (typed[2] is not None or typed[1].endswith("Error"))))
        ):
            told.append(_Told(typed[1], _joined(typed[2], header[at + 1 :]), relation or "member"))
            return


def _relation(line: str) -> str:
    found = _RELATED.match(line)
    return next((name for name in ("cause", "member") if found is not None and found[name]), "")


def _first(header: list[str]) -> _Told:
    """Of the error that is told first. Node shows the line that threw before it, with carets below."""
    carets = next((at for at, line in enumerate(header) if _CARET.match(line)), -1)
    lines = list(itertools.dropwhile(lambda line: not line.strip(), header[carets + 1 :]))
    if not lines:
        return _Told(None, "", "")
    first = _UNCAUGHT.sub("", lines[0], count=1)
    typed = _TYPED.match(first.removesuffix(" {").removesuffix("]"))
    return _Told(typed[1], _joined(typed[2], lines[1:]), "") if typed else _Told(None, _joined(first, lines[1:]), "")


def _joined(first: str | None, rest: Sequence[str]) -> str:
    return "\n".join([first or "", *rest]).rstrip()
