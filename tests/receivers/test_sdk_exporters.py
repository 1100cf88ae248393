"""The Python SDK's own exporters talk to the receivers, and heed what a refusal tells them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import grpc
import pytest
from opentelemetry._logs import LogRecord
from opentelemetry.exporter.otlp.proto.grpc._log_exporter import OTLPLogExporter as GrpcLogs
from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter as GrpcMetrics
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as GrpcSpans
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter as HttpLogs
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter as HttpMetrics
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as HttpSpans
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import SimpleLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from otelpond.storage.signals import Signal, UnavailableError

Exporters = Sequence[Any]
"""Of spans, metrics and logs."""


@pytest.fixture(params=["grpc", "grpc gzip", "http/protobuf", "http/protobuf gzip", "http/protobuf deflate"])
def exporters(request: pytest.FixtureRequest, grpc_port: int, http_port: int) -> Exporters:
    """The SDK's exporters of one protocol and compression."""
    protocol, _, compression = request.param.partition(" ")
    if protocol == "grpc":
        coding = grpc.Compression.Gzip if compression else grpc.Compression.NoCompression
        endpoint = f"http://127.0.0.1:{grpc_port}"
        return [make(endpoint=endpoint, insecure=True, compression=coding) for make in (GrpcSpans, GrpcMetrics, GrpcLogs)]
    paths = ((HttpSpans, "traces"), (HttpMetrics, "metrics"), (HttpLogs, "logs"))
    coding = Compression(compression or "none")
    return [make(endpoint=f"http://127.0.0.1:{http_port}/v1/{path}", compression=coding) for make, path in paths]


def send_one_of_each(exporters: Exporters) -> None:
    """A span, a counter's point and a log record, through the SDK."""
    spans, metrics, logs = exporters
    tracers = TracerProvider(shutdown_on_exit=False)
    tracers.add_span_processor(SimpleSpanProcessor(spans))
    tracers.get_tracer("shop").start_span("checkout", attributes={"order": 7}).end()
    meters = MeterProvider([PeriodicExportingMetricReader(metrics, export_interval_millis=3_600_000)], shutdown_on_exit=False)
    meters.get_meter("shop").create_counter("orders").add(3)
    loggers = LoggerProvider(shutdown_on_exit=False)
    loggers.add_log_record_processor(SimpleLogRecordProcessor(logs))
    loggers.get_logger("shop").emit(LogRecord(timestamp=1_700_000_000_000_000_000, body="order placed"))
    for provider in (tracers, meters, loggers):
        provider.shutdown()


def test_takes_what_the_sdk_sends(exporters: Exporters, sink: Any) -> None:
    """A span, a metric and a log record arrive once each, as they were made."""
    send_one_of_each(exporters)
    stored: dict[Signal, bytes] = {signal: payload for _, signal, payload in sink.stored}
    assert (3, set(Signal)) == (len(sink.stored), set(stored))
    traces = ExportTraceServiceRequest.FromString(stored[Signal.TRACES])
    span = traces.resource_spans[0].scope_spans[0].spans[0]
    assert ("checkout", "order", 7) == (span.name, span.attributes[0].key, span.attributes[0].value.int_value)
    metrics = ExportMetricsServiceRequest.FromString(stored[Signal.METRICS])
    metric = metrics.resource_metrics[0].scope_metrics[0].metrics[0]
    assert ("orders", 3) == (metric.name, metric.sum.data_points[0].as_int)
    logs = ExportLogsServiceRequest.FromString(stored[Signal.LOGS])
    record = logs.resource_logs[0].scope_logs[0].log_records[0]
    assert ("order placed", 1_700_000_000_000_000_000) == (record.body.string_value, record.time_unix_nano)


@pytest.mark.parametrize("protocol", ["grpc", "http/protobuf"])
def test_makes_the_sdk_try_again(grpc_port: int, http_port: int, sink: Any, monkeypatch: pytest.MonkeyPatch, protocol: str) -> None:
    """A span refused with try later comes again after the delay that the refusal named, and is stored."""
    delays = refuse_first(sink, monkeypatch)
    if protocol == "grpc":
        exporter: Any = GrpcSpans(endpoint=f"http://127.0.0.1:{grpc_port}", insecure=True)
    else:
        exporter = HttpSpans(endpoint=f"http://127.0.0.1:{http_port}/v1/traces")
    tracers = TracerProvider(shutdown_on_exit=False)
    tracers.add_span_processor(SimpleSpanProcessor(exporter))
    tracers.get_tracer("shop").start_span("checkout").end()
    tracers.shutdown()
    assert [UnavailableError, None] == delays
    assert 1 == len(sink.stored)


def refuse_first(sink: Any, monkeypatch: pytest.MonkeyPatch) -> list[type[Exception] | None]:
    """Make the sink refuse its first payload; gives the list of what each attempt met."""
    met: list[type[Exception] | None] = []
    append: Callable[..., Any] = sink.append

    def failing_once(*payload: Any) -> Any:
        met.append(None if met else UnavailableError)
        if len(met) == 1:
            raise UnavailableError("the disk is full", retry_after_s=1)
        return append(*payload)

    monkeypatch.setattr(sink, "append", failing_once)
    return met
