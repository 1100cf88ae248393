"""Which attributes of an event's log record are columns of `events`; every other attribute is a property under its own name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

RESERVED: Final[Mapping[str, str]] = {
    "log.record.uid": "event_id",
    "event.type": "event_type",
    "event.category": "event_category",
    "event.priority": "priority",
    "event.version": "version",
    "event.source": "source",
    "event.metadata": "metadata",
    "user.id": "user_id",
    "user.role": "user_role",
    "user.roles": "user_roles",
    "enduser.pseudo.id": "anonymous_id",
    "session.id": "session_id",
    "session.previous_id": "session_previous_id",
    "organization.id": "organization_id",
    "workflow.id": "workflow_id",
    "execution.id": "execution_id",
    "context.id": "context_id",
    "url.full": "url",
    "user_agent.original": "user_agent",
    "client.address": "ip_address",
    "sample_rate": "sample_rate",
}
"""Attribute to column, by the semantic conventions where they have a name."""

REFUSAL: Final = "event.refusal"
"""Set by the events endpoint where an event cannot be represented: its text, with which the pipeline refuses the row."""

IDENTIFIERS: Final = ("user_id", "organization_id", "session_id", "workflow_id", "execution_id")
"""What an event may be required to carry (BaseEvent of the events catalogue document)."""

BASE_FIELDS: Final = (
    *IDENTIFIERS,
    *("user_role", "anonymous_id", "context_id"),
    *("page_slug", "page_path", "page_title", "referrer", "url"),
    *("user_agent", "ip_address", "device_type", "browser"),
)
"""Columns that a plain attribute of the same name fills too, where the semantic name is absent; it is no property then."""

TAKEN: Final = ("event_id", "event_name", "event_type", "timestamp", "dt", "ingested_at", "tenant_id")
"""Columns of every event that no property may have the name of."""
