"""Reads .NET's and Mono's stack traces: inner exceptions, aggregates, async methods, and the languages in which .NET says `at`.

What an exception was caused by stands behind `--->`, and its calls come before those of the exception that was reported.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from .in_app import InApp
from .libraries import DOTNET
from .remembered import remembered
from .trace import Error, Frame, innermost_last

_FRAME: Final = re.compile(r"\s++(?:at|bei|à|en|em|in|w|v|в|ved|på|op|a|場所|在|위치:|konum:) ([^\s(][^(]*)\(([^)]*)\)(.*)$")
_PLACE: Final = re.compile(r" (?:\[0x[0-9a-f]+\] )?\S+ (.+):(?:\D{1,12} ?)?([0-9]{1,9})\.?$")
_INNER: Final = re.compile(r"\s*+--->(?: \(Inner Exception #[0-9]+\))? ")
_END_OF_INNER: Final = re.compile(r"\s*+--- [^-]{1,80}---$")
_PREVIOUS: Final = re.compile(r"\s*+--- End of stack trace from previous")
_TYPED: Final = re.compile(r"([^\W\d][\w.+`]*+(?:\[[^\]]*\])?)(?: \((?:0x)?[0-9A-Fa-f]+\))?(?:: ?(.*))?$")
_UNHANDLED: Final = re.compile(r"Unhandled [Ee]xception[.:] ")
_GENERIC: Final = re.compile(r"`[0-9]++|\[[^\[\]]*+\]")
_STATE_MACHINE: Final = re.compile(r"<([^<>]+)>(?:g__([^|.<>]*))?")
_CLOSURE: Final = re.compile(r"[.+]<>c(?:__DisplayClass[0-9_]*)?(?:`[0-9]+)?(?=[.+]|$)")
_NATIVE: Final = ("/_/", "D:\\a\\_work\\")
"""Where packages are built."""


@dataclass(slots=True)
class _Told:
    type: str | None
    message: list[str]
    relation: str
    frames: list[Frame] = field(default_factory=list)


def read(lines: Sequence[str], in_app: InApp) -> tuple[Error, ...]:
    """The exceptions: the reported one, then what caused it, and an aggregate's members; none where the lines hold no call."""
    told: list[_Told] = []
    open_: list[_Told] = []
    is_header = True
    for line in lines:
        frame = _frame(line, in_app)
        if frame is not None:
            if not told:
                _begin(told, open_, "", "")
            open_[-1].frames.append(frame)
            is_header = False
            if line.endswith("<---"):
                del open_[1:]
        elif _INNER.match(line):
            _begin(told, open_, _INNER.sub("", line, count=1), "member" if "(Inner Exception #" in line else "cause")
            is_header = True
        elif _END_OF_INNER.match(line) and not _PREVIOUS.match(line):
            del open_[max(len(open_) - 1, 1) :]
            is_header = False
        elif is_header and line.strip():
            if told:
                told[-1].message.append(line)
            else:
                _begin(told, open_, line, "")
    errors = [Error(each.type, "\n".join(each.message).rstrip(), innermost_last(each.frames), each.relation) for each in told]
    return tuple(_told_once(errors))


def _begin(told: list[_Told], open_: list[_Told], text: str, relation: str) -> None:
    """An exception begins, and those behind `--->` on the same line, as .NET Framework writes them."""
    first, *inner = text.split(" ---> ")[:20]
    typed = _TYPED.match(_UNHANDLED.sub("", first, count=1))
    error = _Told(typed[1], [typed[2] or ""], relation) if typed else _Told(None, [first], relation)
    if relation == "member":
        del open_[1:]
    told.append(error)
    open_.append(error)
    for each in inner:
        _begin(told, open_, each, "cause")


def _told_once(errors: Sequence[Error]) -> list[Error]:
    """An aggregate's first member is told as its cause too."""
    causes = {(error.type, error.frames) for error in errors if error.relation == "cause"}
    return [error for error in errors if error.relation != "member" or (error.type, error.frames) not in causes]


def _frame(line: str, in_app: InApp) -> Frame | None:
    found = _FRAME.match(line)
    if found is None:
        return None
    module, function = _named(found[1].rstrip())
    place = _PLACE.match(found[3].removesuffix("<---").rstrip())
    file, number = (place[1], int(place[2])) if place is not None else (None, None)
    usually = not module.startswith(DOTNET) and not (file or "").startswith(_NATIVE) and "." in module + "."
    return Frame(function, module or None, file, number or None, in_app=in_app.judge(module, file, usually))


@remembered
def _named(method: str) -> tuple[str, str]:
    """Type and method as they stand in the source: of `Shop.Cart.<TotalAsync>d__3.MoveNext` `Shop.Cart` and `TotalAsync`."""
    name = _GENERIC.sub("", _GENERIC.sub("", method))
    generated = _STATE_MACHINE.search(name)
    if generated is None:
        module, _, function = name.replace("..", ".#").rpartition(".")
        return _CLOSURE.sub("", module), function.replace("#", ".")
    return _CLOSURE.sub("", name[: generated.start()].rstrip(".+<")), ".".join(filter(None, generated.groups()))
