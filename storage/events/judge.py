"""Judges one event by the catalogue, in Python; the events endpoint asks it. `columnar.py` says the same of a batch, in the same words.

Property values are those of JSON or of OTLP: None, bool, int, float, str, bytes, lists and mappings. None counts as absent.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import date
from typing import Any, Final

from .catalogue import Event, Property

EXPECTED: Final[Mapping[str, str]] = {
    "string": "a string",
    "integer": "an integer",
    "number": "a number",
    "boolean": "a boolean",
    "timestamp": "a timestamp",
    "object": "an object",
    "string[]": "a list of strings",
}
TIMESTAMP: Final = (
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
    r"([Tt ]([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\.[0-9]+)?)?([Zz]|[+-]([01][0-9]|2[0-3]):?[0-5][0-9])?)?"
)
"""RFC 3339, and what people write instead: a space, no seconds, no offset (UTC), a date alone. The date itself is checked too."""
EARLIEST_MS: Final = -62_135_596_800_000
LATEST_MS: Final = 253_402_300_799_999
"""Years 1 to 9999, in milliseconds since 1970."""

_NUMBERS: Final = (int, float)
_KINDS: Final = ((bool, "a boolean"), (_NUMBERS, "a number"), (str, "a string"), (bytes, "bytes"), ((list, tuple), "a list"))
_BYTES: Final = re.compile("[A-Za-z0-9+/=]*")
_INFINITE: Final = ("Infinity", "-Infinity")
_NO_TIMESTAMP: Final = "is not a timestamp (RFC 3339, or milliseconds since 1970)"
_LONGEST: Final = 100
_CONTROL_CHARACTERS: Final = re.compile(r"[\x00-\x1f\x7f]")


def refusal(event: Event, properties: Mapping[str, Any], context: Mapping[str, str | None]) -> str | None:
    """Why an event is refused: the first reason, required context first, then the properties as the catalogue lists them.

    Args:
        event: what the catalogue says of its name.
        properties: its attributes that are no columns of `events`.
        context: its base fields by column name, as they will be stored.

    Returns:
        Where and why, as `properties.risk_score: 130 is more than 100`; None where it is valid.
    """
    for name in event.required_context:
        if not context.get(name):
            return f"{name}: is missing"
    for name, declared in event.properties.items():
        if (problem := _problem(declared, properties.get(name))) is not None:
            return f"{place(declared)}{problem}"
    return None


def place(declared: Property) -> str:
    """Where a property stands, as refusals say it."""
    return f"properties.{declared.name}"


def allowed(values: Iterable[str]) -> str:
    """A closed list, as refusals show it."""
    return ", ".join(f'"{value}"' for value in values)


def _problem(declared: Property, value: Any) -> str | None:
    if value is None:
        return ": is missing" if declared.required else None
    if declared.type == "string[]":
        return _strings(declared, value)
    problem = _CHECKS[declared.type](declared, value)
    return None if problem is None else f": {problem}"


def _string(declared: Property, value: Any) -> str | None:
    if not isinstance(value, str):
        return _mistaken(value, EXPECTED["string"])
    if declared.values:
        return None if value in declared.values else f"{_quoted(value)} is not one of {allowed(declared.values)}"
    return "is empty" if declared.required and not value else None


def _integer(declared: Property, value: Any) -> str | None:
    number = _number_of(value)
    if number is None:
        return _mistaken(value, EXPECTED["integer"])
    if number != math.trunc(number):
        return f"{_shown(value)} is not an integer"
    if abs(number) >= 2**63:
        return f"{_shown(value)} is beyond 64 bits"
    return _out_of_bounds(declared, value, number)


def _number(declared: Property, value: Any) -> str | None:
    number = _number_of(value)
    return _mistaken(value, EXPECTED["number"]) if number is None else _out_of_bounds(declared, value, number)


def _out_of_bounds(declared: Property, value: float, number: float) -> str | None:
    if declared.minimum is not None and number < declared.minimum:
        return f"{_shown(value)} is less than {declared.minimum}"
    if declared.maximum is not None and number > declared.maximum:
        return f"{_shown(value)} is more than {declared.maximum}"
    return None


def _boolean(_declared: Property, value: Any) -> str | None:
    return None if isinstance(value, bool) else _mistaken(value, EXPECTED["boolean"])


def _timestamp(_declared: Property, value: Any) -> str | None:
    if isinstance(value, str):
        return None if _is_time(value) else f"{_quoted(value)} {_NO_TIMESTAMP}"
    number = _number_of(value)
    if number is None:
        return _mistaken(value, EXPECTED["timestamp"])
    return None if EARLIEST_MS <= number <= LATEST_MS else f"{_shown(value)} {_NO_TIMESTAMP}"


def _object(_declared: Property, value: Any) -> str | None:
    return None if _kind(value) == "an object" else _mistaken(value, EXPECTED["object"])


def _strings(declared: Property, value: Any) -> str | None:
    """With the place in the list."""
    if not isinstance(value, (list, tuple)):
        return f": {_mistaken(value, EXPECTED['string[]'])}"
    problems = ((index, _element(declared, each)) for index, each in enumerate(value))
    return next((f"[{index}]: {problem}" for index, problem in problems if problem is not None), None)


def _element(declared: Property, value: Any) -> str | None:
    """Elements may be empty."""
    return None if value == "" and not declared.values else _string(declared, value)


_CHECKS: Final[Mapping[str, Callable[[Property, Any], str | None]]] = {
    "string": _string,
    "integer": _integer,
    "number": _number,
    "boolean": _boolean,
    "timestamp": _timestamp,
    "object": _object,
}


def _mistaken(value: Any, expected: str) -> str:
    return f"is {_kind(value)}, expected {expected}"


def _kind(value: Any) -> str:
    """What a value is, in words."""
    if isinstance(value, Mapping):
        return _kind_of_mapping(value)
    if isinstance(value, _NUMBERS) and _number_of(value) is None and not isinstance(value, bool):
        return "NaN" if math.isnan(value) else "infinite"
    return next((word for kinds, word in _KINDS if isinstance(value, kinds)), "null")


def _kind_of_mapping(value: Mapping[str, Any]) -> str:
    """NaN, infinities and bytes may come as the decoder writes them: objects of one member."""
    if len(value) == 1:
        ((key, inner),) = value.items()
        if key == "$double" and inner == "NaN":
            return "NaN"
        if key == "$double" and inner in _INFINITE:
            return "infinite"
        if key == "$bytes" and isinstance(inner, str) and _BYTES.fullmatch(inner):
            return "bytes"
    return "an object"


def _number_of(value: Any) -> float | None:
    """As a double; None where it is no number, or not finite."""
    if isinstance(value, bool) or not isinstance(value, _NUMBERS):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def _is_time(text: str) -> bool:
    if not re.fullmatch(TIMESTAMP, text):
        return False
    try:
        date.fromisoformat(text[:10])
    except ValueError:
        return False
    return True


def _shown(number: float) -> str:
    """A number as DuckDB writes it."""
    return str(number) if isinstance(number, int) and -(2**63) <= number < 2**63 else repr(float(number))


def _quoted(text: str) -> str:
    shown = _CONTROL_CHARACTERS.sub(" ", text[:_LONGEST]).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{shown}{"..." if len(text) > _LONGEST else ""}"'
