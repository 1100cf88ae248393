"""One plain JSON event, understood: its name, its time, its attributes and its properties; pure.

`conversion` makes log records of it. What the sender wrote in any spelling stands here under one name each (`fields`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from .catalogue import Catalogue, Declared
from .fields import (
    ACTION_PROPERTIES,
    IDENTITY,
    LAST_NAME_FIELDS,
    LISTS,
    NAME_FIELDS,
    NAMES_OF_TYPES,
    OBJECTS,
    PRIORITIES,
    PROPERTIES_FIELDS,
    RESOURCE,
    SHORT_NAMES,
    TEXTS,
    TYPE_FIELDS,
    respelled,
)
from .times import EXPECTED, unix_nano
from .values import FieldError, kind, shown, text_of

REFUSAL: Final = "event.refusal"
"""The attribute by which the endpoint tells the pipeline why an event cannot be represented."""
UID: Final = "log.record.uid"

_LIFTED: Final = {name: attribute for field, attribute in (*IDENTITY.items(), ("event_id", UID)) for name in (field, attribute)}
_ID_DIGITS: Final = {"trace_id": 32, "span_id": 16}
_CONTEXT: Final = {name: IDENTITY[name] for name in ("user_id", "organization_id", "session_id", "workflow_id", "execution_id")}
_NONE: Final[Mapping[str, object]] = {}


@dataclass(slots=True)
class PlainEvent:
    """An event.

    Attributes:
        name: as the catalogue has it.
        properties: what stands in none of the documented fields.
        attributes: the documented fields, under the names that OpenTelemetry or the project gives them.
        resource: the same of where it comes from.
        unix_nano: when it happened, where it says so.
        trace_id, span_id: where it happened, as bytes, where it says so.
    """

    name: str
    properties: dict[str, Any]
    attributes: dict[str, Any] = field(default_factory=dict)
    resource: dict[str, str] = field(default_factory=dict)
    unix_nano: int | None = None
    trace_id: bytes = b""
    span_id: bytes = b""


def understood(event: Any, catalogue: Catalogue) -> PlainEvent:
    """What a JSON value says.

    Raises:
        FieldError: it is no object, has no name, or a documented field of another type than its own.
    """
    name, type_, consumed = name_and_type(event)
    declared = catalogue.declared(name)
    known = declared.properties if declared else _NONE
    members = respelled({spelling: value for spelling, value in event.items() if spelling not in consumed}, _READERS, known)
    result = PlainEvent(name, _properties(members, known))
    if type_:
        result.attributes["event.type"] = type_
    for member, value in members.items():
        read = _READERS.get(member)
        if read is None or member in known:
            result.properties.setdefault(member, value)
        if read is not None and value is not None:
            read(result, member, value)
    if name == "user.action":
        _rename(result.properties, ACTION_PROPERTIES)
    _lift(result)
    _find_time(result, declared)
    if "event.source" in result.attributes:
        result.resource.setdefault("service.name", result.attributes["event.source"])
    return result


def name_and_type(event: Any) -> tuple[str, str | None, tuple[str, ...]]:
    """An event's name, its type where that says more, and the members that say so.

    Raises:
        FieldError: it is no object, or has no name.
    """
    if not isinstance(event, dict):
        raise FieldError(f"is {kind(event)}, expected an object")
    named, typed = _first(event, NAME_FIELDS), _first(event, TYPE_FIELDS)
    if named is None and typed is not None:
        said = _name(typed, event[typed])
        return NAMES_OF_TYPES.get(said.lower(), said), None, (typed,)
    named = named or _first(event, LAST_NAME_FIELDS)
    if named is None:
        raise FieldError("event_name: is missing")
    name = _name(named, event[named])
    name = SHORT_NAMES.get(name, name)
    return (name, None, (named,)) if typed is None else (name, text_of(typed, event[typed]), (named, typed))


def _first(event: Mapping[str, Any], spellings: tuple[str, ...]) -> str | None:
    for spelling in spellings:
        if event.get(spelling) is not None:
            return spelling
    return None


def _name(path: str, value: Any) -> str:
    if value == "":
        raise FieldError(f"{path}: is empty")
    return text_of(path, value)


def _properties(members: Mapping[str, Any], known: Mapping[str, object]) -> dict[str, Any]:
    properties: dict[str, Any] = {}
    for member in PROPERTIES_FIELDS:
        value = members.get(member)
        if value is not None:
            properties |= respelled(_object(member, value), IDENTITY, known)
    return properties


def _rename(properties: dict[str, Any], names: Mapping[str, str]) -> None:
    for old, new in names.items():
        if old in properties and new not in properties:
            properties[new] = properties.pop(old)


def _lift(event: PlainEvent) -> None:
    """Take whom it is about, and its id, out of the properties, where they stand there under either name."""
    properties = event.properties
    properties.pop(REFUSAL, None)
    if properties.keys().isdisjoint(_LIFTED):
        return
    for name, attribute in _LIFTED.items():
        if properties.get(name) is not None and attribute not in event.attributes:
            event.attributes[attribute] = text_of(name, properties.pop(name))


def _find_time(event: PlainEvent, declared: Declared | None) -> None:
    """Where no `timestamp` says when: the event's own name for it, or the metadata, where a sample of the documents has it."""
    if event.unix_nano is not None:
        return
    own = declared and declared.timestamp_property
    metadata = event.attributes.get("event.metadata", _NONE)
    for value in (event.properties.get(own or "timestamp"), event.properties.get("timestamp"), metadata.get("timestamp")):
        if value is not None and (time := unix_nano(value)) is not None:
            event.unix_nano = time
            return


