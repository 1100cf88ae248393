"""The collector's side of the alerts' process: tells it the rules and channels, hears what became of alerts."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from ..settings import Settings
from .child import Child
from .notifying import TARGETS, targets


class AlertsChild(Child):
    """The alerts' process of a collector.

    Attributes:
        progress: by tenant, what became of alerts since the process started; see `pond_alerts.PondAlerts.progress`.
    """

    def __init__(self, settings: Settings) -> None:
        super().__init__("alerts process", "otelpond.config.collector.alerts_process")
        self._settings = settings
        self._started = datetime.now(UTC).isoformat()
        self.progress: dict[str, dict[str, Any]] = {}

    def greeting(self, *, crashed: bool) -> dict[str, Any]:
        """The settings, the channels apart from them, as their secrets are masked in the settings, and when the collector was started."""
        del crashed
        secret = TARGETS.dump_python(targets(self._settings), mode="json")
        return {"settings": self._settings.model_dump(mode="json"), "targets": secret, "started": self._started}

    def hear(self, message: dict[str, Any]) -> None:
        """Progress of all ponds."""
        self.progress = message["progress"]
