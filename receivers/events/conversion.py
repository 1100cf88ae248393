"""Plain JSON events to an OTLP logs request, pure: `handler` hands it the text of a body, and answers by what it says of each event."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NoReturn

import xxhash
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, ScopeLogs, SeverityNumber

from ...storage.signals import UndecodableError
from ..json_density import OF_EVENTS, refuse_dense
from ..refusals import Kind, RefusedError
from .catalogue import Catalogue
from .event import REFUSAL, UID, PlainEvent, context, name_and_type, understood
from .fields import FIELDS_OF_ATTRIBUTES, NAMING_FIELDS
from .values import FieldError, fill, fill_members, keep, kind, shown

MOST_EVENTS: Final = 10_000
"""In one body: each is answered."""
UNNAMED: Final = "unnamed"
"""What an event without a usable name is called where it is kept."""
SCOPE: Final = "otelpond.events.http"
_PIECE_EVENTS: Final = 256
_BATCH: Final = "events"
_TOO_DEEP: Final = "the body is nested too deep"
_MOST_DIGITS: Final = 1_000
_INFO: Final = (SeverityNumber.SEVERITY_NUMBER_INFO, "INFO")
_ERROR: Final = (SeverityNumber.SEVERITY_NUMBER_ERROR, "ERROR")


@dataclass(frozen=True, slots=True)
class Arrival:
    """What is not in the body.

    Attributes:
        tenant: whose events they are.
        unix_nano: when they came.
        salt: 16 random bytes, for the ids of events that say neither their own nor their time.
    """

    tenant: str
    unix_nano: int
    salt: bytes


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the sender hears of one event; `error` where it will be in no table but `rejected_records`."""

    event_id: str
    error: str | None = None
    warning: str | None = None


def events_in(text: bytes) -> list[Any]:
    """The events in a body: one object, an array of them, or {"events": [...]}.

    Raises:
        UndecodableError: the body is none of these. The text says where it breaks off.
        TooDenseError: it holds far more values than events of that size do.
        RefusedError: it holds more than 10,000 events.
    """
    refuse_dense(text, *OF_EVENTS)
    body = _parsed(text)
    events = _unwrapped(body) if isinstance(body, dict) else body
    if not isinstance(events, list):
        raise UndecodableError(f'the body is {kind(events)}, expected an event, an array of events or {{"events": [...]}}')
    if len(events) > MOST_EVENTS:
        raise RefusedError(Kind.TOO_LARGE, f"the body holds {len(events)} events; send at most {MOST_EVENTS} at a time")
    return events


