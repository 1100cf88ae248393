"""Plain events, judged by the catalogue that the collector has."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from otelpond.config.catalogue import KnownEvents
from otelpond.receivers.events.conversion import Arrival, Verdict, events_in, to_logs_request
from otelpond.storage.decode import reference
from otelpond.storage.decode.payloads import Payloads, Rules
from otelpond.storage.derive import Deriver
from otelpond.storage.events.catalogue import load_catalogue
from otelpond.storage.schema import load_tables
from otelpond.storage.signals import Signal

TESTS = Path(__file__).parents[2]
PAYLOADS = TESTS / "receivers" / "events" / "payloads"
FORMS = TESTS / "storage" / "events" / "forms.json"
ACCEPTED_UNIX_NANO = 1_772_366_410_000_000_000


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


def _camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(word.capitalize() for word in others)


def _shapes(name: str, form: dict[str, Any], change: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """An event with its fields side by side, as a BaseEvent, and in camelCase."""
    context = {key: change.get(key, value) for key, value in form["context"].items()}
    properties = form["properties"] | {key: value for key, value in change.items() if key not in context}
    yield {"event_name": name, **context, **properties}
    yield {"event_name": name, **context, "properties": properties}
    yield {_camel(key): value for key, value in context.items()} | {
        "eventName": name,
        "properties": {_camel(key): value for key, value in properties.items()},
    }


def test_the_pipeline_does_what_the_answers_say(catalogue: KnownEvents) -> None:
    """Of every documented event, valid and in each wrong form, in every shape, and of what no record can hold."""
    forms = json.loads(FORMS.read_text(encoding="utf-8"))
    wanted = [
        (shape, wrong["refusal"])
        for name, form in forms.items()
        for wrong in ({"change": {}, "refusal": None}, *form["invalid"])
        for shape in _shapes(name, form, wrong["change"])
    ]
    wanted += [
        ({"event_name": "mine", "number": 2**64}, f"properties.number: {2**64} is no integer of 64 bits"),
        ({"event_name": "mine"}, None),
    ]
    body = json.dumps([event for event, _ in wanted]).encode()
    payload, verdicts = to_logs_request(events_in(body), body, catalogue, Arrival("default", ACCEPTED_UNIX_NANO, bytes(16)))
    assert [refusal for _, refusal in wanted] == [verdict.error for verdict in verdicts]
    stored, rejected = _tables(payload)
    assert {verdict.event_id for verdict in verdicts if verdict.error is None} == stored
    assert {verdict.event_id: verdict.error for verdict in verdicts if verdict.error is not None} == rejected


ALIASED = [
    ({"event_name": "browser.web_vital", "name": "LCP", "value": 2500.5}, None),
    ({"event_name": "browser.web_vital", "browser.web_vital.name": "CLS", "browser.web_vital.value": 0, "name": "LCP"}, None),
    ({"event_name": "browser.web_vital", "name": "speed", "value": 1}, "properties.browser.web_vital.name: "),
    (
        {"event_name": "browser.web_vital", "name": "lcp", "value": "1"},
        "properties.browser.web_vital.value: is a string, expected a number",
    ),
    ({"event_name": "browser.web_vital", "value": 1}, "properties.browser.web_vital.name: is missing"),
    ({"event_name": "app.widget.click", "app.widget.id": "save"}, None),
    ({"event_name": "app.widget.click", "properties": {"actionType": "tap"}}, None),
    ({"event_name": "app.widget.click", "action_type": 5}, "properties.action_type: is a number, expected a string"),
    ({"event_name": "browser.user_action.click", "browser.xpath": "//a", "action_target": "b"}, None),
    ({"event_name": "browser.navigation", "browser.document.title": "Home", "url": "https://a.example/"}, None),
    ({"event_name": "browser.page_view", "title": "Home", "scroll_depth": 101}, "properties.scroll_depth: 101 is more than 100"),
    ({"event_name": "browser.console", "anything": 1}, None),
    ({"event_name": "app.jank"}, None),
]
"""Events under other SDKs' names, and how each is refused."""


def test_other_sdks_names_are_judged_as_the_pipeline_judges_them(catalogue: KnownEvents) -> None:
    """Attributes, implied values and lower case are read before; none of the names is called unknown."""
    body = json.dumps([event for event, _ in ALIASED]).encode()
    payload, verdicts = to_logs_request(events_in(body), body, catalogue, Arrival("default", ACCEPTED_UNIX_NANO, bytes(16)))
    for (_, refusal), verdict in zip(ALIASED, verdicts, strict=True):
        assert (refusal is None, None) == (verdict.error is None, verdict.warning)
        assert (verdict.error or "").startswith(refusal or "")
    stored, rejected = _tables(payload)
    assert {verdict.event_id: verdict.error for verdict in verdicts if verdict.error is not None} == rejected
    accepted = {
        verdict.event_id for (event, _), verdict in zip(ALIASED, verdicts, strict=True) if not verdict.error and "name" not in event
    }
    assert accepted == stored


def test_an_address_is_hashed_in_what_is_refused(catalogue: KnownEvents) -> None:
    """Whatever was wrong with the event, and wherever in it the address stands."""
    address = "198.51.100.77"
    events = [
        {"event_name": "x", "ip_address": address, "priority": "bogus"},
        {"event_name": "x", "ipAddress": address, "priority": "bogus"},
        {"event_name": "x", "properties": {"client.address": [address]}, "number": 2**64},
        {"event_name": "x", "ip_address": f"{address}\ud800"},
        [{"ip": address}],
    ]
    body = json.dumps(events).encode()
    payload, verdicts = to_logs_request(events_in(body), body, catalogue, Arrival("default", ACCEPTED_UNIX_NANO, bytes(16)))
    tables = _derived(payload, lambda _, __: "hashed")
    assert len(events) == sum(verdict.error is not None for verdict in verdicts) == tables["rejected_records"].num_rows
    for table in ("rejected_records", "logs"):
        text = str(tables[table].to_pylist())
        assert (False, True) == (address in text, "hashed" in text), table


def _derived(payload: bytes, hash_address: Callable[[str, int], str]) -> dict[str, pa.Table]:
    wire = np.frombuffer(payload, np.uint8)
    payloads = Payloads(wire, np.array([0]), np.array([len(wire)]), np.array([ACCEPTED_UNIX_NANO]), ["default"], [bytes(16)])
    return Deriver(load_tables()).derive(reference.decode(Signal.LOGS, payloads, Rules(hash_address=hash_address)))


def _tables(payload: bytes) -> tuple[set[str], dict[str, str]]:
    """The ids of the events that a payload becomes, and the reasons of those that it does not."""
    tables = _derived(payload, lambda address, _: address)
    rejected = tables["rejected_records"].to_pylist()
    return set(tables["events"]["event_id"].to_pylist()), {json.loads(row["content"])["event_id"]: row["reason"] for row in rejected}
