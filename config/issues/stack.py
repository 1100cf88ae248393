"""The stack of an error: the service's own frames stand out, those of libraries are dimmed and, many in a row, counted."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Final

from rich.console import Group, RenderableType
from rich.text import Text

from ...storage.stacks.trace import Error, Frame, Trace
from .texts import counted, line, printable, section

_OUTERMOST_FIRST: Final = frozenset({"python"})
"""Languages whose own stacks end with the frame that raised; the others begin with it."""
_RELATIONS: Final = {
    "cause": "caused by ",
    "context": "raised while handling ",
    "member": "one of its errors: ",
    "suppressed": "suppressed: ",
}
_LIBRARY_FOLDERS: Final = re.compile(r".*(?:site-packages|dist-packages|node_modules|lib/python3\.\d{1,2})[/\\]")
"""What stands above libraries, which says nothing of them."""
_FEW_FRAMES: Final = 3
_RAW_LINES: Final = 60
_LONGEST_MESSAGE: Final = 2_000


def stack(trace: Trace | None, text: str | None, *, full: bool) -> RenderableType:
    """The frames of all its errors, else the text as it came; `full` leaves nothing out."""
    if trace is None:
        return _raw(text, full=full) if text else Group()
    ends_with_it = trace.language in _OUTERMOST_FIRST
    lines = [row for error in trace.errors for row in _error(error, ends_with_it=ends_with_it, full=full)]
    notes = [Text(line(note), style="dim") for note in trace.notes]
    order = "the call that raised comes last" if ends_with_it else "the call that raised comes first"
    return Group(section("Stack", order), *lines, *notes)


def _error(error: Error, *, ends_with_it: bool, full: bool) -> Iterator[Text]:
    name = line(error.type or "")
    told = printable(error.message.strip(), _LONGEST_MESSAGE)
    yield Text.assemble(
        (_RELATIONS.get(error.relation, ""), "dim"), (name, "bold red"), ": " if name and told else "", (told, "bold" if not name else "")
    )
    frames = error.frames if ends_with_it else error.frames[::-1]
    for in_app, group in groupby(frames, key=lambda frame: frame.in_app):
        run = list(group)
        if in_app or full or len(run) <= _FEW_FRAMES:
            yield from (row for frame in run for row in _frame(frame))
        else:
            yield Text(f"    … {counted(len(run), 'frame')} of {_libraries(run)}", style="dim")


def _frame(frame: Frame) -> Iterator[Text]:
    name, place = line(frame.function or "<anonymous>", 120), _place(frame)
    again = f" ({counted(frame.repeated, 'more time')} in a row)" if frame.repeated else ""
    if not frame.in_app:
        yield Text(f"    {name}  {place}{again}", style="dim")
        return
    yield Text.assemble(("  ▸ ", "bold cyan"), (name, "bold"), (f"  {place}", "cyan"), (again, "dim"))
    if frame.source:
        yield Text(f"        {line(frame.source, 200)}")


def _place(frame: Frame) -> str:
    """File, line and column where they are known, else the module; of a library the file within it."""
    file = line(frame.file or frame.module or "", 200)
    where = [
        file if frame.in_app else _LIBRARY_FOLDERS.sub("", file),
        *(str(number) for number in (frame.line, frame.column) if number is not None),
    ]
    return ":".join(part for part in where if part)


def _libraries(frames: Sequence[Frame]) -> str:
    """The first parts of the modules of some frames, three at most."""
    names = dict.fromkeys(_library(frame) for frame in frames)
    names.pop("", None)
    shown = list(names)[:3]
    return ", ".join(shown) + (" and others" if len(names) > 3 else "") if shown else "libraries"


def _library(frame: Frame) -> str:
    """What a module belongs to: `starlette` of `starlette/routing.py`, `java.util` of `java.util.ArrayList`."""
    module = _LIBRARY_FOLDERS.sub("", line(frame.module or "", 200))
    if "/" in module:
        parts = module.split("/")
        return "/".join(parts[:2]) if module.startswith("@") else parts[0]
    head = module.split(".")
    return ".".join(head[: 2 if len(head) > 2 and head[0] in {"java", "javax", "org", "com", "net", "io", "System"} else 1])


def _raw(text: str, *, full: bool) -> RenderableType:
    """A text in a form that nobody knows, its first and last lines."""
    rows = printable(text, 10**9 if full else 20_000).splitlines()
    if not full and len(rows) > _RAW_LINES:
        rows = [*rows[: _RAW_LINES // 2], f"… {counted(len(rows) - _RAW_LINES, 'line')}: --full", *rows[-_RAW_LINES // 2 :]]
    return Group(section("Stack", "as it came"), *(Text(f"  {row}") for row in rows))
