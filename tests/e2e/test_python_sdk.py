"""OpenTelemetry's own Python SDK sends, and everything it sent is found by id, with values and types as they were."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.exporter.otlp.proto.grpc._log_exporter import OTLPLogExporter as GrpcLogs
from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter as GrpcMetrics
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as GrpcSpans
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter as HttpLogs
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter as HttpMetrics
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as HttpSpans
from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor
from opentelemetry.instrumentation.sqlalchemy import SQLAlchemyInstrumentor
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Link, SpanKind, StatusCode
from sqlalchemy import create_engine, text
from sqlalchemy.pool import StaticPool

ATTRIBUTES = {
    "text": 'grün ☃ "quoted" \\ \n',
    "empty": "",
    "whole": 9_007_199_254_740_993,
    "negative": -1,
    "ratio": 0.1,
    "round": 3.0,
    "yes": True,
    "no": False,
    "texts": ("a", "b"),
    "wholes": (1, 2),
    "ratios": (0.5, 1.0),
    "flags": (True, False),
}  # fmt: skip
AS_JSON = {key: list(value) if isinstance(value, tuple) else value for key, value in ATTRIBUTES.items()}
BODY = {"order": 7, "total": 1.0, "lines": [{"sku": "x", "raw": b"\x00\xff"}], "nothing": None}
BODY_AS_JSON = {"order": 7, "total": 1.0, "lines": [{"sku": "x", "raw": {"$bytes": "AP8="}}], "nothing": None}
ITEMS = 40

Exporters = tuple[Any, Any, Any]


def _exporters(collector: Any, protocol: str) -> Exporters:
    if protocol == "grpc":
        return tuple(make(endpoint=f"http://{collector.grpc}", insecure=True) for make in (GrpcSpans, GrpcMetrics, GrpcLogs))  # type: ignore[return-value]
    paths = ((HttpSpans, "traces"), (HttpMetrics, "metrics"), (HttpLogs, "logs"))
    return tuple(make(endpoint=f"http://{collector.http}/v1/{path}") for make, path in paths)  # type: ignore[return-value]


def exactly(left: Any, right: Any) -> bool:
    """Equality of JSON values in which 1, 1.0 and true are three things."""
    return json.dumps(left, sort_keys=True) == json.dumps(right, sort_keys=True)


@pytest.fixture(params=["grpc", "http/protobuf"])
def sent(request: pytest.FixtureRequest, collector: Any) -> tuple[Any, str, Exporters, Resource]:
    """A collector, a service name of its own for each protocol, the three exporters and the resource."""
    service = f"sdk-{request.param}"
    resource = Resource(
        {
            "service.name": service,
            "service.version": "1.2.3",
            "service.instance.id": "one",
            "deployment.environment.name": "test",
            "fleet": 7,
        }
    )
    return collector, service, _exporters(collector, request.param), resource


def test_spans_arrive_as_sent(sent: tuple[Any, str, Exporters, Resource]) -> None:
    """Ids, names, kinds, times, status, attributes of every type, events and links."""
    collector, service, exporters, resource = sent
    provider = TracerProvider(resource=resource)
    provider.add_span_processor(BatchSpanProcessor(exporters[0]))
    tracer = provider.get_tracer("e2e", "1.0", attributes={"scoped": True})
    made = []
    for number in range(ITEMS):
        with tracer.start_as_current_span(f"parent {number}", kind=SpanKind.CONSUMER, attributes=ATTRIBUTES) as parent:
            link = Link(parent.get_span_context(), {"why": "test"})
            with tracer.start_as_current_span("child", kind=SpanKind.PRODUCER, links=[link]) as child:
                child.add_event("halfway", {"share": 0.5})
                child.set_status(StatusCode.ERROR, "did not work")
        made += [parent, child]
    provider.shutdown()
    rows = collector.published(
        f"""select span_id, trace_id, parent_span_id, name, kind, start_time_unix_nano, duration_ns, status_code, status_message,
            attributes::varchar, links::varchar, service_version, environment from spans where service_name = '{service}'"""
    )
    assert len(made) == len(rows)
    found = {row[0]: row for row in rows}
    for span in made:
        row, context = found[f"{span.context.span_id:016x}"], span.get_span_context()
        parent_id = f"{span.parent.span_id:016x}" if span.parent else None
        expected = (f"{context.trace_id:032x}", parent_id, span.name, span.kind.name, span.start_time, span.end_time - span.start_time)
        assert expected == row[1:7]
        assert (span.status.status_code.name, span.status.description) == row[7:9]
        assert exactly(AS_JSON, json.loads(row[9])) if span.kind is SpanKind.CONSUMER else row[9] is None
        if span.links:
            assert {"why": "test"} == json.loads(row[10])[0]["attributes"]
        assert ("1.2.3", "test") == row[11:]
    events = collector.rows(f"select event_name, attributes::varchar from span_events where service_name = '{service}'")
    assert [("halfway", '{"share":0.5}')] * ITEMS == events


def test_log_records_arrive_as_sent(sent: tuple[Any, str, Exporters, Resource]) -> None:
    """Times, severity, body of any shape, attributes and the event's name."""
    collector, service, exporters, resource = sent
    provider = LoggerProvider(resource=resource)
    provider.add_log_record_processor(BatchLogRecordProcessor(exporters[2]))
    logger = provider.get_logger("e2e")
    for number in range(ITEMS):
        logger.emit(
            LogRecord(
                timestamp=1_790_000_000_000_000_000 + number,
                observed_timestamp=1_790_000_000_000_000_500 + number,
                severity_number=SeverityNumber.INFO2,
                severity_text="INFO2",
                body=BODY if number % 2 else f"line {number}",
                attributes=ATTRIBUTES | {"number": number},
                event_name="order.placed",
            )
        )
    provider.shutdown()
    rows = collector.published(
        f"""select time_unix_nano, observed_time_unix_nano, severity_number, severity_text, body::varchar, body_type, attributes::varchar,
            event_name from logs where service_name = '{service}' order by time_unix_nano"""
    )
    assert ITEMS == len(rows)
    for number, row in enumerate(rows):
        at = 1_790_000_000_000_000_000 + number
        assert (at, at + 500, 10, "INFO2") == row[:4]
        assert exactly(BODY_AS_JSON, json.loads(row[4])) if number % 2 else row[4] == f"line {number}"
        assert ("kvlist" if number % 2 else "string") == row[5]
        assert exactly(AS_JSON | {"number": number}, json.loads(row[6]))
        assert "order.placed" == row[7]


