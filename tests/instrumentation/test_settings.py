"""Settings come from the environment, OpenTelemetry's variables first; a wrong value is one line and the default."""

from __future__ import annotations

import pytest
from opentelemetry.sdk.environment_variables import OTEL_SDK_DISABLED
from otelpond.instrumentation import guard
from otelpond.instrumentation.settings import Settings, read


@pytest.fixture(autouse=True)
def _unsaid(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "_said", set())


@pytest.mark.parametrize(
    ("variables", "field", "expected"),
    [
        ({}, "metric_interval_ms", 10000),
        ({"OTELPOND_METRIC_INTERVAL_MS": "500"}, "metric_interval_ms", 500),
        ({"OTELPOND_METRIC_INTERVAL_MS": "500", "OTEL_METRIC_EXPORT_INTERVAL": "700"}, "metric_interval_ms", 700),
        ({"OTEL_SERVICE_NAME": " ", "OTELPOND_SERVICE": "shop"}, "service", "shop"),
        ({"OTELPOND_ENDPOINT": "http://a", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://b"}, "endpoint", "http://b"),
        ({"OTEL_TRACES_EXPORTER": "otlp, console"}, "traces_exporter", ("otlp", "console")),
        ({OTEL_SDK_DISABLED: "TRUE"}, "disabled", True),
    ],
)
def test_the_first_variable_that_is_set_counts(variables: dict[str, str], field: str, expected: object) -> None:
    """OpenTelemetry's own, then ours; an empty one is not set."""
    assert expected == getattr(read(Settings, variables), field)


@pytest.mark.parametrize(
    ("variable", "text", "field", "expected"),
    [
        ("ANALYTICS_ENABLED", "false", "analytics", False),
        ("ANALYTICS_SAMPLE_RATE", "0.1", "event_sample_rate", 0.1),
        ("ANALYTICS_BATCH_SIZE", "10", "log_threshold", 10),
        ("ANALYTICS_BATCH_INTERVAL_MS", "5000", "log_delay_ms", 5000),
        ("APM_ENABLED", "0", "apm", False),
        ("APM_SLOW_API_THRESHOLD_MS", "250", "slow_api_threshold_ms", 250.0),
        ("APM_SLOW_QUERY_THRESHOLD_MS", "2000", "slow_query_threshold_ms", 2000.0),
        ("CRASHLYTICS_ENABLED", "no", "crashes", False),
        ("CRASHLYTICS_ENVIRONMENT", "staging", "environment", "staging"),
        ("CRASHLYTICS_RELEASE_VERSION", "2.4.1", "service_version", "2.4.1"),
    ],
)
def test_the_documents_variables_are_read(variable: str, text: str, field: str, expected: object) -> None:
    """Each of them, under the names that the documents give."""
    assert expected == getattr(read(Settings, {variable: text}), field)


@pytest.mark.parametrize(
    ("variable", "text", "said"),
    [
        ("ANALYTICS_SAMPLE_RATE", "2", "is not a number from 0 to 1: 1.0 is used"),
        ("ANALYTICS_ENABLED", "maybe", "is not true or false: True is used"),
        ("OTEL_BSP_MAX_QUEUE_SIZE", "many", "is not a whole number from 1 on: 8192 is used"),
        ("OTELPOND_EXIT_TIMEOUT_S", "nan", "is not a number from 0 to 300: 3.0 is used"),
        ("OTELPOND_IDENTITY_BAGGAGE", "some", "is not one of both, send, accept, off: 'off' is used"),
    ],
)
def test_a_wrong_value_is_one_line_and_the_default(variable: str, text: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The line names the variable, the value and what was expected; it is not said again."""
    assert Settings() == read(Settings, {variable: text}) == read(Settings, {variable: text})
    assert f"otelpond: {variable}={text!r} {said}\n" == capsys.readouterr().err
