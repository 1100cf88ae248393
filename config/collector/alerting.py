"""What the settings say of alerts, as the storage takes it: rules by tenant; and what is told of an alert."""

from __future__ import annotations

from typing import Final

from ...exporters.notifications.notification import Notification, Severity
from ...storage.alerts.alert import Alert
from ...storage.alerts.rules import Rule
from ..alerts import AlertRule
from ..settings import Settings

_SEVERITIES: Final[dict[str | None, Severity]] = {"fatal": "critical", "warning": "warning"}


def rules(settings: Settings) -> dict[str, list[Rule]]:
    """Rules by tenant; only tenants that have one."""
    result: dict[str, list[Rule]] = {}
    for setting in settings.alerts:
        result.setdefault(setting.tenant, []).append(rule(setting))
    return result


def rule(setting: AlertRule) -> Rule:
    """One rule."""
    return Rule(**setting.model_dump(exclude={"tenant"}))


def notification(alert: Alert) -> Notification:
    """An alert as channels tell it."""
    facts = {
        "service": alert.service_name,
        "environment": alert.environment,
        "release": alert.service_version,
        "scope": None if alert.issue_id is not None else alert.scope,
        "value": None if alert.value is None else f"{alert.value:g}",
        "threshold": None if alert.threshold is None else f"{alert.threshold:g}",
        "trace": alert.trace_id,
    }
    return Notification(
        alert_id=alert.alert_id,
        rule=alert.rule,
        kind=alert.kind,
        title=alert.title,
        text=alert.message,
        fields={name: value for name, value in facts.items() if value},
        issue_id=alert.issue_id,
        severity=_SEVERITIES.get(alert.level, "error"),
        fired_at=alert.fired_at,
    )