def test_metric_points_arrive_as_sent(sent: tuple[Any, str, Exporters, Resource]) -> None:
    """Counters, gauges and histograms, integers and doubles, with their attributes."""
    collector, service, exporters, resource = sent
    provider = MeterProvider([PeriodicExportingMetricReader(exporters[1], export_interval_millis=3_600_000)], resource)
    meter = provider.get_meter("e2e")
    counter, ratio, sizes = (
        meter.create_counter("orders", unit="{order}"),
        meter.create_gauge("ratio"),
        meter.create_histogram("sizes", unit="By"),
    )
    for number in range(ITEMS):
        counter.add(number, {"shop": f"s{number}"})
        ratio.set(number / 4, {"shop": f"s{number}"})
        sizes.record(float(number), {"shop": "all"})
    provider.shutdown()
    rows = collector.published(
        f"""select metric_name, metric_type, unit, attributes->>'$.shop', value_int, value_double, count, sum, min, max, temporality
            from metric_points where service_name = '{service}'"""
    )
    found = {(row[0], row[3]): row for row in rows}
    assert 2 * ITEMS + 1 == len(rows) == len(found)
    for number in range(ITEMS):
        assert ("sum", "{order}", f"s{number}", number, None) == found["orders", f"s{number}"][1:6]
        assert ("gauge", number / 4) == (found["ratio", f"s{number}"][1], found["ratio", f"s{number}"][5])
    total = float(sum(range(ITEMS)))
    assert ("histogram", "By", "all", None, None, ITEMS, total, 0.0, float(ITEMS - 1), "cumulative") == found["sizes", "all"][1:]


@pytest.mark.timeout(120)
def test_instrumented_fastapi_and_sqlalchemy_fill_their_tables(collector: Any) -> None:
    """The newest FastAPI and SQLAlchemy with their public instrumentation give API and database rows, errors, and no rejected record."""
    provider = TracerProvider(resource=Resource({"service.name": "instrumented"}))
    provider.add_span_processor(BatchSpanProcessor(HttpSpans(endpoint=f"http://{collector.http}/v1/traces")))
    engine = create_engine("sqlite://", connect_args={"check_same_thread": False}, poolclass=StaticPool)
    instrumentor = SQLAlchemyInstrumentor()
    instrumentor.instrument(engine=engine, tracer_provider=provider)
    shop = FastAPI()

    @shop.get("/orders/{number}")
    def order(number: int) -> dict[str, int]:
        with engine.connect() as connection:
            connection.execute(text("create table if not exists orders (number integer, total integer)"))
            return {"rows": len(connection.execute(text("select total from orders where number = :number"), {"number": number}).all())}

    @shop.get("/broken")
    def broken() -> None:
        raise ValueError("empty cart")

    FastAPIInstrumentor.instrument_app(shop, tracer_provider=provider)
    try:
        _visit(shop, [f"/orders/{number}" for number in range(5)] + ["/broken"])
    finally:
        provider.shutdown()
        instrumentor.uninstrument()
        FastAPIInstrumentor.uninstrument_app(shop)
        engine.dispose()
    api = collector.published(
        """select endpoint_path, http_method, status_code, count(*) from api_performance_metrics
        where service_name = 'instrumented' group by all order by all"""
    )
    assert [("/broken", "GET", 500, 1), ("/orders/{number}", "GET", 200, 5)] == api
    database = collector.rows(
        """select query_type, table_name, count(*) from database_performance_metrics
        where service_name = 'instrumented' group by all order by all"""
    )
    assert ("SELECT", "orders", 5) in database
    assert 10 == sum(row[2] for row in database), database
    errors = collector.rows("select error_type, count(*) from error_logs where service_name = 'instrumented' group by all")
    assert 1 == sum(row[1] for row in errors), errors
    assert [] == collector.rows("select * from rejected_records")


def _visit(shop: FastAPI, paths: list[str]) -> None:
    import anyio  # noqa: PLC0415 - only here

    async def visit() -> None:
        transport = httpx.ASGITransport(shop, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://shop.example") as client:
            for path in paths:
                await client.get(path)

    anyio.run(visit)
