"""What is known of an event by its name alone: our name, its family and kind; the event reader asks once a distinct name and batch."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Final

import pyarrow as pa

from .aliases import Aliases
from .catalogue import Catalogue

CUSTOM: Final = "custom"
_WARNED: Final = 1_000
_SHOWN: Final = 100
_log = logging.getLogger(__name__)

FACTS: Final = pa.schema(
    [
        pa.field("event_name", pa.string(), nullable=False),  # ours
        pa.field("default_type", pa.string(), nullable=False),
        pa.field("default_category", pa.string(), nullable=False),
        pa.field("is_known", pa.bool_(), nullable=False),
        pa.field("user_property", pa.string()),  # that fills user_id where it is absent
        pa.field("is_alias", pa.bool_(), nullable=False),  # its attributes may go by other names too
    ]
)


class EventNames:
    """The names of the catalogue and of the alias file."""

    def __init__(self, catalogue: Catalogue, aliases: Aliases) -> None:
        self._catalogue = catalogue
        self._aliases = aliases
        self._unknown: set[str] = set()

    def facts(self, names: Sequence[str]) -> pa.Table:
        """FACTS, a row a name; a name that nobody knows is warned of once."""
        rows = [self._fact(name) for name in names]
        columns = zip(*rows, strict=True) if rows else ((),) * len(FACTS)
        return pa.table([pa.array(column, field.type) for column, field in zip(columns, FACTS, strict=True)], schema=FACTS)

    def _fact(self, name: str) -> tuple[str, str, str, bool, str | None, bool]:
        alias = self._aliases.events.get(name)
        ours = alias.event if alias else name
        event = self._catalogue.events.get(ours)
        if event is None:
            if alias is None:
                self._warn(name)
            return ours, CUSTOM, CUSTOM, alias is not None, None, alias is not None
        return ours, event.event_type, event.category, True, event.user_property, alias is not None

    def _warn(self, name: str) -> None:
        shown = name[:_SHOWN]
        if shown not in self._unknown and len(self._unknown) < _WARNED:
            self._unknown.add(shown)
            _log.warning("no event of the catalogue is called %r: it is stored as custom", shown)
