"""Version 1 of what counts of a stack: exception types, and the frames that say where; frozen, a change is a new version."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Final

from ..stacks.trace import Error, Frame, Trace
from .report import By, Grouping, Stack
from .v1_names import (
    ANONYMOUS,
    MIDDLEWARES,
    NEXT,
    WRAPPERS,
    bare_source,
    function_name,
    is_minified_name,
    is_of_runtime,
    module_name,
    passes_on,
    short_type,
)

_MOST_FRAMES: Final = 50
"""Of an error, the innermost ones."""
_MOST_ERRORS: Final = 20
_MOST_PATHS: Final = 200
_OVERFLOWS: Final = frozenset({"RangeError", "InternalError", "RecursionError", "StackOverflowError", "SystemStackError"})
_ASYNC: Final = frozenset(
    {
        *("CompletionException", "ExecutionException", "UncheckedExecutionException", "InvocationTargetException"),
        *("UndeclaredThrowableException", "PrivilegedActionException", "AggregateException", "TargetInvocationException"),
    }
)
"""Types that only wrap what was thrown in a task or behind reflection: some handlers report the wrapper, others what it holds."""
_LONGEST: Final = 200
_LEFT_OUT: Final = "suppressed"
_MINIFIED_COLUMN: Final = 200
"""Beyond it lines are a minifier's."""


def read(kind: str, trace: Trace) -> Stack:
    """What counts of a trace; `kind` is the exception's type as sent, which the trace may not name."""
    errors = [error for error in trace.errors if error.relation != _LEFT_OUT][:_MOST_ERRORS]
    reader = _Reader(trace, in_app=any(frame.in_app for error in errors for frame in error.frames))
    by: By = "in_app_frames" if reader.in_app else "frames"
    types = [_type(kind if not error.relation else "", error, trace.language) for error in errors]
    said = [type_ if type_ not in _ASYNC or error is errors[-1] else "" for type_, error in zip(types, errors, strict=True)]
    blocks = [(type_, *reader.labels(error)) for type_, error in zip(said, errors, strict=True)]
    parts = tuple(part for block in _ordered(errors, blocks) for part in block if part)
    paths = {path: None for frame in _frames(trace) for path in (frame.module, frame.file) if path}
    return Stack(Grouping(by, parts, culprit(trace)), tuple(paths)[:_MOST_PATHS], is_nameless=not reader.is_named)


def culprit(trace: Trace) -> str | None:
    """`function in module` of the innermost in-app frame of the first error that has one, else of the innermost frame of all."""
    frames = [frame for error in trace.errors for frame in reversed(error.frames)]
    blamed = next((frame for frame in frames if frame.in_app), frames[0] if frames else None)
    if blamed is None:
        return None
    module, function = blamed.module or blamed.file, function_name(blamed.function, trace.language)
    return " in ".join(part for part in (function if function != ANONYMOUS else None, module) if part)[:400] or None


def _type(kind: str, error: Error, language: str) -> str:
    """The type without its module. Engines of JavaScript write another into the text than the error has, or none, and Go `panic`."""
    told = error.type or ""
    return short_type(kind or told if language in {"javascript", "go"} else told or kind)


def _ordered(errors: Iterable[Error], blocks: Iterable[tuple[str, ...]]) -> Iterator[tuple[str, ...]]:
    """What each error says, each once; members of groups in an order that does not depend on which failed first."""
    members: list[tuple[str, ...]] = []
    others: list[tuple[str, ...]] = []
    for error, block in zip(errors, blocks, strict=True):
        (members if error.relation == "member" else others).append(block)
    yield from dict.fromkeys([*others[:1], *sorted(set(members)), *others[1:]])


def _frames(trace: Trace) -> Iterator[Frame]:
    return (frame for error in trace.errors for frame in error.frames)


def _before_next(trace: Trace) -> frozenset[int]:
    """Frames that call a framework's `next`, and so pass a request on to what comes behind them."""
    called, calls = NEXT.get(trace.language), MIDDLEWARES.get(trace.language)
    if called is None:
        return frozenset()
    pairs = (pair for error in trace.errors for pair in pairwise(error.frames))
    return frozenset(
        id(frame)
        for frame, inner in pairs
        if inner.module and not inner.in_app and called.fullmatch(f"{inner.module[-_LONGEST:]} {(inner.function or '')[:_LONGEST]}")
        if calls is None or calls.fullmatch((frame.function or "")[:_LONGEST])
    )


def _of_circles(labels: Sequence[str]) -> Iterator[str]:
    """The labels, those of circles in order of their names: which function met the limit is chance."""
    often = sorted(label for label, times in Counter(labels).items() if times > 1)
    for label in labels:
        yield from often if label in often else (label,)


class _Reader:
    """Says the frames of one trace.

    Attributes:
        in_app: whether only in-app frames count.
        is_named: whether one that counted said where it was: by its source line, or by a name that no minifier left and that is not of the
            runtime, where no frame is of anything else.
    """

    def __init__(self, trace: Trace, *, in_app: bool) -> None:
        self.in_app, self.is_named = in_app, False
        self._language = trace.language
        frames = _frames(trace) if trace.language == "javascript" else ()
        self._minified = {frame.file for frame in frames if (frame.column or 0) > _MINIFIED_COLUMN}
        self._before_next = _before_next(trace)

    def labels(self, error: Error) -> tuple[str, ...]:
        """What counts of an error's frames, each once: recursion of any depth is the same."""
        counted = [frame for frame in error.frames if frame.in_app or not self.in_app]
        kept = [frame for frame in counted[:-1] if not self._only_calls(frame)] + counted[-1:]
        enclosing = ""
        labels = []
        for frame in kept[-4 * _MOST_FRAMES :]:
            name = self._name(frame, enclosing)
            labels.append(self._label(frame, name))
            enclosing = name
        return tuple(dict.fromkeys(labels if short_type(error.type or "") not in _OVERFLOWS else _of_circles(labels)))[-_MOST_FRAMES:]

    def _only_calls(self, frame: Frame) -> bool:
        """Whether it only calls another: a wrapper, or a middleware that hands the request on."""
        if function_name(frame.function, self._language) in WRAPPERS.get(self._language, ()) or (
            frame.source and self._language == "python" and passes_on(frame.source)
        ):
            return True
        return id(frame) in self._before_next

    def _name(self, frame: Frame, enclosing: str) -> str:
        name = function_name(frame.function, self._language, enclosing)
        minified = frame.file in self._minified
        self.is_named |= not minified and name != ANONYMOUS and not is_of_runtime(frame.module or frame.file, self._language)
        return ANONYMOUS if minified and is_minified_name(name) else name

    def _label(self, frame: Frame, name: str) -> str:
        source = bare_source(frame.source) if self.in_app and frame.source else ""
        self.is_named |= bool(source)
        place = " ".join(part for part in (module_name(frame.module or "", self._language), name) if part)
        return f"{place}: {source}" if source else place
