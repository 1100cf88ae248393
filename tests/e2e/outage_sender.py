"""Sends spans, log records and metric points through OpenTelemetry's own Python SDK until its input ends, then says what was delivered.

usage: python outage_sender.py PROTOCOL ADDRESS SERVICE    PROTOCOL: grpc or http/protobuf; ADDRESS: HOST:PORT of that protocol

Prints one JSON object: for each signal the items whose export was reported as a success, and those whose export failed.
"""

from __future__ import annotations

import json
import logging
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

from opentelemetry._logs import LogRecord
from opentelemetry.exporter.otlp.proto.grpc._log_exporter import OTLPLogExporter as GrpcLogs
from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter as GrpcMetrics
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as GrpcSpans
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter as HttpLogs
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter as HttpMetrics
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as HttpSpans
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

ATTRIBUTES = {"ratio": 0.5, "text": "grün ☃", "texts": ["a", "b"], "yes": True}
QUEUE = {"max_queue_size": 100_000, "schedule_delay_millis": 200, "max_export_batch_size": 100}
GRPC = {"traces": GrpcSpans, "metrics": GrpcMetrics, "logs": GrpcLogs}
HTTP = {"traces": HttpSpans, "metrics": HttpMetrics, "logs": HttpLogs}

Names = Callable[[Any], list[str]]
protocol, address, service = sys.argv[1:]
report: dict[str, dict[str, list[str]]] = {}


def noted(signal: str, names: Names) -> Any:
    """The signal's exporter, which notes the names of the items of each export beside its outcome."""
    outcomes = report[signal] = {"delivered": [], "failed": []}
    kind: Any = GRPC[signal] if protocol == "grpc" else HTTP[signal]

    class Noted(kind):  # type: ignore[misc]
        def export(self, data: Any, *arguments: Any, **options: Any) -> Any:
            outcome = super().export(data, *arguments, **options)
            outcomes["delivered" if outcome.name == "SUCCESS" else "failed"] += names(data)
            return outcome

    if protocol == "grpc":
        return Noted(endpoint=f"http://{address}", insecure=True)
    return Noted(endpoint=f"http://{address}/v1/{signal}")


def points(data: Any) -> list[str]:
    """Each metric point as SHOP@TIME."""
    metrics = [metric for of in data.resource_metrics for scope in of.scope_metrics for metric in scope.metrics]
    return [f"{point.attributes['shop']}@{point.time_unix_nano}" for metric in metrics for point in metric.data.data_points]


def main() -> None:
    """Send 20 spans, 20 log records and a measurement of 4 shops every 50 ms."""
    logging.disable()
    resource = Resource({"service.name": service})
    traces = TracerProvider(resource=resource)
    spans = noted("traces", lambda batch: [f"{span.context.span_id:016x}" for span in batch])
    traces.add_span_processor(BatchSpanProcessor(spans, **QUEUE))
    logs = LoggerProvider(resource)
    records = noted("logs", lambda batch: [str(record.log_record.attributes["number"]) for record in batch])
    logs.add_log_record_processor(BatchLogRecordProcessor(records, **QUEUE))
    metrics = MeterProvider([PeriodicExportingMetricReader(noted("metrics", points), export_interval_millis=200)], resource)
    tracer, logger, counter = traces.get_tracer("outage"), logs.get_logger("outage"), metrics.get_meter("outage").create_counter("orders")
    ended = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), ended.set()), daemon=True).start()
    number = 0
    while not ended.wait(0.05):
        for shop in range(4):
            counter.add(1, {"shop": f"s{shop}"})
        for _ in range(20):
            number += 1
            tracer.start_span("work", attributes={**ATTRIBUTES, "number": number}).end()
            now = time.time_ns()
            logger.emit(LogRecord(timestamp=now, observed_timestamp=now, body="line", attributes={**ATTRIBUTES, "number": number}))
    for provider in (traces, logs, metrics):
        provider.shutdown()
    sys.stdout.write(json.dumps(report))


main()
