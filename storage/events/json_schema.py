"""The JSON Schema (2020-12) of an event, as POST /v1/events takes it; `otelpond events show` prints it for editors and other validators."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from .catalogue import Event, Property
from .judge import EARLIEST_MS, LATEST_MS, TIMESTAMP

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_TYPES: Final[Mapping[str, Mapping[str, Any]]] = {
    "string": {"type": "string"},
    "integer": {"type": "integer"},
    "number": {"type": "number"},
    "boolean": {"type": "boolean"},
    "timestamp": {
        "anyOf": [{"type": "string", "pattern": f"^{TIMESTAMP}$"}, {"type": "number", "minimum": EARLIEST_MS, "maximum": LATEST_MS}],
    },
    "object": {"type": "object"},
    "string[]": {"type": "array", "items": {"type": "string"}},
}


def json_schema(event: Event) -> dict[str, Any]:
    """What an event must look like; units and classes of personal data stand under `x-unit` and `x-personal`."""
    properties: dict[str, Any] = {
        "type": "object",
        "properties": {name: _property(declared) for name, declared in event.properties.items()},
        "required": [name for name, declared in event.properties.items() if declared.required],
    }
    context = {name: {"type": "string", **({"minLength": 1} if name in event.required_context else {})} for name in event.context}
    return {
        "$schema": DIALECT,
        "$id": f"urn:otelpond:event:{event.name}:{event.version}",
        "title": event.name,
        "description": f"{event.description} Trigger: {event.trigger}",
        "type": "object",
        "properties": {"event_name": {"const": event.name}, **context, "properties": properties},
        "required": ["event_name", *event.required_context, *(["properties"] if properties["required"] else [])],
    }


def _property(declared: Property) -> dict[str, Any]:
    schema: dict[str, Any] = {**_TYPES[declared.type], "description": declared.description}
    if declared.type == "string[]" and declared.values:
        schema["items"] = {"type": "string", "enum": list(declared.values)}
    elif declared.values:
        schema["enum"] = list(declared.values)
    elif declared.type == "string" and declared.required:
        schema["minLength"] = 1
    if not declared.required:
        schema = _nullable(schema)
    found: dict[str, Any] = {"examples": list(declared.examples) or None, "minimum": declared.minimum, "maximum": declared.maximum}
    found |= {"x-unit": declared.unit, "x-personal": declared.personal}
    return {**schema, **{key: value for key, value in found.items() if value is not None}}


def _nullable(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Where a property may be absent, null is no less."""
    if "anyOf" in schema:
        return {**schema, "anyOf": [*schema["anyOf"], {"type": "null"}]}
    enum = {"enum": [*schema["enum"], None]} if "enum" in schema else {}
    return {**schema, **enum, "type": [schema["type"], "null"]}
