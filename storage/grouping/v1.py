"""Version 1 of the grouping: what of an error counts where no rule and no attribute says so; frozen, a change is a new version."""

from __future__ import annotations

from typing import Final

from .report import Grouping, Report, Stack
from .v1_messages import nameless_pattern, pattern
from .v1_names import short_type

_NOTHING: Final = "neither type nor message"


def group(report: Report, stack: Stack | None) -> Grouping:
    """What the error is grouped by; `stack` is None where it has none, or a text that nobody reads."""
    if stack is not None:
        by, parts, culprit = stack.grouping.by, stack.grouping.parts, stack.grouping.culprit
        return Grouping(by, _present(*parts, nameless_pattern(report.message)), culprit) if stack.is_nameless else stack.grouping
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
