"""What the HTTP listener answers beside OTLP: plain events, judged by the catalogue, and the browser's script."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from starlette.types import ASGIApp

from ... import instrumentation
from ...receivers import browser_script
from ...receivers.authentication import Authentication
from ...receivers.events import handler as events_handler
from ...storage.signals import Sink
from ..catalogue import KnownEvents, events_catalogue
from ..settings import Settings

SCRIPT: Final = Path(instrumentation.__file__).parent / "browser" / "otelpond.js"


def handlers(settings: Settings, sink: Sink, authentication: Authentication) -> dict[str, ASGIApp]:
    """What answers at which path.

    Raises:
        CommandError: a file of the events catalogue is wrong.
    """
    catalogue = KnownEvents(events_catalogue(settings), keeps_invalid=settings.events_policy == "stamp")
    events = events_handler.handler(sink, catalogue, max_body_bytes=int(settings.max_body_bytes), authentication=authentication)
    return {events_handler.PATH: events, browser_script.PATH: browser_script.handler(SCRIPT.read_bytes())}
