"""Attributes for the plain decoder: the rules on keys, promotion to columns, and what is left; see semconv.py."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from ...addresses import looks_like_address
from ..payloads import Rules
from ..semconv import ADDRESS_KEYS, MAYBE_ADDRESS_KEYS, REDACTED, ColumnType, Promoted
from .json_text import Value, json_text


class Secrecy(IntEnum):
    """What a key says of the strings at and below it; the strictest of all keys above counts."""

    NONE = 0
    MAYBE_ADDRESS = 1
    ADDRESS = 2


@dataclass(frozen=True, slots=True)
class AttributeReader:
    """Reads attributes and values of one payload, with the rules on keys applied at every depth."""

    rules: Rules
    accepted_unix_nano: int

    def attributes(self, attributes: Iterable[Any], secrecy: Secrecy = Secrecy.NONE) -> dict[str, Value]:
        """KeyValues as a dict: dropped keys left out, the last of equal keys, in the order of the last occurrences.

        Args:
            attributes: KeyValue messages.
            secrecy: what the keys above say of the strings below.
        """
        values: dict[str, Value] = {}
        for attribute in attributes:
            key = attribute.key
            if key in self.rules.drop_attributes:
                continue
            values.pop(key, None)
            redacted = key in self.rules.redact_attributes
            values[key] = REDACTED if redacted else self.value(attribute.value, max(secrecy, _secrecy_of(key)))
        return values

    def value(self, value: Any, secrecy: Secrecy = Secrecy.NONE) -> Value:
        """An AnyValue as a plain value; `string_value_strindex` has a meaning in profiles only, and reads as empty."""
        kind = value.WhichOneof("value")
        if kind == "array_value":
            return [self.value(member, secrecy) for member in value.array_value.values]
        if kind == "kvlist_value":
            return self.attributes(value.kvlist_value.values, secrecy)
        if kind == "string_value":
            return self._string(value.string_value, secrecy)
        if kind is None or kind == "string_value_strindex":
            return None
        plain: Value = getattr(value, kind)
        return plain

    def _string(self, text: str, secrecy: Secrecy) -> str:
        hidden = secrecy is Secrecy.ADDRESS or (secrecy is Secrecy.MAYBE_ADDRESS and looks_like_address(text))
        return self.rules.hash_address(text, self.accepted_unix_nano) if hidden and text else text


def _secrecy_of(key: str) -> Secrecy:
    if key in ADDRESS_KEYS:
        return Secrecy.ADDRESS
    return Secrecy.MAYBE_ADDRESS if key in MAYBE_ADDRESS_KEYS else Secrecy.NONE


@dataclass(slots=True)
class PromotedRow:
    """What promotion makes of a record's attributes: values of columns, the rest, and which generation the names are of."""

    columns: dict[str, Value]
    rest: dict[str, Value]
    semconv: str | None


def promote_record(attributes: dict[str, Value], promoted: tuple[Promoted, ...]) -> PromotedRow:
    """Promote the attributes of a span, span event or log record."""
    found = {column: _names_found(attributes, column) for column in promoted}
    semconv = _generation(found)
    columns: dict[str, Value] = {}
    rest = dict(attributes)
    for column, names in found.items():
        if not names:
            continue
        winner = names[0]
        columns[column.column] = _column_value(attributes[winner], column.type)
        by_column = winner == column.new or (winner == column.old and semconv == "old")
        if len(names) == 1 and by_column and column.column != "organization_id":
            del rest[winner]
    return PromotedRow(columns, rest, semconv)


def promote_resource(attributes: dict[str, Value], promoted: tuple[Promoted, ...]) -> PromotedRow:
    """Promote the attributes of a resource: empty strings are none, old names stay in the rest."""
    columns: dict[str, Value] = {}
    rest = dict(attributes)
    for column in promoted:
        names = [name for name in _names_found(attributes, column) if attributes[name] != ""]
        if not names:
            continue
        value = columns[column.column] = attributes[names[0]]
        stays = column.column == "resource_organization_id" or (column.column in {"service_name", "environment"} and value == "unknown")
        if names == [column.new] and not stays:
            del rest[column.new]
    return PromotedRow(columns, rest, None)


def _names_found(attributes: dict[str, Value], column: Promoted) -> list[str]:
    """The column's names that stand in the attributes with its type, the winner first."""
    names = (column.new, column.old, *column.aliases)
    return [name for name in names if name is not None and name in attributes and _has_type(attributes[name], column.type)]


def _has_type(value: Value, column_type: ColumnType) -> bool:
    if column_type == "json":
        return value is not None
    return type(value) is {"string": str, "int": int, "double": float, "bool": bool}[column_type]


def _column_value(value: Value, column_type: ColumnType) -> Value:
    return json_text(value) if column_type == "json" else value


def _generation(found: dict[Promoted, list[str]]) -> str | None:
    renamed = {column: names for column, names in found.items() if column.old is not None}
    new = any(column.new in names for column, names in renamed.items())
    old = any(column.old in names for column, names in renamed.items())
    if new and old:
        return "mixed"
    return "new" if new else "old" if old else None
