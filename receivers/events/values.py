"""JSON values to OTLP's, with the path of what OTLP cannot hold; pure."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any, Final

from opentelemetry.proto.common.v1.common_pb2 import AnyValue

_DEEPEST: Final = 30
"""How deep values may nest: a map is three messages in a map, and the protobuf runtimes take 100."""
_LONGEST_SHOWN: Final = 100
_KINDS: Final[Mapping[type, str]] = {
    str: "a string",
    bool: "a boolean",
    int: "a number",
    float: "a number",
    list: "a list",
    dict: "an object",
    type(None): "null",
}


class FieldError(ValueError):
    """An event cannot be represented. The text says where and why, as `properties.a[0]: is nested deeper than 30`."""


def kind(value: object) -> str:
    """What JSON calls a value."""
    return _KINDS[type(value)]


def shown(value: object) -> str:
    """A value as JSON, cut."""
    text = json.dumps(value, ensure_ascii=False).encode("utf-8", "backslashreplace").decode()
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}..."


def text_of(path: str, value: object) -> str:
    """A text; a whole number, as ids often come, is its digits.

    Raises:
        FieldError: the value is neither, or no Unicode text.
    """
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if not isinstance(value, str):
        raise FieldError(f"{path}: is {kind(value)}, expected a string")
    if not value.isascii():
        _refuse_surrogates(path, value)
    return value


def fill(target: AnyValue, value: Any, path: str, depth: int = 1) -> None:
    """Write a value; null stays one.

    Raises:
        FieldError: OTLP cannot hold it.
    """
    match value:
        case str():
            _fill_text(target, value, path)
        case bool():
            target.bool_value = value
        case int():
            _fill_integer(target, value, path)
        case float():
            if not math.isfinite(value):
                raise FieldError(f"{path}: is no finite number")
            target.double_value = value
        case dict() | list():
            _fill_nested(target, value, path, depth)


def _fill_text(target: AnyValue, value: str, path: str) -> None:
    try:
        target.string_value = value
    except ValueError:
        _refuse_surrogates(path, value)


def _fill_integer(target: AnyValue, value: int, path: str) -> None:
    try:
        target.int_value = value
    except ValueError:
        raise FieldError(f"{path}: {shown(value)} is no integer of 64 bits") from None


def _fill_nested(target: AnyValue, value: dict[str, Any] | list[Any], path: str, depth: int) -> None:
    if depth > _DEEPEST:
        raise FieldError(f"{path[:_LONGEST_SHOWN]}: is nested deeper than {_DEEPEST}")
    if isinstance(value, dict):
        target.kvlist_value.SetInParent()
        fill_members(target.kvlist_value.values, value, path, depth + 1)
        return
    elements = target.array_value.values
    target.array_value.SetInParent()
    for index, element in enumerate(value):
        fill(elements.add(), element, f"{path}[{index}]", depth + 1)


def fill_members(target: Any, members: Mapping[str, Any], path: str, depth: int = 1) -> None:
    """Write members into a repeated KeyValue.

    Raises:
        FieldError: OTLP cannot hold one of them.
    """
    for name, value in members.items():
        try:
            pair = target.add(key=name)
        except ValueError:
            _refuse_surrogates(path, name)
        fill(pair.value, value, f"{path}.{name}", depth)


def _refuse_surrogates(path: str, text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise FieldError(f"{path}: holds half of a surrogate pair at character {error.start}") from None
