"""What the text of a stack trace says, whatever the language: every reader of this package gives a `Trace`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Frame:
    """One call.

    Attributes:
        function: without arguments, as the text names it otherwise; None where it has no name.
        module: module, class or path that says where it is, without what only the deployment decides.
        file: as the text names it.
        line: in the file, from 1.
        column: in the line, from 1.
        source: that line, trimmed, where the text gives it.
        in_app: whether it belongs to the service, and not to a library, a framework or the runtime.
        repeated: how many more times it stood there in a row.
    """

    function: str | None = None
    module: str | None = None
    file: str | None = None
    line: int | None = None
    column: int | None = None
    source: str | None = None
    in_app: bool = True
    repeated: int = 0


@dataclass(frozen=True, slots=True)
class Error:
    """One error of a trace.

    Attributes:
        type: as the text names it; None where it names none.
        message: what follows the type, of several lines where the text has several; a Python exception's notes are at its end, where
            nothing tells them apart.
        frames: the outermost first, the innermost last.
        relation: to the error before it that it belongs to: "" of the first, cause, context, member or suppressed.
    """

    type: str | None
    message: str
    frames: tuple[Frame, ...] = ()
    relation: str = ""


@dataclass(frozen=True, slots=True)
class Trace:
    """One report.

    Attributes:
        language: python, javascript, java, go, dotnet, ruby or php.
        errors: first the one that was reported; behind each its members, then its causes and contexts.
        notes: what was not read, in words.
    """

    language: str
    errors: tuple[Error, ...]
    notes: tuple[str, ...] = ()


def folded(frames: Iterable[Frame]) -> tuple[Frame, ...]:
    """Frames that follow themselves, as recursion makes them, each once."""
    kept: list[Frame] = []
    for frame in frames:
        last = kept[-1] if kept else None
        if last is not None and (last.line, last.function, last.file, last.column) == (
            frame.line,
            frame.function,
            frame.file,
            frame.column,
        ):
            kept[-1] = replace(last, repeated=last.repeated + frame.repeated + 1)
        else:
            kept.append(frame)
    return tuple(kept)


def innermost_last(frames: Sequence[Frame]) -> tuple[Frame, ...]:
    """Of frames as most languages print them, the innermost first."""
    return folded(reversed(frames))
