"""What the HTTP listener answers beside OTLP: plain events, judged by the catalogue, and the browser's script."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from starlette.types import ASGIApp

from ... import instrumentation
from ...receivers import browser_script, events_http
from ...receivers.authentication import Authentication
from ...storage.events.catalogue import Event, load_catalogue
from ...storage.events.judge import refusal
from ...storage.signals import Sink
from ..settings import Settings

SCRIPT: Final = Path(instrumentation.__file__).parent / "browser" / "otelpond.js"


class Catalogue:
    """The events catalogue as the receiver is handed it; see `receivers.event_catalogue`."""

    keeps_invalid = False

    def __init__(self) -> None:
        self._events = load_catalogue().events

    def declared(self, event_name: str) -> Event | None:
        """The event of that name."""
        return self._events.get(event_name)

    def refusal(self, event_name: str, properties: Mapping[str, Any], context: Mapping[str, str | None]) -> str | None:
        """Why an event is invalid; None where it is valid or unknown."""
        event = self._events.get(event_name)
        return None if event is None else refusal(event, properties, context)


def handlers(settings: Settings, sink: Sink, authentication: Authentication) -> dict[str, ASGIApp]:
    """What answers at which path."""
    events = events_http.handler(sink, Catalogue(), max_body_bytes=int(settings.max_body_bytes), authentication=authentication)
    script = {browser_script.PATH: browser_script.handler(SCRIPT.read_bytes())} if SCRIPT.is_file() else {}
    return {events_http.PATH: events, **script}
