"""Decoded log records to read events from."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from otelpond.receivers.otlp_json import to_protobuf
from otelpond.storage.decode import reference
from otelpond.storage.decode.payloads import Payloads, Rules
from otelpond.storage.signals import Signal

Logs = Callable[..., pa.Table]
ACCEPTED_NS = 1_772_366_410_000_000_000  # 2026-03-01 12:00:10 UTC


@pytest.fixture(scope="session")
def logs() -> Logs:
    """Makes decoded log records of (event name, attributes); a third member is the record's body."""

    def make(*records: tuple[Any, ...], resource: Mapping[str, str] | None = None, scope: str = "app") -> pa.Table:
        attributes = _attributes({"service.name": "app", **(resource or {})})
        told = {"scope": {"name": scope}, "logRecords": [_record(index, *record) for index, record in enumerate(records)]}
        request = {"resourceLogs": [{"resource": {"attributes": attributes}, "scopeLogs": [told]}]}
        wire = np.frombuffer(to_protobuf(Signal.LOGS, json.dumps(request).encode()), np.uint8)
        payloads = Payloads(
            wire=wire,
            starts=np.array([0]),
            ends=np.array([len(wire)]),
            accepted_unix_nano=np.array([ACCEPTED_NS]),
            tenants=["default"],
            digests=[bytes(16)],
        )
        return reference.decode(Signal.LOGS, payloads, Rules(hash_address=lambda address, _: f"hash of {address}"))["logs"]

    return make


def _record(index: int, name: str | None, attributes: Mapping[str, Any], body: Any = None) -> dict[str, Any]:
    record = {"timeUnixNano": str(ACCEPTED_NS + index), "attributes": _attributes(attributes)}
    return record | ({"eventName": name} if name else {}) | ({} if body is None else {"body": _value(body)})


def _attributes(values: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [{"key": key, "value": _value(value)} for key, value in values.items()]


def _value(value: Any) -> dict[str, Any]:
    match value:
        case bool():
            return {"boolValue": value}
        case int():
            return {"intValue": str(value)}
        case float():
            return {"doubleValue": value}
        case Mapping():
            return {"kvlistValue": {"values": _attributes(value)}}
        case list():
            return {"arrayValue": {"values": [_value(each) for each in value]}}
    return {"stringValue": value}
