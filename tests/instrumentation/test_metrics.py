"""`track_metric`: every value becomes a point of its own, and a wrong one is said and not raised."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import pytest
from opentelemetry import metrics as metrics_api
from opentelemetry.exporter.otlp.proto.common.metrics_encoder import encode_metrics
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.resources import Resource
from otelpond.instrumentation import guard, metrics, track_metric
from otelpond.instrumentation.sending.delivery import Delivery
from otelpond.instrumentation.settings import Settings

NOBODY = Settings(traces_exporter=("none",), metrics_exporter=("none",), logs_exporter=("none",))


class _Instrumented:
    """What the part is handed, as far as it reads it."""

    def __init__(self) -> None:
        self.delivery = Delivery(NOBODY, lambda: None)
        self.resource = Resource({"service.name": "shop"})
        self.sent: list[Any] = []
        self.delivery.metrics.export = lambda data: bool(self.sent.append(encode_metrics(data))) or True  # type: ignore[method-assign]


@pytest.fixture
def instrumented() -> Iterator[_Instrumented]:
    """The part, started; its thread is not."""
    metrics._settings.cache_clear()
    process = _Instrumented()
    metrics.start(NOBODY, process)  # type: ignore[arg-type]
    yield process
    metrics.stop()
    process.delivery.close(0)


def _points(request: Any) -> list[tuple[str, str, float, dict[str, str]]]:
    return [
        (
            metric.name,
            metric.unit,
            point.as_int if point.WhichOneof("value") == "as_int" else point.as_double,
            {pair.key: pair.value.string_value for pair in point.attributes},
        )
        for resource in request.resource_metrics
        for scope in resource.scope_metrics
        for metric in scope.metrics
        for point in metric.gauge.data_points
    ]


def test_half_a_surrogate_pair_does_not_cost_the_batch(instrumented: _Instrumented) -> None:
    """Neither in the name nor in the unit, nor in tags."""
    track_metric("loads\ud800", 1, {"pa\ud800ge": "a\udc00"}, unit="m\udfffs")
    track_metric("saves", 2)
    instrumented.delivery._send_tracked()
    assert [("loads?", "m?s", 1.0, {"pa?ge": "a?"}), ("saves", "", 2.0, {})] == _points(instrumented.sent[0])


def test_every_value_is_sent_with_its_time(instrumented: _Instrumented) -> None:
    """Also two of one metric with the same tags, which a gauge of the SDK would make one."""
    for value in (150, 180.5):
        track_metric("api_response_time", value, {"endpoint": "/api/therapy/session", "status": "200"}, unit="ms")
    track_metric("active_users", 1250)
    instrumented.delivery._send_tracked()
    (request,) = instrumented.sent
    tags = {"endpoint": "/api/therapy/session", "status": "200"}
    assert [("api_response_time", "ms", 150, tags), ("api_response_time", "ms", 180.5, tags), ("active_users", "", 1250, {})] == _points(
        request
    )
    times = [point.time_unix_nano for point in request.resource_metrics[0].scope_metrics[0].metrics[0].gauge.data_points]
    assert 0 < times[0] < times[1]
    assert "shop" == request.resource_metrics[0].resource.attributes[0].value.string_value


def test_a_batch_that_fails_is_sent_again_the_same(instrumented: _Instrumented) -> None:
    """Byte for byte, so that a collector that has it already knows it."""
    track_metric("queue_length", 3, {"queue": "events"})
    answers = iter((False, True))
    sent: list[bytes] = []

    def export(data: Any) -> bool:
        sent.append(encode_metrics(data).SerializeToString())
        return next(answers)

    instrumented.delivery.metrics.export = export  # type: ignore[method-assign]
    instrumented.delivery._send_tracked()
    instrumented.delivery._send_tracked()
    assert 2 == len(sent)
    assert sent[0] == sent[1]


@pytest.mark.parametrize("value", [True, "150", None, math.nan, math.inf, 2**70])
def test_a_value_that_is_no_number_is_said_and_not_sent(
    instrumented: _Instrumented, value: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing is raised."""
    monkeypatch.setattr(guard, "_said", set())
    track_metric("api_response_time", value)
    assert 0 == len(instrumented.delivery.tracked)
    assert "the value of api_response_time is no finite number" in capsys.readouterr().err


def test_tags_are_plain_and_without_secrets(instrumented: _Instrumented) -> None:
    """Objects are their text; what is absent is left out."""
    track_metric("logins", 1, {"password": "hunter2", "kind": 7, "none": None, 3: "three"})  # type: ignore[dict-item]
    ((_, _, _, tags),) = [(each.name, each.unit, each.value, dict(each.tags)) for each in instrumented.delivery.tracked._take()]
    assert {"password": "[removed]", "kind": 7, "3": "three"} == tags


def test_analytics_that_are_off_send_no_metric(instrumented: _Instrumented, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the documents' own variable."""
    monkeypatch.setenv("ANALYTICS_ENABLED", "false")
    track_metric("active_users", 1)
    metrics._settings.cache_clear()
    assert 0 == len(instrumented.delivery.tracked)


def test_another_meter_provider_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nothing of ours runs in the process."""
    reader = InMemoryMetricReader()
    provider = MeterProvider([reader], shutdown_on_exit=False)
    monkeypatch.setattr(metrics_api, "get_meter", provider.get_meter)
    metrics._settings.cache_clear()
    track_metric("active_users", 5, {"type": "daily"})
    track_metric("active_users", 6, {"type": "daily"})
    data = reader.get_metrics_data()
    assert data is not None
    (point,) = data.resource_metrics[0].scope_metrics[0].metrics[0].data.data_points
    assert 6 == point.value
