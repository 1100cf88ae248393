"""What the receiver of events is handed to judge them by, and all it knows of the catalogue."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol


class Declared(Protocol):
    """An event of the catalogue, as far as the receiver reads it."""

    @property
    def properties(self) -> Mapping[str, object]:
        """Its properties by name."""
        ...

    @property
    def timestamp_property(self) -> str | None:
        """The property that says when it happened."""
        ...

    @property
    def user_property(self) -> str | None:
        """The property that names its user."""
        ...


class Catalogue(Protocol):
    """The events that are known."""

    @property
    def keeps_invalid(self) -> bool:
        """Whether events that break the catalogue are stored all the same, marked."""
        ...

    def is_known(self, event_name: str) -> bool:
        """Whether anything is known of events of that name; of some of other SDKs it is the name only."""
        ...

    def declared(self, event_name: str) -> Declared | None:
        """The event of that name, or of which that is another SDK's name."""
        ...

    def refusal(self, event_name: str, properties: Mapping[str, Any], context: Mapping[str, str | None]) -> str | None:
        """Why an event is invalid, in the words that the pipeline will use; None where it is valid or unknown.

        Args:
            event_name: its name.
            properties: as in JSON.
            context: user_id, organization_id, session_id, workflow_id, execution_id.
        """
        ...
