"""A service that sets up a pipeline of its own in its code, as a vendor's guide says; it prints what that one was given."""

from __future__ import annotations

import json
import logging
import sys

from opentelemetry import _logs, metrics, trace
from opentelemetry.instrumentation.logging.handler import LoggingHandler
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator

resource = Resource.create({"service.name": "vendor"})
generator = RandomIdGenerator()
spans, logs, reader = InMemorySpanExporter(), InMemoryLogRecordExporter(), InMemoryMetricReader()
early = trace.get_tracer("early")

tracing = TracerProvider(resource=resource, id_generator=generator)
trace.set_tracer_provider(trace.get_tracer_provider())
trace.set_tracer_provider(tracing)
tracing.add_span_processor(BatchSpanProcessor(spans))
logging_provider = LoggerProvider(resource=resource)
logging_provider.add_log_record_processor(SimpleLogRecordProcessor(logs))
_logs.set_logger_provider(logging_provider)
logging.getLogger().addHandler(LoggingHandler(logger_provider=logging_provider))
metering = MeterProvider([reader], resource=resource)
metrics.set_meter_provider(metering)

early.start_span("early").end()
with trace.get_tracer("shop").start_as_current_span("global"):
    tracing.get_tracer("shop").start_span("own").end()
logging.getLogger("shop").warning("logged")
_logs.get_logger("shop").emit(body="emitted")
metrics.get_meter("shop").create_counter("shop.global").add(1)
metering.get_meter("shop").create_counter("shop.own").add(2)
metrics.get_meter("shop").create_observable_gauge("shop.global.seen", [lambda _options: [metrics.Observation(3)]])
metering.get_meter("shop").create_observable_gauge("shop.own.seen", [lambda _options: [metrics.Observation(4)]])

flushed = tracing.force_flush()
data = reader.get_metrics_data()
points = {
    metric.name: [getattr(point, "value", None) for point in metric.data.data_points]
    for group in (data.resource_metrics if data else ())
    for scope in group.scope_metrics
    for metric in scope.metrics
}
told = {
    "flushed": flushed,
    "spans": sorted(span.name for span in spans.get_finished_spans()),
    "logs": sorted(str(each.log_record.body) for each in logs.get_finished_logs()),
    "metrics": {name: values for name, values in sorted(points.items()) if name.startswith("shop.")},
    "generator": trace.get_tracer_provider().id_generator is generator,  # type: ignore[attr-defined] # the SDK's
}
sys.stdout.write(json.dumps(told))
for provider in (tracing, logging_provider, metering):
    provider.shutdown()
