"""A service without telemetry of its own: instrumented in code, twice, and it says how long a request and its end took."""

from __future__ import annotations

import sys
import time

from opentelemetry import trace
from otelpond.instrumentation import instrument, set_user, shutdown, track

instrument()
instrument()
started = time.monotonic()
for number in range(2000):
    with trace.get_tracer("plain").start_as_current_span("request", kind=trace.SpanKind.SERVER):
        set_user("ada")
        track("asked", {"number": number})
slowest = time.monotonic() - started
ended = time.monotonic()
if "stop" in sys.argv:
    shutdown()
    shutdown()
sys.stdout.write(f"{slowest:.3f} {time.monotonic() - ended:.3f}\n")
