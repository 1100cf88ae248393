"""Reads stack traces in Java's form: causes, suppressed exceptions, and what is in common left out (`... 5 more`).

PHP's OpenTelemetry SDK writes the same form, so `read` takes what says whose code a frame is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from .in_app import InApp
from .libraries import JAVA
from .remembered import remembered
from .trace import Error, Frame, innermost_last

_FRAME: Final = re.compile(r"\s*+at ((?:[^\s({]|\{[^{}]*+\})++)\(([^()]*)\)")
_PLACE: Final = re.compile(r"(.+?):([0-9]{1,9})$")
_HEADER: Final = re.compile(r'\s*+(?:Exception in thread "[^"]*" )?(?P<kind>Caused by: |Suppressed: |Wrapped by: )?(?P<text>.*)$')
_TYPED: Final = re.compile(r"([^\W\d][\w$]*+(?:[./$][\w$]++)*+)(?:: ?(.*))?$")
_RELATIONS: Final = {"Caused by: ": "cause", "Suppressed: ": "suppressed", "Wrapped by: ": "wrapper"}
_HIDDEN: Final = re.compile(r"/0x[0-9a-f]++")
_GENERATED: Final = re.compile(
    r"\$\$(?:Lambda|FastClassBy|EnhancerBy|SpringCGLIB|KtLambda)[\w$]*+|(?<=\$Proxy)[0-9]++|\$[0-9]++(?=\$|$)|(?<=Accessor)[0-9]++$"
)
_CLOSURE: Final = re.compile(r"\{closure[^{}]*+\}")


@dataclass(slots=True)
class _Told:
    type: str | None
    message: list[str]
    relation: str
    frames: list[Frame] = field(default_factory=list)


Library = Callable[[str, str | None], bool]
"""Whether a class, of a file of that name, is usually a library's."""


def read(lines: Sequence[str], in_app: InApp, library: Library | None = None) -> tuple[Error, ...]:
    """The exceptions of a trace; none where the lines hold no call."""
    is_library = library or _is_library
    told: list[_Told] = []
    for line in lines:
        frame = _frame(line, in_app, is_library)
        relation = "" if frame else _relation(line)
        if frame is not None:
            if not told:
                told.append(_Told(None, [], ""))
            told[-1].frames.append(frame)
        elif relation or not told:
            _begin(told, line, relation)
        elif not told[-1].frames and line.strip():
            _go_on(told, line)
    errors = [Error(each.type, "\n".join(each.message).rstrip(), innermost_last(each.frames), each.relation) for each in told]
    return tuple(_reported_first(errors) if any(each.relation == "wrapper" for each in told) else errors)


def _begin(told: list[_Told], line: str, relation: str) -> None:
    """An exception begins."""
    found = _HEADER.match(line)
    text = found["text"] if found is not None else line
    typed = _TYPED.match(text)
    if text.strip() and not text.startswith("[CIRCULAR REFERENCE"):
        told.append(_Told(typed[1], [typed[2] or ""], relation) if typed else _Told(None, [text], relation))


def _go_on(told: list[_Told], line: str) -> None:
    """A line of a message; a first line that names no class was a logger's where this one does."""
    typed = _TYPED.match(line)
    if len(told) == 1 and told[0].type is None and typed is not None and "." in typed[1]:
        told.clear()
        _begin(told, line, "")
    else:
        told[-1].message.append(line)


def _reported_first(errors: Sequence[Error]) -> list[Error]:
    """Logback can tell the root cause first, and then what it was wrapped by."""
    return [replace(error, relation="cause" if at else "") for at, error in enumerate(reversed(errors))]


def _relation(line: str) -> str:
    found = _HEADER.match(line)
    return _RELATIONS.get(found["kind"] or "", "") if found is not None else ""


def _frame(line: str, in_app: InApp, is_library: Library) -> Frame | None:
    found = _FRAME.match(line)
    if found is None:
        return None
    module, function = _named(found[1])
    place = _PLACE.match(found[2])
    file, number = (place[1], int(place[2])) if place is not None else (found[2] or None, None)
    usually = file != "Native Method" and "$$" not in found[1] and not is_library(module, file)
    return Frame(function, module or file, file, number, in_app=in_app.judge(module, file, usually))


@remembered
def _named(qualified: str) -> tuple[str, str]:
    """Class and method, without module, loader, and what was generated for this run."""
    name = _CLOSURE.sub("{closure}", _HIDDEN.sub("", qualified)).rpartition("/")[2]
    module, _, function = name.rpartition(".")
    return _GENERATED.sub("", module), function


def _is_library(module: str, _: str | None) -> bool:
    return module.startswith(JAVA)
