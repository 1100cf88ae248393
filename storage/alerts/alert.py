"""One alert: what fired, about what, and what there is to tell; the evaluator makes it, the state keeps it, channels tell it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from .measures import MEASURES
from .rules import Rule

_LONGEST_TITLE: Final = 300
_LONGEST_MESSAGE: Final = 2_000
_HEADINGS: Final = {"new_issue": "New issue", "regression": "Regression", "unignored": "No longer ignored"}
_FROM_WHOLE, _TO_WHOLE = 1e5, 1e15
"""Numbers between them are told without a fraction."""
EXCEEDED: Final = "exceeded"


@dataclass(frozen=True, slots=True)
class Alert:
    """One alert.

    Attributes:
        alert_id: a UUID; the same whenever the same change of the same thing is told.
        change: of an issue: new_issue, regression or unignored; of a window: exceeded.
        scope: of a window, values of the rule's `by` with slashes between; empty for the rule as a whole.
        level: of the issue: fatal, error or warning.
        value, threshold: where something was measured.
    """

    alert_id: str
    rule: str
    kind: str
    change: str
    title: str
    message: str
    fired_at: datetime
    issue_id: str | None = None
    scope: str = ""
    level: str | None = None
    value: float | None = None
    threshold: float | None = None
    culprit: str | None = None
    service_name: str | None = None
    service_version: str | None = None
    environment: str | None = None
    organization_id: str | None = None
    trace_id: str | None = None
    span_id: str | None = None

    def to_json(self) -> str:
        """As the state keeps it."""
        return json.dumps({**asdict(self), "fired_at": self.fired_at.isoformat()})

    @classmethod
    def from_json(cls, text: str) -> Alert:
        """What `to_json` wrote."""
        fields = json.loads(text)
        return cls(**{**fields, "fired_at": datetime.fromisoformat(fields["fired_at"])})


@dataclass(frozen=True, slots=True)
class Fired:
    """An alert, and the rule that made it."""

    rule: Rule
    alert: Alert


def of_issue(rule: Rule, change: str, cause: str, event: Mapping[str, Any], now: datetime) -> Fired:
    """The alert of a change of an issue.

    Args:
        rule: that means it.
        change: of which kind.
        cause: the activity that it follows; '' for none.
        event: a row of issue_events that shows it, with `title`.
        now: when it was found.
    """
    where = " in ".join(part for part in (event["release"], event["environment"]) if part)
    alert = Alert(
        alert_id=_id(rule.name, event["issue_id"], change, cause),
        rule=rule.name,
        kind=rule.kind,
        change=change,
        title=_cut(f"{_HEADINGS[change]} in {event['service_name']}: {event['title'] or 'error'}", _LONGEST_TITLE),
        message=_cut("\n".join(part for part in (event["message"], event["culprit"], where) if part), _LONGEST_MESSAGE),
        fired_at=now,
        issue_id=event["issue_id"],
        level=event["level"],
        culprit=event["culprit"],
        service_name=event["service_name"],
        service_version=event["release"],
        environment=event["environment"],
        organization_id=event["organization_id"],
        trace_id=event["trace_id"],
        span_id=event["span_id"],
    )
    return Fired(rule, alert)


def of_window(rule: Rule, scope: str, found: Mapping[str, Any], now: datetime) -> Fired:
    """The alert of a window that exceeds its threshold, or of SQL that does.

    Args:
        rule: that found it.
        scope: about what.
        found: a row of the rule's statement.
        now: when it was found.
    """
    measure = MEASURES.get(rule.kind)
    about = found.get("title") or scope
    by = () if measure is None else measure.by if rule.by is None else rule.by
    value = _number(found["value"])
    amount = f"{value} {measure.unit} in {rule.minutes:g} min" if measure else value
    alert = Alert(
        alert_id=_id(rule.name, scope, EXCEEDED, now.isoformat()),
        rule=rule.name,
        kind=rule.kind,
        change=EXCEEDED,
        title=_cut(f"{rule.name}: {amount}" + (f": {about}" if about else ""), _LONGEST_TITLE),
        message=_cut(
            "\n".join(part for part in (f"{amount}, threshold {_number(rule.threshold or 0.0)}", found.get("culprit")) if part),
            _LONGEST_MESSAGE,
        ),
        fired_at=now,
        issue_id=scope if by == ("issue_id",) else None,
        scope=scope,
        value=found["value"],
        threshold=rule.threshold,
        culprit=found.get("culprit"),
        service_name=found.get("service_name"),
        environment=found.get("environment"),
        organization_id=found.get("organization_id"),
    )
    return Fired(rule, alert)


def row(alert: Alert, tenant: str, now: datetime, *, status: str, channel: str, attempt: int, error: str | None) -> dict[str, Any]:
    """A row of the table `alerts`: what became of an alert."""
    return {
        **{name: value for name, value in asdict(alert).items() if name != "culprit"},
        "status": status,
        "status_at": now.isoformat(),
        "channel": channel,
        "attempt": attempt,
        "error": error,
        "organization_id": alert.organization_id or tenant,
        "service_name": alert.service_name or "",
        "environment": alert.environment or "",
        "fired_at": alert.fired_at.isoformat(),
        "dt": now.date().isoformat(),
        "time_suspect": False,
        "ingested_at": now.isoformat(),
        "tenant_id": tenant,
    }


def _id(*parts: str) -> str:
    return str(UUID(hashlib.md5("/".join(parts).encode(), usedforsecurity=False).hexdigest()))


def _number(value: float) -> str:
    return f"{value:.0f}" if _FROM_WHOLE <= abs(value) < _TO_WHOLE else f"{value:g}"


def _cut(text: str, most: int) -> str:
    return text.replace("\x00", "")[:most]
