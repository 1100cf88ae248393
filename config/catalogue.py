"""The events catalogue of the settings, ours and own folders; the collector, the commands and what judges events are handed it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..storage.events.catalogue import CATALOGUE_FOLDER, Catalogue, CatalogueError, Event, load_catalogue
from ..storage.events.judge import refusal
from .errors import CommandError
from .settings import Settings


def events_catalogue(settings: Settings) -> Catalogue:
    """Our events and own ones.

    Raises:
        CommandError: a folder is missing, or a file breaks a rule; the text names it and the key.
    """
    for folder in settings.events_folders:
        if not folder.is_dir():
            raise CommandError(f"{folder}: no such folder, and the setting `events_folders` names it", exit_code=2)
    try:
        return load_catalogue((CATALOGUE_FOLDER, *settings.events_folders))
    except CatalogueError as error:
        raise CommandError(str(error), exit_code=2) from None


class KnownEvents:
    """The events catalogue as the receiver of events is handed it; see `receivers.events.catalogue`.

    Args:
        catalogue: the events.
        keeps_invalid: whether invalid events are stored all the same, marked.
    """

    def __init__(self, catalogue: Catalogue, *, keeps_invalid: bool = False) -> None:
        self._events = catalogue.events
        self.keeps_invalid = keeps_invalid

    def declared(self, event_name: str) -> Event | None:
        """The event of that name."""
        return self._events.get(event_name)

    def refusal(self, event_name: str, properties: Mapping[str, Any], context: Mapping[str, str | None]) -> str | None:
        """Why an event is invalid; None where it is valid or unknown."""
        event = self._events.get(event_name)
        return None if event is None else refusal(event, properties, context)
