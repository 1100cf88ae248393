"""Plain events, judged by the catalogue that the collector has."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from otelpond.config.catalogue import KnownEvents
from otelpond.receivers.events_json import Arrival, Verdict, events_in, to_logs_request
from otelpond.storage.events.catalogue import load_catalogue

PAYLOADS = Path(__file__).parents[2] / "receivers" / "events" / "payloads"


def _verdict(body: bytes, catalogue: KnownEvents) -> Verdict:
    _, (verdict,) = to_logs_request(events_in(body), body, catalogue, Arrival("default", 1_764_000_000_000_000_000, bytes(16)))
    return verdict


@pytest.fixture(scope="module")
def catalogue() -> KnownEvents:
    """The one that comes with us."""
    return KnownEvents(load_catalogue())


@pytest.mark.parametrize("name", [path.stem for path in sorted(PAYLOADS.glob("*.json"))])
def test_the_documents_payloads_are_valid(catalogue: KnownEvents, name: str) -> None:
    """All of them; one is of an event that is only a team's own."""
    verdict = _verdict((PAYLOADS / f"{name}.json").read_bytes(), catalogue)
    assert (None, name == "track_event") == (verdict.error, verdict.warning is not None)


@pytest.mark.parametrize(
    ("event", "error"),
    [
        ({"event_name": "user.login", "user_id": "u", "login_method": "sso"}, None),
        ({"eventName": "user.login", "userId": "u", "properties": {"loginMethod": "sso"}}, None),
        ({"event_name": "user.login", "user_id": "", "login_method": "sso"}, "user_id: is missing"),
        (
            {"event_name": "user.login", "user_id": "u", "login_method": "pin"},
            'properties.login_method: "pin" is not one of "password", "sso", "mfa"',
        ),
        ({"event_name": "user.login", "user_id": "u"}, "properties.login_method: is missing"),
        (
            {"event_name": "security.suspicious_activity", "activity_type": "brute_force", "severity_level": "high", "risk_score": 130},
            "properties.risk_score: 130 is more than 100",
        ),
        ({"event_name": "workflow.deleted", "organization_id": ""}, "workflow_id: is missing"),
    ],
)
def test_events_are_judged_in_the_catalogues_words(catalogue: KnownEvents, event: dict[str, object], error: str | None) -> None:
    """Wherever a field stands, and however it is spelled."""
    assert error == _verdict(json.dumps(event).encode(), catalogue).error
