"""The collector's side of the forwarder's process: tells it the destinations, hears what came of payloads."""

from __future__ import annotations

from typing import Any

from pydantic import TypeAdapter

from ...exporters.destination import Destination
from ..settings import Settings
from .child import Child
from .forwarding import destinations

DESTINATIONS: TypeAdapter[dict[str, list[Destination]]] = TypeAdapter(dict[str, list[Destination]])


class ForwardChild(Child):
    """The forwarder process of a collector.

    Attributes:
        progress: by destination, what came of payloads since the process started; see `exporters.forwarder.Counts`.
    """

    def __init__(self, settings: Settings) -> None:
        super().__init__("forwarder process", "otelpond.config.collector.forward_process")
        self._settings = settings
        self.progress: dict[str, dict[str, Any]] = {}

    def greeting(self, *, crashed: bool) -> dict[str, Any]:
        """The settings, and the destinations apart from them: their headers are masked in the settings."""
        del crashed
        secret = DESTINATIONS.dump_python(destinations(self._settings), mode="json")
        return {"settings": self._settings.model_dump(mode="json"), "destinations": secret}

    def hear(self, message: dict[str, Any]) -> None:
        """Progress of all destinations."""
        self.progress = message["progress"]
