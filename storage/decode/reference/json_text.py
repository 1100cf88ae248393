"""The one form of JSON text that columns.py describes, for the plain decoder: plain Python values in, text out."""

from __future__ import annotations

import json
import math
from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeAlias

import pyarrow as pa

Value: TypeAlias = "str | bool | int | float | bytes | Sequence[Value] | Mapping[str, Value] | None"
"""An AnyValue as Python holds it; a dict's keys stand in the order of their last occurrence."""


def json_text(value: Value) -> str:
    """JSON text of any value."""
    return _WRITERS[type(value)](value)


def double_text(value: float) -> str:
    """A double as Arrow writes it, `.0` appended where it would read as an integer."""
    if math.isnan(value):
        return '{"$double":"NaN"}'
    if math.isinf(value):
        return '{"$double":"Infinity"}' if value > 0 else '{"$double":"-Infinity"}'
    text = str(pa.scalar(value, pa.float64()).cast(pa.string()).as_py())
    return text if "." in text or "e" in text else f"{text}.0"


def object_text(value: Mapping[str, Value]) -> str | None:
    """JSON text of an object that is a column: None where it has no keys."""
    return json_text(value) if value else None


def _object(value: Mapping[str, Value]) -> str:
    return "{" + ",".join(f"{_string(key)}:{json_text(member)}" for key, member in value.items()) + "}"


def _string(value: str) -> str:
    return json.dumps(value, ensure_ascii=False)


_WRITERS: Final[dict[type, Callable[[Any], str]]] = {
    str: _string,
    bool: lambda value: "true" if value else "false",
    int: str,
    float: double_text,
    bytes: lambda value: f'{{"$bytes":"{b64encode(value).decode()}"}}',
    list: lambda value: "[" + ",".join(map(json_text, value)) + "]",
    dict: _object,
    type(None): lambda _: "null",
}
