"""A service with a tracer provider of its own, instrumented beside it: what it exported it still exports."""

from __future__ import annotations

import sys

from opentelemetry import trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from otelpond.instrumentation import instrument

exporter = InMemorySpanExporter()
provider = TracerProvider(resource=Resource.create({"service.name": "own"}))
provider.add_span_processor(SimpleSpanProcessor(exporter))
trace.set_tracer_provider(provider)
instrument()
trace.get_tracer("own").start_span("both").end()
sys.stdout.write(",".join(span.name for span in exporter.get_finished_spans()))
