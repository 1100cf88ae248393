"""Instrumented, not any more, and again: what one request leaves is printed as JSON."""

from __future__ import annotations

import json
import sys
from typing import Any

from opentelemetry import metrics, trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from otelpond.instrumentation import instrument, shutdown
from otelpond.instrumentation.process import lifecycle
from otelpond.instrumentation.traffic import traffic

reader = InMemoryMetricReader()
if "own" in sys.argv:
    trace.set_tracer_provider(TracerProvider())
    metrics.set_meter_provider(MeterProvider([reader]))


def request(name: str) -> None:
    """Answer one."""
    attributes = {"http.request.method": "GET", "http.response.status_code": 200}
    trace.get_tracer("again").start_span(name, kind=trace.SpanKind.SERVER, attributes=attributes).end()


def held() -> int:
    """How much waits in the outboxes of now."""
    providers: Any = lifecycle._state.providers
    return len(providers.delivery.spans)


if "vendor" in sys.argv:
    instrument()
    trace.set_tracer_provider(TracerProvider())
    metrics.set_meter_provider(MeterProvider([reader]))
    shutdown()
instrument()
first: Any = lifecycle._state.providers
request("first")
shutdown()
request("nowhere")
before = traffic.started
instrument()
request("second")
waiting = held()
first.flush()
metrics.get_meter_provider().get_meter("again").create_counter("again.requests").add(1)
shutdown()
sys.stdout.write(json.dumps([before, traffic.started - before, waiting, len(first.delivery.spans)]))