def context(event: PlainEvent, declared: Declared | None, tenant: str) -> dict[str, str | None]:
    """The fields of an event that the catalogue may require, as the pipeline will fill them."""
    result = {name: event.attributes.get(attribute) for name, attribute in _CONTEXT.items()}
    result["organization_id"] = result["organization_id"] or tenant
    if not result["user_id"] and declared and declared.user_property:
        user = event.properties.get(declared.user_property)
        result["user_id"] = str(user) if isinstance(user, str | int) and not isinstance(user, bool) else None
    return result


# The readers of documented fields: each puts one where it belongs


def _text(event: PlainEvent, member: str, value: Any) -> None:
    if value != "":
        event.attributes.setdefault(TEXTS[member], text_of(member, value))


def _map(event: PlainEvent, member: str, value: Any) -> None:
    event.attributes[OBJECTS[member]] = _object(member, value)


def _object(path: str, value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise FieldError(f"{path}: is {kind(value)}, expected an object")
    return value


def _texts(event: PlainEvent, member: str, value: Any) -> None:
    if not isinstance(value, list):
        raise FieldError(f"{member}: is {kind(value)}, expected a list of strings")
    event.attributes[LISTS[member]] = [text_of(f"{member}[{index}]", element) for index, element in enumerate(value)]


def _origin(event: PlainEvent, member: str, value: Any) -> None:
    event.resource[RESOURCE[member]] = text_of(member, value)


def _id(event: PlainEvent, member: str, value: Any) -> None:
    try:
        content = bytes.fromhex(value)
    except (TypeError, ValueError):
        content = b""
    if len(content) * 2 != _ID_DIGITS[member]:
        raise FieldError(f"{member}: {shown(value)} is not {_ID_DIGITS[member]} hex digits")
    setattr(event, member, content)


def _priority(event: PlainEvent, member: str, value: Any) -> None:
    priority = PRIORITIES.get(value.lower()) if isinstance(value, str) else None
    if priority is None:
        allowed = ", ".join(f'"{name}"' for name in dict.fromkeys(PRIORITIES.values()))
        raise FieldError(f"{member}: {shown(value)} is not one of {allowed}")
    event.attributes["event.priority"] = priority


def _time(event: PlainEvent, member: str, value: Any) -> None:
    event.unix_nano = unix_nano(value)
    if event.unix_nano is None:
        raise FieldError(f"{member}: {shown(value)} is no time, {EXPECTED}")


def _nothing(_event: PlainEvent, _member: str, _value: Any) -> None:
    """Properties are read before."""


_Reader: TypeAlias = Callable[[PlainEvent, str, Any], None]
_READERS: Final[dict[str, _Reader]] = {
    **dict.fromkeys(TEXTS, _text),
    **dict.fromkeys(OBJECTS, _map),
    **dict.fromkeys(LISTS, _texts),
    **dict.fromkeys(RESOURCE, _origin),
    **dict.fromkeys(_ID_DIGITS, _id),
    **dict.fromkeys(PROPERTIES_FIELDS, _nothing),
    "priority": _priority,
    "timestamp": _time,
}
