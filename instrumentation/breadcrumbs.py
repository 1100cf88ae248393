"""What happened before an error: the last log records, requests, queries and events of the request (or task, or thread) that it is in.

A request opens a scope that everything it runs shares, threads and tasks included. Outside of requests a thread has a scope of its own.
What is added is kept as it is, and sanitised only when an error is reported.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from opentelemetry.sdk.trace import ReadableSpan

from .scopes import Scopes, innermost_open

LENGTH = 100
"""How many are kept in a scope."""
LONGEST, WIDEST = 2000, 32
"""Of a message or a value so many characters or items are kept, and of an event so many attributes."""

Breadcrumb = tuple[int, str, str, str, Mapping[str, object] | ReadableSpan | None]
"""Nanoseconds since 1970, kind, message, level, and data: a span's are its attributes, those that it gets later too."""


class Scope:
    """The breadcrumbs of one request, or of what a thread does outside of requests (then without `span`)."""

    __slots__ = ("breadcrumbs", "is_open", "outer", "span")

    def __init__(self, span: ReadableSpan | None = None, outer: Scope | None = None) -> None:
        self.breadcrumbs: deque[Breadcrumb] = deque(maxlen=LENGTH)
        self.span = span
        self.is_open = True
        self.outer = outer


class _Threads(threading.local):
    """What a thread does outside of requests."""

    def __init__(self) -> None:
        self.scope = Scope()


_current: ContextVar[Scope | None] = ContextVar("otelpond_breadcrumbs", default=None)
_threads = _Threads()
_scopes: Scopes[Scope] = Scopes("breadcrumbs")
_now = time.time_ns
observers: list[Callable[[Breadcrumb], object]] = []
"""Called with each one that is added; they must be quick and must not raise."""


def add(kind: str, message: str, *, level: str = "info", data: Mapping[str, object] | ReadableSpan | None = None) -> None:
    """Remember that something happened.

    Database queries and requests to other services are remembered from their spans, log records and events (`track`) from theirs: only
    what nobody else reports is for a part to add.

    Args:
        kind: `log`, `request`, `query` or `event`.
        message: one line; its beginning is kept.
        level: `debug`, `info`, `warning`, `error` or `fatal`.
        data: what else is known; it is not copied.
    """
    breadcrumb = (_now(), kind, message[:LONGEST], level, data)
    (_current.get() or _threads.scope).breadcrumbs.append(breadcrumb)
    for observe in observers:
        observe(breadcrumb)


def bounded(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """As much of an event's attributes as is kept, by one look at each; what is nested in them is kept as it is."""
    return {
        key: value[:LONGEST] if isinstance(value, (str, bytes, list, tuple)) else value for key, value in islice(attributes.items(), WIDEST)
    }


def scope() -> Scope:
    """Where breadcrumbs go now."""
    return _current.get() or _threads.scope


def open_scope(span: ReadableSpan) -> None:
    """A request begins."""
    opened = Scope(span, _around())
    _current.set(opened)
    _scopes.keep(span, opened)


def close_scope(span: ReadableSpan) -> Scope | None:
    """It has ended, here or elsewhere, and its scope comes back; what is still reported where it began finds it until the next begins."""
    ended = _scopes.take(span)
    if ended is None:
        return None
    ended.is_open = False
    if ended is _current.get() and ended.outer is not None:
        _current.set(innermost_open(ended.outer) or ended)
    return ended


def begin_anew() -> None:
    """A request begins that no span tells of: what was done here before is none of its, but for what a request around it did."""
    _current.set(_around() or Scope())


def _around() -> Scope | None:
    """That of the request under way here."""
    around = innermost_open(_current.get())
    return around if around is not None and around.span is not None else None


def described(breadcrumb: Breadcrumb) -> dict[str, Any]:
    """One as a dictionary, as it was added: `timestamp` (RFC 3339), `kind`, `level`, `message` and, where there is any, `data`."""
    time_ns, kind, message, level, data = breadcrumb
    timestamp = datetime.fromtimestamp(time_ns / 1e9, UTC).isoformat(timespec="microseconds")
    known: dict[str, Any] = {"timestamp": timestamp, "kind": kind, "level": level, "message": message}
    if data is not None:
        known["data"] = dict(data.attributes or {}) if isinstance(data, ReadableSpan) else dict(data)
    return known
