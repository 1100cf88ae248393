"""Version 1 of the grouping: what of an error counts where no rule and no attribute says so; frozen, a change is a new version."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from .report import By, Grouping, Report
from .v1_messages import pattern

_LAST_PART: Final = re.compile(r"[^.:/\\]*\Z")
_NOTHING: Final = "neither type nor message"


@dataclass(frozen=True, slots=True)
class Stack:
    """What counts of a stack.

    Attributes:
        by: whether in-app frames decide, or all.
        parts: the chain of exception types, and frames.
        culprit: the frame to blame, `function in module`.
        paths: modules and files of its frames, for rules.
        is_nameless: whether no frame has a name or a source line, so that the message counts too.
    """

    by: By
    parts: tuple[str, ...]
    culprit: str | None = None
    paths: tuple[str, ...] = ()
    is_nameless: bool = False


def short_type(name: str) -> str:
    """The type without its module, package or namespace: reports of one error differ in them. At most 200 characters."""
    found = _LAST_PART.search(name[-400:])
    return (found[0] if found else "")[:200]


def group(report: Report, stack: Stack | None) -> Grouping:
    """What the error is grouped by; `stack` is None where it has none, or a text that nobody reads."""
    if stack is not None:
        parts = (*stack.parts, pattern(report.message)) if stack.is_nameless else stack.parts
        return Grouping(stack.by, parts, stack.culprit)
    if report.operation:
        return _of_operation(report)
    message = pattern(report.message or report.stack)
    if report.query:
        return Grouping("query", _present(*report.query, message), report.culprit)
    kind = short_type(report.type)
    if message:
        return Grouping("message", _present(kind, message), report.culprit)
    return Grouping("type", (kind or report.kind or _NOTHING,), report.culprit)


def _of_operation(report: Report) -> Grouping:
    """A request by method, endpoint and status; any other span by its name and its status message."""
    culprit = " ".join(report.operation[:2])
    if len(report.operation) > 1 or not report.message:
        return Grouping("request", report.operation, culprit)
    return Grouping("message", _present(*report.operation, pattern(report.message)), culprit)


def _present(*parts: str) -> tuple[str, ...]:
    return tuple(part for part in parts if part)
