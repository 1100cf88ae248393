"""The events catalogue of the settings, ours and own folders; the collector, the commands and what judges events are handed it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..storage.events.aliases import load_aliases
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
        self._aliases = load_aliases().events
        self.keeps_invalid = keeps_invalid

    def is_known(self, event_name: str) -> bool:
        """Whether that is an event's name, ours or another SDK's."""
        return event_name in self._events or event_name in self._aliases

    def declared(self, event_name: str) -> Event | None:
        """The event of that name, or of which that is another name."""
        alias = self._aliases.get(event_name)
        return self._events.get(alias.event if alias else event_name)

    def refusal(self, event_name: str, properties: Mapping[str, Any], context: Mapping[str, str | None]) -> str | None:
        """Why an event is invalid; None where it is valid or unknown."""
        event = self.declared(event_name)
        if event is None:
            return None
        alias = self._aliases.get(event_name)
        return refusal(event, alias.renamed(properties) if alias else properties, context)
