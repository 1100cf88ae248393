"""Whether an event's declaration may follow another under its version number; `otelpond events validate` asks.

Major: events that were valid are refused, or queries that worked do not. Minor: more is allowed or said. Patch: only words change.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import IntEnum
from typing import Final, NamedTuple

from .catalogue import Event, Property


class Level(IntEnum):
    """Which part of the version a change needs to be raised."""

    PATCH = 1
    MINOR = 2
    MAJOR = 3


class Change(NamedTuple):
    """One difference between two declarations.

    Attributes:
        level: the part of the version that it needs to be raised.
        text: where, and what is different.
    """

    level: Level
    text: str


_KEYS: Final[Mapping[str, Level]] = {
    **dict.fromkeys(("name", "family", "event_type", "category"), Level.MAJOR),
    **dict.fromkeys(("timestamp_property", "user_property"), Level.MAJOR),
    **dict.fromkeys(("description", "trigger", "usages"), Level.PATCH),
}
_PROPERTY_KEYS: Final[Mapping[str, Level]] = {
    "unit": Level.MAJOR,
    "personal": Level.MINOR,
    "description": Level.PATCH,
    "examples": Level.PATCH,
}


def compatible(old: Event, new: Event) -> tuple[str, ...]:
    """Why the new declaration may not have the version that it has; empty where it may."""
    found = changes(old, new)
    if not found:
        return () if _version(new) >= _version(old) else (f"version {new.version} is before {old.version}",)
    short = [(change.text, _raised(old, change.level)) for change in found if _version(new) < _raised(old, change.level)]
    return tuple(f"{text}: needs version {'.'.join(map(str, wanted))}, not {new.version}" for text, wanted in short)


def changes(old: Event, new: Event) -> tuple[Change, ...]:
    """What is different, versions left out."""
    return (*_keys(old, new), *_context(old, new), *_properties(old.properties, new.properties))


def _version(event: Event) -> tuple[int, ...]:
    return tuple(map(int, event.version.split(".")))


def _raised(event: Event, level: Level) -> tuple[int, ...]:
    major, minor, patch = _version(event)
    return {Level.MAJOR: (major + 1, 0, 0), Level.MINOR: (major, minor + 1, 0), Level.PATCH: (major, minor, patch + 1)}[level]


def _keys(old: Event, new: Event) -> Iterator[Change]:
    for key, level in _KEYS.items():
        if getattr(old, key) != getattr(new, key):
            yield Change(level, f"{key} is different")


def _context(old: Event, new: Event) -> Iterator[Change]:
    for name in dict.fromkeys((*old.context, *new.context)):
        if (name in old.context) != (name in new.context):
            yield (
                Change(Level.MINOR, f"context: {name} is added")
                if name in new.context
                else Change(Level.MAJOR, f"context: {name} is removed")
            )
        if (name in old.required_context) != (name in new.required_context):
            yield _required(name, now=name in new.required_context)


def _properties(old: Mapping[str, Property], new: Mapping[str, Property]) -> Iterator[Change]:
    for name in dict.fromkeys((*old, *new)):
        place = f"properties.{name}"
        if name not in new:
            yield Change(Level.MAJOR, f"{place} is removed")
        elif name not in old:
            yield Change(Level.MAJOR if new[name].required else Level.MINOR, f"{place} is added")
        else:
            yield from _property(place, old[name], new[name])


def _property(place: str, old: Property, new: Property) -> Iterator[Change]:
    if old.type != new.type:
        wider = (old.type, new.type) == ("integer", "number")
        yield Change(Level.MINOR if wider else Level.MAJOR, f"{place}: {old.type} becomes {new.type}")
    if old.required != new.required:
        yield _required(place, now=new.required)
    if old.values != new.values:
        wider = not new.values or (bool(old.values) and set(old.values) <= set(new.values))
        yield Change(Level.MINOR if wider else Level.MAJOR, f"{place}: {'more' if wider else 'less'} is allowed")
    for key, sign in (("minimum", 1), ("maximum", -1)):
        before, after = getattr(old, key), getattr(new, key)
        if before != after:
            wider = after is None or (before is not None and sign * after < sign * before)
            yield Change(Level.MINOR if wider else Level.MAJOR, f"{place}: {key} {before} becomes {after}")
    for key, level in _PROPERTY_KEYS.items():
        if getattr(old, key) != getattr(new, key):
            yield Change(level, f"{place}: {key} is different")


def _required(place: str, *, now: bool) -> Change:
    return Change(Level.MAJOR, f"{place} becomes required") if now else Change(Level.MINOR, f"{place} is no longer required")
