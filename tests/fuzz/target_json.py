"""Any text to the OTLP/JSON reader, taken for each signal."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Iterator
from typing import Any, Final

import orjson
from google.protobuf import json_format
from otelpond.receivers.otlp_json import to_protobuf
from otelpond.storage.decode.messages import SHAPES
from otelpond.storage.signals import Signal, UndecodableError

_IDS: Final = ("traceId", "spanId", "parentSpanId")


def check(data: bytes) -> None:
    """A request that the runtime reads and that its own JSON gives again, or one error with words."""
    for signal in Signal:
        try:
            payload = to_protobuf(signal, data)
        except UndecodableError as error:
            assert str(error), "an error without words"
            continue
        request = SHAPES[signal].request.FromString(payload)
        document = json_format.MessageToDict(request)
        for message in _objects(document):
            for name in _IDS:
                if isinstance(message.get(name), str):
                    message[name] = b64decode(message[name]).hex()
        assert payload == to_protobuf(signal, orjson.dumps(document)), "its own JSON reads otherwise"


def _objects(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
        value = list(value.values())
    if isinstance(value, list):
        for member in value:
            yield from _objects(member)
