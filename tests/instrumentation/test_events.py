"""`track` and `identify` become OTLP log records with an event name, and never raise."""

from __future__ import annotations

from typing import Any

import pytest
from opentelemetry import _logs as logs_api
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor
from otelpond.instrumentation import identify, track
from otelpond.instrumentation.events import _is_sampled, _settings


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> InMemoryLogRecordExporter:
    """Where events of this test go."""
    provider, exporter = LoggerProvider(shutdown_on_exit=False), InMemoryLogRecordExporter()
    provider.add_log_record_processor(SimpleLogRecordProcessor(exporter))
    monkeypatch.setattr(logs_api, "get_logger", provider.get_logger)
    _settings.cache_clear()
    return exporter


def _records(sent: InMemoryLogRecordExporter) -> list[tuple[str | None, dict[str, Any]]]:
    return [(each.log_record.event_name, dict(each.log_record.attributes or {})) for each in sent.get_finished_logs()]


def test_an_event_carries_what_was_said(sent: InMemoryLogRecordExporter) -> None:
    """Properties under their own names, context and user as the conventions have them, an id that comes back."""
    uid = track("order.placed", {"value": 59.9, "lines": [{"sku": "x"}]}, user_id=7, context_id="c", user_properties={"plan": "pro"})
    ((name, attributes),) = _records(sent)
    assert "order.placed" == name
    assert {
        "value": 59.9,
        "lines": ({"sku": "x"},),
        "user.id": "7",
        "context.id": "c",
        "user.properties": {"plan": "pro"},
        "log.record.uid": uid,
    } == attributes | {"lines": tuple(attributes["lines"])}


def test_identify_says_what_is_known_of_a_user(sent: InMemoryLogRecordExporter) -> None:
    """Nothing to say is not sent."""
    assert identify("ada") is None
    uid = identify("ada", {"plan": "pro"}, set_once={"first_seen": "2026"}, unset=["trial"])
    ((name, attributes),) = _records(sent)
    assert ("user.identify", uid, "ada") == (name, attributes["log.record.uid"], attributes["user.id"])
    assert ({"plan": "pro"}, {"first_seen": "2026"}) == (attributes["user.properties"], attributes["user.properties.set_once"])
    assert ["trial"] == list(attributes["user.properties.unset"])


def test_what_otlp_cannot_carry_is_its_text(sent: InMemoryLogRecordExporter) -> None:
    """Large integers, objects, cycles: nothing raises."""
    cycle: dict[str, object] = {}
    cycle["self"] = cycle
    assert track("odd", {"big": 2**70, "kind": int, "cycle": cycle, "none": None})
    ((_, attributes),) = _records(sent)
    assert (str(2**70), "<class 'int'>") == (attributes["big"], attributes["kind"])


def test_a_wrong_call_is_said_and_not_raised(sent: InMemoryLogRecordExporter, capsys: pytest.CaptureFixture[str]) -> None:
    """None comes back."""
    assert track("") is None
    assert track("x", 5) is None  # type: ignore[arg-type]
    assert [] == _records(sent)
    assert "otelpond: track() did nothing: " in capsys.readouterr().err


def test_events_can_be_turned_off_and_sampled(sent: InMemoryLogRecordExporter, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the documents' own variables; security events are never left out."""
    monkeypatch.setenv("ANALYTICS_SAMPLE_RATE", "0")
    assert track("page_view") is None
    assert track("security.login_attempt")
    monkeypatch.setenv("ANALYTICS_ENABLED", "false")
    _settings.cache_clear()
    assert track("security.login_attempt") is None
    assert ["security.login_attempt"] == [name for name, _ in _records(sent)]


def test_a_session_is_sent_whole_or_not_at_all() -> None:
    """The same everywhere, and about as many as asked for."""
    taken = [session for session in range(2000) if _is_sampled(session, 0.25)]
    assert taken == [session for session in range(2000) if _is_sampled(str(session), 0.25)]
    assert 400 < len(taken) < 600
