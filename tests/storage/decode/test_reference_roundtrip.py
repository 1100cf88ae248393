"""From decoded rows every attribute that was sent can be rebuilt: what the rule of promotion in semconv.py promises."""

from __future__ import annotations

import json
import math
from base64 import b64decode
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from otelpond.storage.decode.messages import scopes
from otelpond.storage.decode.payloads import Rules
from otelpond.storage.decode.reference import decode
from otelpond.storage.decode.reference.json_text import json_text
from otelpond.storage.decode.semconv import LOG, RESOURCE, SPAN, SPAN_EVENT, ColumnType, Promoted
from otelpond.storage.signals import Signal

from .otlp_messages import payloads_of, requests

_KEPT = Rules(hash_address=lambda address, _: address)
_SETTINGS = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
_PYTHON_TYPES: dict[ColumnType, type] = {"string": str, "int": int, "double": float, "bool": bool}


def _sent(attributes: Any) -> dict[str, str]:
    """What was sent, by key, the last of equal keys: each value as text that tells types apart."""
    return {attribute.key: json_text(_plain(attribute.value)) for attribute in attributes}


def _plain(value: Any) -> Any:
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return [_plain(member) for member in value.array_value.values]
    if kind == "kvlist_value":
        members: dict[str, Any] = {}
        for member in value.kvlist_value.values:
            members.pop(member.key, None)
            members[member.key] = _plain(member.value)
        return members
    return None if kind in {None, "string_value_strindex"} else getattr(value, kind)


def _read(text: str | None) -> dict[str, Any]:
    """A JSON column as values, `$bytes` and `$double` undone."""
    read: dict[str, Any] = json.loads(text or "{}", object_hook=_undone)
    return read


def _undone(members: dict[str, Any]) -> Any:
    if members.keys() == {"$bytes"}:
        return b64decode(members["$bytes"])
    if members.keys() == {"$double"}:
        return {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}[members["$double"]]
    return members


def _rebuilt(row: dict[str, Any], rest: str | None, promoted: tuple[Promoted, ...]) -> dict[str, str]:
    attributes = _read(rest)
    for column in promoted:
        value = row.get(column.column)
        hidden_default = value == "unknown" and column.column in {"service_name", "environment"}
        if value is None or hidden_default or column.column.endswith("organization_id") or _stands_in(attributes, column):
            continue
        name = column.old if column.old is not None and row["semconv"] == "old" else column.new
        attributes[name] = json.loads(value, object_hook=_undone) if column.type == "json" else value
    return {key: json_text(value) for key, value in attributes.items()}


def _stands_in(attributes: dict[str, Any], column: Promoted) -> bool:
    values = [attributes.get(name) for name in (column.new, column.old, *column.aliases) if name is not None]
    return any(value is not None and (column.type == "json" or type(value) is _PYTHON_TYPES[column.type]) for value in values)


def _rows(signal: Signal, request: Any, relation: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = decode(signal, payloads_of([request.SerializeToString()]), _KEPT)[relation].to_pylist()
    return rows


@_SETTINGS
@given(requests(Signal.TRACES))
def test_attributes_of_spans_events_and_resources_can_be_rebuilt(request: Any) -> None:
    """A span's columns and JSON give back all that its sender attached, with types."""
    sent = [(of_resource.resource, span) for of_resource, _, spans in scopes(Signal.TRACES, request) for span in spans]
    for row in _rows(Signal.TRACES, request, "spans"):
        resource, span = sent[row["item_index"]]
        assert _sent(span.attributes) == _rebuilt(row, row["attributes"], SPAN)
        assert _sent(resource.attributes) == _rebuilt({**row, "semconv": None}, row["resource_attributes"], RESOURCE)
    for row in _rows(Signal.TRACES, request, "span_events"):
        event = sent[row["item_index"]][1].events[row["event_index"]]
        assert _sent(event.attributes) == _rebuilt({**row, "semconv": None}, row["attributes"], SPAN_EVENT)


@_SETTINGS
@given(requests(Signal.LOGS))
def test_attributes_of_log_records_can_be_rebuilt(request: Any) -> None:
    """A log record's columns and JSON give back all that its sender attached, with types."""
    sent = [(of_scope.scope, record) for _, of_scope, records in scopes(Signal.LOGS, request) for record in records]
    for row, (scope, record) in zip(_rows(Signal.LOGS, request, "logs"), sent, strict=True):
        assert _sent(record.attributes) == _rebuilt(row, row["attributes"], LOG)
        assert _sent(scope.attributes) == _rebuilt(row, row["scope_attributes"], ())


@pytest.mark.parametrize("promoted", [RESOURCE, SPAN, SPAN_EVENT, LOG])
def test_no_name_leads_to_two_columns(promoted: tuple[Promoted, ...]) -> None:
    """Each name of the conventions stands at one column only, or nobody could tell where a value came from."""
    names = [name for column in promoted for name in (column.new, column.old, *column.aliases) if name is not None]
    assert sorted(set(names)) == sorted(names)
