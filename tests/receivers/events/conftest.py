"""A catalogue of two events, and the log records that plain events become."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue
from otelpond.receivers.events.conversion import Arrival, Verdict, events_in, to_logs_request

PAYLOADS = Path(__file__).parent / "payloads"
ARRIVED_UNIX_NANO = 1_764_000_000_000_000_000


@dataclass(frozen=True)
class DeclaredEvent:
    """An event of a catalogue."""

    properties: Mapping[str, object] = field(default_factory=dict)
    timestamp_property: str | None = None
    user_property: str | None = None


@dataclass(frozen=True)
class SmallCatalogue:
    """Knows `user.login`, whose login_method must be password or sso and which needs a user, and some others, which may hold anything."""

    keeps_invalid: bool = False
    events: Mapping[str, DeclaredEvent] = field(
        default_factory=lambda: {
            "user.login": DeclaredEvent({"login_method": 1, "login_timestamp": 1, "user_agent": 1}, "login_timestamp"),
            "workflow.created": DeclaredEvent({"created_by": 1}, user_property="created_by"),
            "user.page_view": DeclaredEvent(),
            "user.action": DeclaredEvent(),
            "error": DeclaredEvent(),
        }
    )

    def is_known(self, event_name: str) -> bool:
        """Whether an event is called so."""
        return event_name in self.events

    def declared(self, event_name: str) -> DeclaredEvent | None:
        """The event of that name."""
        return self.events.get(event_name)

    def refusal(self, event_name: str, properties: Mapping[str, Any], context: Mapping[str, str | None]) -> str | None:
        """As the catalogue's engine says it."""
        if context["user_id"] is None and event_name in {"user.login", "workflow.created"}:
            return "user_id: is missing"
        method = properties.get("login_method", "sso")
        return None if method in {"password", "sso"} else f'properties.login_method: "{method}" is not one of "password", "sso"'


@dataclass(frozen=True)
class Record:
    """A log record as plain values."""

    name: str
    unix_nano: int
    attributes: dict[str, Any]
    resource: dict[str, Any]
    body: Any
    severity_text: str
    trace_id: str
    span_id: str


def plain(value: AnyValue) -> Any:
    """An attribute's value as JSON has it."""
    kind = value.WhichOneof("value")
    match kind:
        case None:
            return None
        case "kvlist_value":
            return {pair.key: plain(pair.value) for pair in value.kvlist_value.values}
        case "array_value":
            return [plain(element) for element in value.array_value.values]
        case _:
            return getattr(value, kind)


def records_of(payload: bytes) -> list[Record]:
    """The log records of a request."""
    return [
        Record(
            each.event_name,
            each.time_unix_nano,
            {pair.key: plain(pair.value) for pair in each.attributes},
            {pair.key: plain(pair.value) for pair in of_resource.resource.attributes},
            plain(each.body),
            each.severity_text,
            each.trace_id.hex(),
            each.span_id.hex(),
        )
        for of_resource in ExportLogsServiceRequest.FromString(payload).resource_logs
        for of_scope in of_resource.scope_logs
        for each in of_scope.log_records
    ]


@pytest.fixture
def catalogue() -> SmallCatalogue:
    """Rejects what it refuses."""
    return SmallCatalogue()


@pytest.fixture
def lenient_catalogue() -> SmallCatalogue:
    """Keeps what it refuses."""
    return SmallCatalogue(keeps_invalid=True)


@pytest.fixture(name="records_of")
def records_of_fixture() -> Callable[[bytes], list[Record]]:
    """`records_of`, for tests, which cannot import from here."""
    return records_of


@pytest.fixture
def converted(catalogue: SmallCatalogue) -> Callable[..., tuple[list[Record], list[Verdict]]]:
    """Converts a body: its records and what is said of its events."""

    def convert(body: object, catalogue: SmallCatalogue = catalogue, salt: bytes = bytes(16)) -> tuple[list[Record], list[Verdict]]:
        text = body if isinstance(body, bytes) else json.dumps(body).encode()
        payload, verdicts = to_logs_request(events_in(text), text, catalogue, Arrival("default", ARRIVED_UNIX_NANO, salt))
        return records_of(payload), verdicts

    return convert


@pytest.fixture
def sample() -> Callable[[str], bytes]:
    """A payload of the documents by its name."""
    return lambda name: (PAYLOADS / f"{name}.json").read_bytes()
