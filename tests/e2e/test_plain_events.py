"""Plain JSON events and tracked metrics, from `curl` and a service to the tables and back through `get_events` and `get_metrics`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb
import httpx
import pytest
from otelpond.config.collector.beside_otlp import SCRIPT
from otelpond.storage.analytics import get_events, get_metrics

PAYLOADS = Path(__file__).parent.parent / "receivers" / "events" / "payloads"
NAMES = {
    "page_view": "user.page_view",
    "action": "user.action",
    "error": "error",
    "user_action": "user.action",
    "therapy_session": "therapy_session",
    "base_event": "workflow.execution_completed",
    "track_event": "chat.message_sent",
}
JSON = {"content-type": "application/json"}


@pytest.fixture(scope="module")
def pond(collector: Any) -> Path:
    """A pond that has the documents' payloads, sent with curl, one batch of good and bad events sent twice, and three tracked values."""
    for name in NAMES:
        url = f"http://{collector.http}/v1/events"
        command = ["curl", "-sS", "--fail-with-body", url, "-H", "Content-Type: application/json", "-d", f"@{PAYLOADS / name}.json"]
        subprocess.run(command, check=True, capture_output=True, timeout=30)
    for _ in range(2):
        assert 202 == collector.post("/v1/events", BATCH, JSON).status_code
    track(f"http://{collector.http}")
    collector.publish()
    return Path(collector.data)


BATCH = json.dumps(
    [
        {"event_name": "user.login", "user_id": "ada", "timestamp": "2026-01-01T00:00:00Z", "properties": {"login_method": "sso"}},
        {"event_name": "user.login", "user_id": "bob", "timestamp": "2026-01-01T00:00:00Z", "properties": {"login_method": "pin"}},
        {"event_name": "too.large", "number": 2**64},
        {"eventName": "my.own", "event_id": "mine", "timestamp": "2026-01-01T00:00:00Z"},
    ]
).encode()


def track(endpoint: str) -> None:
    """A service that tracks two response times and the number of its users."""
    code = """if True:
    from otelpond.instrumentation import instrument, shutdown, track_metric
    instrument()
    for value in (100, 200):
        track_metric("api_response_time", value, {"endpoint": "/api/therapy/session", "method": "POST"}, unit="ms")
    track_metric("active_users", 1250, {"type": "daily", "source": "web"})
    shutdown()
    """
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("OTEL", "ANALYTICS"))}
    command = [sys.executable, "-c", code]
    subprocess.run(command, check=True, timeout=60, env=environment | {"OTELPOND_ENDPOINT": endpoint})


def test_the_documents_payloads_are_rows(pond: Path) -> None:
    """Each one, under the catalogue's name, with its type of the catalogue where it is known."""
    events = get_events(pond)
    named = {event["event_name"]: event for event in events}
    assert set(NAMES.values()) <= named.keys()
    view = named["user.page_view"]
    assert ("uuid", "Auditor", "dashboard", "/home", True) == tuple(
        view[column] for column in ("user_id", "user_role", "page_slug", "referrer", "is_known")
    )
    execution = named["workflow.execution_completed"]
    assert ("3f0f2f6e-8a55-4c7e-9a1e-0d0f6a3a1c11", "production", "org-7", "workflow-1", 0.07) == (
        *(execution[column] for column in ("event_id", "environment", "organization_id", "workflow_id")),
        execution["properties"]["cost_incurred"],
    )
    actions = get_events(pond, type="USER_ACTION")
    assert {"click"} == {action["properties"].get("action_type") for action in actions if action["event_name"] == "user.action"}


def test_an_error_is_an_error_too(pond: Path) -> None:
    """The documents' error is a row of `error_logs` beside its event."""
    with duckdb.connect(str(pond / "pond.duckdb"), read_only=True) as con:
        rows = con.execute("select error_type, error_message, page_slug, url, user_id, session_id from error_logs").fetchall()
    error = json.loads((PAYLOADS / "error.json").read_text(encoding="utf-8"))
    assert [tuple(error[field] for field in ("error_type", "error_message", "page_slug", "url", "user_id", "session_id"))] == rows


def test_a_repeated_request_is_stored_once(pond: Path) -> None:
    """By the ids of its events, though one of them says no time, so that the payloads differ."""
    events = get_events(pond)
    assert [1, 1] == [sum(event["event_name"] == name for event in events) for name in ("user.login", "my.own")]
    assert ["mine"] == [event["event_id"] for event in events if event["event_name"] == "my.own"]


def test_what_is_refused_is_kept_by_the_words_of_the_answer(collector: Any, pond: Path) -> None:
    """The pipeline says of each event what the endpoint said; also of one that no record can hold, whose JSON is kept."""
    answer = collector.post("/v1/events", BATCH, JSON).json()
    refused = [event["error"] for event in answer["events"] if event["status"] == "rejected"]
    assert [
        'properties.login_method: "pin" is not one of "password", "sso", "mfa"',
        f"properties.number: {2**64} is no integer of 64 bits",
    ] == (refused)
    with duckdb.connect(str(pond / "pond.duckdb"), read_only=True) as con:
        kept = dict(con.execute("select distinct reason, content from rejected_records where table_name = 'events'").fetchall())
    assert set(refused) == kept.keys()
    assert str(2**64) in kept[refused[1]]


def test_tracked_values_are_metrics(pond: Path) -> None:
    """Every one, by its tags; aggregated on request."""
    tags = {"endpoint": "/api/therapy/session"}
    values = get_metrics(pond, name="api_response_time", tags=tags)
    assert [200, 100] == [value["value"] for value in values]
    assert ({**tags, "method": "POST"}, "ms") == (values[0]["tags"], values[0]["unit"])
    (mean,) = get_metrics(pond, name="api_response_time", tags=tags, agg="avg", bucket=timedelta(days=3650))
    assert 150 == mean["value"]
    assert [1250] == [value["value"] for value in get_metrics(pond, name="active_users", tags={"type": "daily", "source": "web"})]


def test_the_browsers_script_is_served(collector: Any) -> None:
    """As it was built, compressed."""
    response = httpx.get(f"http://{collector.http}/otelpond.js", headers={"accept-encoding": "gzip"})
    assert (SCRIPT.read_bytes(), "gzip") == (response.content, response.headers["content-encoding"])
