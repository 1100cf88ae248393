"""Scopes that requests open: kept with the span, which may end in another thread than it began in, where a consumer hands messages on."""

from __future__ import annotations

from typing import Any, Generic, Protocol, TypeVar, cast
from weakref import WeakValueDictionary

from opentelemetry.sdk.trace import ReadableSpan

DEPTH = 8
"""How many open scopes are known around one."""


class Nested(Protocol):
    """What every scope has."""

    outer: Any
    """The scope around it."""

    @property
    def is_open(self) -> bool:
        """Whether its request has not ended."""


T = TypeVar("T", bound=Nested)


class Scopes(Generic[T]):
    """The scopes of spans that have not ended; they live no longer than the spans."""

    def __init__(self, name: str) -> None:
        self._attribute = f"_otelpond_{name}"
        self._spans: WeakValueDictionary[int, ReadableSpan] = WeakValueDictionary()

    def keep(self, span: ReadableSpan, scope: T) -> None:
        """A span has opened a scope."""
        vars(span)[self._attribute] = scope
        self._spans[span.context.span_id] = span

    def take(self, ended: ReadableSpan) -> T | None:
        """The scope of a span that has ended, of which processors see a copy; None where it has none."""
        span = self._spans.pop(ended.context.span_id, None)
        return cast("T | None", vars(span).pop(self._attribute, None)) if span is not None else None


def innermost_open(scope: T | None, depth: int = DEPTH) -> T | None:
    """The first open one, from this one outwards; those that were closed elsewhere, and those too far out, are let go."""
    while scope is not None and not scope.is_open:
        scope = scope.outer
    if scope is not None and scope.outer is not None:
        scope.outer = innermost_open(scope.outer, depth - 1) if depth > 1 else None
    return scope