def _parsed(text: bytes) -> Any:
    if not text.strip():
        raise UndecodableError("the body is empty, a JSON text expected")
    try:
        return _loaded(text.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise UndecodableError(f"the body is not valid UTF-8 at byte {error.start}") from None
    except json.JSONDecodeError as error:
        raise UndecodableError(f"the body is no JSON: {error}") from None
    except RecursionError:
        raise UndecodableError(_TOO_DEEP) from None


def _loaded(text: str) -> Any:
    try:
        return json.loads(text, parse_constant=_bare_constant)
    except (json.JSONDecodeError, UndecodableError):
        raise
    except ValueError:  # an integer of thousands of digits; to look at each takes time
        return json.loads(text, parse_constant=_bare_constant, parse_int=_integer)


def _integer(digits: str) -> float:
    """An integer; one of very many digits, which costs its own event, is infinite."""
    return int(digits) if len(digits) <= _MOST_DIGITS else math.inf


def _bare_constant(constant: str) -> NoReturn:
    raise UndecodableError(f"the body is no JSON: {constant} is no number")


def _unwrapped(body: dict[str, Any]) -> list[Any]:
    events = body.get(_BATCH)
    if not isinstance(events, list) or not body.keys().isdisjoint(NAMING_FIELDS):
        return [body]
    if others := body.keys() - {_BATCH}:
        raise UndecodableError(f'the body has {shown(min(others))} beside "events"; put it into each event')
    return events


def to_logs_request(events: Sequence[Any], body: bytes, catalogue: Catalogue, arrival: Arrival) -> tuple[bytes, list[Verdict]]:
    """The protobuf bytes of a logs request, one record an event, and what is said of each.

    A body of which every event says its time always gives the same bytes, so that a repeated request is stored once.

    Args:
        events: what `events_in` gave.
        body: the text they were in.
        catalogue: what they are judged by.
        arrival: of the request.

    Raises:
        UndecodableError: values are nested deeper than Python walks, some 980 levels.
    """
    digest = xxhash.xxh3_128_digest(body)
    payload, verdicts = bytearray(), list[Verdict]()
    try:
        for start in range(0, len(events), _PIECE_EVENTS):
            piece = _Piece(catalogue, arrival, digest)
            verdicts += [piece.convert(event, start + index) for index, event in enumerate(events[start : start + _PIECE_EVENTS])]
            payload += piece.request.SerializeToString(deterministic=True)
    except RecursionError:
        raise UndecodableError(_TOO_DEEP) from None
    return bytes(payload), verdicts


class _Piece:
    """Some events of a request: messages one behind the other are one message, and only these are in memory as one."""

    def __init__(self, catalogue: Catalogue, arrival: Arrival, digest: bytes) -> None:
        self._catalogue = catalogue
        self._arrival = arrival
        self._digest = digest
        self.request = ExportLogsServiceRequest()
        self._scopes: dict[tuple[tuple[str, str], ...], ScopeLogs] = {}

    def convert(self, event: Any, index: int) -> Verdict:
        """Put an event into the request, and judge it; `index` is its place among all."""
        try:
            plain = understood(event, self._catalogue)
            if UID not in plain.attributes:
                plain.attributes[UID] = self._id(index, timed=plain.unix_nano is not None)
            self._keep(plain)
        except FieldError as error:
            return self._refuse(event, index, str(error))
        return self._judged(plain)

    def _keep(self, event: PlainEvent) -> None:
        records = self._scope(event.resource).log_records
        try:
            self._write(records.add(), event)
        except FieldError:
            del records[-1]
            raise

    def _id(self, index: int, *, timed: bool) -> str:
        return _uuid((self._digest if timed else self._arrival.salt) + index.to_bytes(4))

    def _write(self, record: LogRecord, event: PlainEvent) -> None:
        record.event_name = event.name
        record.time_unix_nano = event.unix_nano or self._arrival.unix_nano
        record.severity_number, record.severity_text = _ERROR if event.name == "error" else _INFO
        record.trace_id, record.span_id = event.trace_id, event.span_id
        for name in event.properties.keys() & event.attributes.keys():
            del event.properties[name]
        fill_members(record.attributes, event.properties, "properties")
        for attribute, value in event.attributes.items():
            fill(record.attributes.add(key=attribute).value, value, FIELDS_OF_ATTRIBUTES.get(attribute, attribute))

    def _scope(self, resource: Mapping[str, str]) -> ScopeLogs:
        """The records of one resource."""
        key = tuple(sorted(resource.items()))
        if key not in self._scopes:
            of_resource = self.request.resource_logs.add()
            fill_members(of_resource.resource.attributes, resource, "resource")
            self._scopes[key] = of_resource.scope_logs.add()
            self._scopes[key].scope.name = SCOPE
        return self._scopes[key]

    def _judged(self, event: PlainEvent) -> Verdict:
        event_id = event.attributes[UID]
        if not self._catalogue.is_known(event.name):
            return Verdict(event_id, warning=f"event_name: {shown(event.name)} is not in the catalogue")
        known = context(event, self._catalogue.declared(event.name), self._arrival.tenant)
        refusal = self._catalogue.refusal(event.name, event.properties, known)
        return Verdict(event_id, warning=refusal) if self._catalogue.keeps_invalid else Verdict(event_id, error=refusal)

    def _refuse(self, event: Any, index: int, reason: str) -> Verdict:
        """Keep what cannot be represented as far as it can; the pipeline puts it to the rejected records, addresses hashed."""
        event_id = self._id(index, timed=False)
        record = self._scope({}).log_records.add(time_unix_nano=self._arrival.unix_nano, event_name=_name(event))
        if isinstance(event, dict | list):
            keep(record.body, event)
        else:
            record.body.string_value = json.dumps(event)
        fill_members(record.attributes, {UID: event_id, REFUSAL: reason}, "attributes")
        return Verdict(event_id, error=reason)


def _uuid(content: bytes) -> str:
    """A UUID made from content (RFC 9562, version 8)."""
    digits = xxhash.xxh3_128_hexdigest(content)
    return f"{digits[:8]}-{digits[8:12]}-8{digits[13:16]}-a{digits[17:20]}-{digits[20:]}"


def _name(event: Any) -> str:
    try:
        return name_and_type(event)[0]
    except FieldError:
        return UNNAMED
