"""JSON values to OTLP's, with the path of what OTLP cannot hold; pure."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any, Final

from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue

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

    def below(self, path: str) -> FieldError:
        """The same, said from further out."""
        return FieldError(f"{path}{self}")


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


def fill(target: AnyValue, value: Any, path: str) -> None:
    """Write a value; null stays one.

    Raises:
        FieldError: OTLP cannot hold it.
    """
    try:
        _fill(target, value)
    except FieldError as error:
        raise error.below(path) from None


def fill_members(target: Any, members: Mapping[str, Any], path: str) -> None:
    """Write members into a repeated KeyValue.

    Raises:
        FieldError: OTLP cannot hold one of them.
    """
    try:
        _fill_members(target, members)
    except FieldError as error:
        raise error.below(path) from None


def keep(target: AnyValue, value: Any, depth: int = 1) -> None:
    """Write as much of a value as OTLP holds: of any other text or number its JSON, cut, of what is nested too deep its brackets."""
    match value:
        case dict() | list() if depth > _DEEPEST:
            target.string_value = "{...}" if isinstance(value, dict) else "[...]"
        case dict():
            target.kvlist_value.SetInParent()
            for name, member in value.items():
                pair = target.kvlist_value.values.add()
                _keep_name(pair, name)
                keep(pair.value, member, depth + 1)
        case list():
            target.array_value.SetInParent()
            for element in value:
                keep(target.array_value.values.add(), element, depth + 1)
        case _:
            _keep_scalar(target, value)


def _keep_name(pair: KeyValue, name: str) -> None:
    try:
        pair.key = name
    except ValueError:
        pair.key = shown(name)


def _keep_scalar(target: AnyValue, value: Any) -> None:
    try:
        _fill(target, value)
    except FieldError:
        target.string_value = shown(value)


# Their errors begin behind the place of what they are given: a path of long names is made of what is refused, and of nothing else


def _fill(target: AnyValue, value: Any, depth: int = 1) -> None:
    match value:
        case str():
            _fill_text(target, value)
        case bool():
            target.bool_value = value
        case int():
            _fill_integer(target, value)
        case float():
            if not math.isfinite(value):
                raise FieldError(": is no finite number")
            target.double_value = value
        case dict() | list():
            _fill_nested(target, value, depth)


def _fill_text(target: AnyValue, value: str) -> None:
    try:
        target.string_value = value
    except ValueError:
        _refuse_surrogates("", value)


def _fill_integer(target: AnyValue, value: int) -> None:
    try:
        target.int_value = value
    except ValueError:
        raise FieldError(f": {shown(value)} is no integer of 64 bits") from None


def _fill_nested(target: AnyValue, value: dict[str, Any] | list[Any], depth: int) -> None:
    if depth > _DEEPEST:
        raise FieldError(f": is nested deeper than {_DEEPEST}")
    if isinstance(value, dict):
        target.kvlist_value.SetInParent()
        _fill_members(target.kvlist_value.values, value, depth + 1)
        return
    elements = target.array_value.values
    target.array_value.SetInParent()
    for index, element in enumerate(value):
        try:
            _fill(elements.add(), element, depth + 1)
        except FieldError as error:
            raise error.below(f"[{index}]") from None


def _fill_members(target: Any, members: Mapping[str, Any], depth: int = 1) -> None:
    for name, value in members.items():
        try:
            pair = target.add(key=name)
        except ValueError:
            _refuse_surrogates("", name)
        try:
            _fill(pair.value, value, depth)
        except FieldError as error:
            raise error.below(f".{name[:_LONGEST_SHOWN]}") from None


def _refuse_surrogates(path: str, text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise FieldError(f"{path}: holds half of a surrogate pair at character {error.start}") from None
