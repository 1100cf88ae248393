"""The fields of a plain JSON event by all their spellings, and the attribute that each one becomes; pure.

What stands in no list here is a property. Sources: BaseEvent, the sample payloads and the signatures of `trackEvent` in the documents
that this project began with; the attributes are OpenTelemetry's where it has them (registry of attributes: session, user, url).
"""

from __future__ import annotations

import re
from collections.abc import Container, Mapping
from functools import lru_cache
from typing import Any, Final

NAME_FIELDS: Final = ("event_name", "eventName")
TYPE_FIELDS: Final = ("event_type", "eventType", "type")
LAST_NAME_FIELDS: Final = ("name", "event")
"""Name an event where none of the others stands; otherwise they are properties."""
NAMING_FIELDS: Final = (*NAME_FIELDS, *TYPE_FIELDS, *LAST_NAME_FIELDS)

SHORT_NAMES: Final[Mapping[str, str]] = {
    "page_view": "user.page_view",
    "pageview": "user.page_view",
    "action": "user.action",
    "identify": "user.identify",
}
"""Names that go without a family."""

NAMES_OF_TYPES: Final[Mapping[str, str]] = {
    **SHORT_NAMES,
    "user_action": "user.action",
    "therapy_session": "therapy_session",
    "notification": "notification",
    "error": "error",
    "security": "security",
    "performance": "performance",
    "custom": "custom",
}
"""What an event is called that only says its type, in any case."""

IDENTITY: Final[Mapping[str, str]] = {
    "user_id": "user.id",
    "user_role": "user.role",
    "anonymous_id": "enduser.pseudo.id",
    "session_id": "session.id",
    "organization_id": "organization.id",
    "workflow_id": "workflow.id",
    "execution_id": "execution.id",
    "context_id": "context.id",
}
"""Texts that may stand among the properties too."""

TEXTS: Final[Mapping[str, str]] = {
    **IDENTITY,
    "event_id": "log.record.uid",
    "event_category": "event.category",
    "version": "event.version",
    "event_version": "event.version",
    "source": "event.source",
    "event_source": "event.source",
    "previous_session_id": "session.previous_id",
    "session_previous_id": "session.previous_id",
    "url": "url.full",
    "user_agent": "user_agent.original",
    "ip_address": "client.address",
}

OBJECTS: Final[Mapping[str, str]] = {
    "metadata": "event.metadata",
    "user_properties": "user.properties",
    "user_properties_set_once": "user.properties.set_once",
}
LISTS: Final[Mapping[str, str]] = {"user_roles": "user.roles", "user_properties_unset": "user.properties.unset"}

PLAIN: Final = frozenset(
    {
        "action_context",
        "action_target",
        "action_type",
        "browser",
        "device_info",
        "device_type",
        "page_path",
        "page_slug",
        "page_title",
        "referrer",
        "sample_rate",
        "utm_campaign",
        "utm_content",
        "utm_medium",
        "utm_source",
        "utm_term",
    }
)
"""Documented names that are those of their attributes; of camelCase they are put right in every event."""

RESOURCE: Final[Mapping[str, str]] = {
    "service_name": "service.name",
    "service_version": "service.version",
    "environment": "deployment.environment.name",
}
"""Texts that say where the event comes from; where no service is named, `source` is it."""

PROPERTIES_FIELDS: Final = ("properties", "event_properties")
PRIORITIES: Final[Mapping[str, str]] = {"low": "low", "normal": "normal", "medium": "normal", "high": "high", "critical": "critical"}

FIELDS_OF_ATTRIBUTES: Final = {attribute: name for name, attribute in reversed((*TEXTS.items(), *OBJECTS.items(), *LISTS.items()))}

ACTION_PROPERTIES: Final[Mapping[str, str]] = {"action": "action_type", "target": "action_target", "page": "page_path"}
"""What the properties of the type USER_ACTION are called in `user.action`."""

_LONGEST_RESPELLED: Final = 100
_CAPITAL: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


def respelled(members: dict[str, Any], *known: Container[str]) -> dict[str, Any]:
    """The members by their snake_case names where those are known or PLAIN; the others, and those whose name is taken, keep their own."""
    if "".join(members).islower():  # nothing to respell, as with most senders
        return members
    result = {}
    for spelling, value in members.items():
        name = _snake(spelling) if len(spelling) < _LONGEST_RESPELLED else spelling
        is_known = name in PLAIN or any(name in names for names in known)
        result[name if is_known and name not in members and name not in result else spelling] = value
    return result


@lru_cache(4096)
def _snake(spelling: str) -> str:
    return _CAPITAL.sub("_", spelling).lower()
