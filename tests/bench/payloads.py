"""The benchmark's payload: requests of spans, log records and metric points like those of a shop of six services.

Of 10 requests 8 carry spans, 1 log records and 1 metric points. Of 100 spans 25 are SERVER HTTP, 40 database (200 distinct
statements), 35 others (internal and outgoing HTTP); about 10 attributes and 420 bytes a span; 5 % fail with an exception event whose
stack is one of 2,000, by Zipf's law. Half of the services speak the old semantic conventions (Python's default), half the new.
A trace has four spans on average, in one request: the server's, queries below it, others below it.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field

import numpy as np
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.metrics.v1.metrics_pb2 import AggregationTemporality, NumberDataPoint
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status
from template import Kind, Mould, Request, shape_weights

ERROR_SHARE = 0.05
SERVICES = ("storefront", "checkout", "catalog", "payments", "shipping", "accounts")
ROUTES = tuple(
    f"/api/{noun}/{{id}}{tail}" for noun in ("orders", "products", "carts", "users", "invoices") for tail in ("", "/items", "/notes")
)
_TABLES = ("orders", "order_items", "products", "customers", "carts", "invoices", "payments", "shipments", "stock", "reviews")
_COLUMNS = ("id", "status", "customer_id", "created_at", "total_cents", "currency", "sku", "quantity", "updated_at", "region")
AGENTS = tuple(f"Mozilla/5.0 (X11; Linux x86_64) Firefox/{version}.0" for version in range(120, 140))
TRACE_TABLES = (
    "spans",
    "span_events",
    "api_performance_metrics",
    "database_performance_metrics",
    "api_error_logs",
    "database_error_logs",
)
EXCEPTIONS = ("ValueError", "KeyError", "shop.errors.OutOfStockError", "TimeoutError", "sqlalchemy.exc.OperationalError",
              "PermissionError", "shop.errors.PaymentError", "ConnectionResetError", "RecursionError", "RuntimeError")  # fmt: skip

SERVICE_PATHS = {
    "traces": "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
    "logs": "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
    "metrics": "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
    "events": "/v1/events",
}


@dataclass(slots=True)
class Template:
    """A request with its signal, and how many rows each table gains from it."""

    signal: str
    request: Request
    items: int
    size: int
    rows: dict[str, int]


@dataclass(slots=True)
class _Shop:
    """What one request's builder needs: randomness, words, and which conventions its service speaks."""

    seed: int
    old: bool = False
    rng: random.Random = field(init=False)
    mould: Mould = field(init=False)

    def __post_init__(self) -> None:
        self.rng = random.Random(self.seed)
        self.mould = Mould(self.seed)
        self.old = self.seed % 2 == 0

    def key(self, new: str, old: str) -> str:
        return old if self.old else new


def statements() -> tuple[tuple[str, str, str], ...]:
    """200 distinct statements with their operation and table, 60 to 160 characters each."""
    rng = random.Random(7)
    found: dict[str, tuple[str, str, str]] = {}
    while len(found) < 200:
        table, columns = rng.choice(_TABLES), rng.sample(_COLUMNS, 4)
        listed = ", ".join(f"{table}.{column}" for column in columns)
        operation = rng.choices(("SELECT", "INSERT", "UPDATE", "DELETE"), (70, 12, 15, 3))[0]
        text = {
            "SELECT": f"SELECT {listed} FROM {table} WHERE {table}.{columns[0]} = %s",
            "INSERT": f"INSERT INTO {table} ({', '.join(columns)}) VALUES (%s, %s, %s, %s) RETURNING {table}.id",
            "UPDATE": f"UPDATE {table} SET {columns[0]} = %s, {columns[1]} = %s WHERE {table}.id = %s",
            "DELETE": f"DELETE FROM {table} WHERE {table}.{columns[0]} = %s AND {table}.{columns[1]} < %s",
        }[operation]
        found[text] = (text, operation, table)
    return tuple(found.values())


STATEMENTS = statements()


def _attributes(**values: object) -> list[KeyValue]:
    return [_attribute(key.replace("__", "."), value) for key, value in values.items()]


def _attribute(key: str, value: object) -> KeyValue:
    pair = KeyValue(key=key)
    if isinstance(value, bool):
        pair.value.bool_value = value
    elif isinstance(value, int):
        pair.value.int_value = value
    elif isinstance(value, float):
        pair.value.double_value = value
    else:
        pair.value.string_value = str(value)
    return pair


def _resource(shop: _Shop) -> Resource:
    service = SERVICES[shop.seed % len(SERVICES)]
    values = {
        "service.name": service,
        "service.version": "2.14.1",
        "service.instance.id": f"{service}-{shop.seed:04d}",
        shop.key("deployment.environment.name", "deployment.environment"): "production",
        "host.name": f"node-{shop.seed % 12:02d}",
        "telemetry.sdk.language": "python",
        "telemetry.sdk.name": "opentelemetry",
        "telemetry.sdk.version": "1.45.1",
        "process.pid": 4000 + shop.seed,
    }
    return Resource(attributes=[_attribute(key, value) for key, value in values.items()])


def _server(shop: _Shop, *, failed: bool) -> tuple[str, dict[str, object]]:
    route, method = shop.rng.choice(ROUTES), shop.rng.choices(("GET", "POST", "PUT"), (80, 15, 5))[0]
    path = route.replace("{id}", shop.mould.text())
    return f"{method} {route}", {
        shop.key("http.request.method", "http.method"): method,
        shop.key("url.path", "http.target"): path,
        shop.key("url.scheme", "http.scheme"): "https",
        "http.route": route,
        shop.key("http.response.status_code", "http.status_code"): 500 if failed else shop.rng.choices((200, 201, 404), (94, 4, 2))[0],
        shop.key("server.address", "http.host"): "shop.example.com",
        shop.key("server.port", "net.host.port"): 443,
        shop.key("client.address", "http.client_ip"): f"203.0.{shop.rng.randrange(64)}.{shop.rng.randrange(256)}",
        shop.key("user_agent.original", "http.user_agent"): shop.rng.choice(AGENTS),
        shop.key("network.protocol.version", "http.flavor"): "1.1",
    }


def _database(shop: _Shop) -> tuple[str, dict[str, object]]:
    text, operation, table = shop.rng.choice(STATEMENTS)
    return f"{operation} {table}", {
        shop.key("db.system.name", "db.system"): "postgresql",
        shop.key("db.namespace", "db.name"): "shop",
        shop.key("db.query.text", "db.statement"): text,
        shop.key("db.operation.name", "db.operation"): operation,
        shop.key("server.address", "net.peer.name"): "db-1.internal",
        shop.key("server.port", "net.peer.port"): 5432,
        "db.user": "shop",
        "thread.id": 140000 + shop.rng.randrange(16),
        "thread.name": f"AnyIO worker thread {shop.rng.randrange(16)}",
        "db.response.returned_rows": shop.rng.randrange(200),
    }


def _other(shop: _Shop) -> tuple[str, dict[str, object]]:
    if shop.rng.random() < 0.3:
        host = shop.rng.choice(("payments", "tax", "search"))
        return "GET", {
            shop.key("http.request.method", "http.method"): "GET",
            shop.key("url.full", "http.url"): f"https://{host}.example.net/v2/quotes/{shop.mould.text()}",
            shop.key("http.response.status_code", "http.status_code"): 200,
            shop.key("server.address", "net.peer.name"): f"{host}.example.net",
            shop.key("server.port", "net.peer.port"): 443,
            shop.key("network.protocol.version", "http.flavor"): "1.1",
            "thread.id": 140000 + shop.rng.randrange(16),
            "code.function.name": f"shop.clients.{host}.quote",
        }
    verb = shop.rng.choice(("price", "reserve", "render", "validate", "enrich", "score"))
    return f"cart.{verb}", {
        "code.function.name": f"shop.cart.{verb}",
        "code.file.path": f"/srv/shop/cart/{verb}.py",
        "code.line.number": shop.rng.randrange(10, 400),
        "thread.id": 140000 + shop.rng.randrange(16),
        "shop.cart.id": shop.mould.text(),
        "shop.cart.size": shop.rng.randrange(1, 40),
        "shop.cart.total": shop.rng.randrange(100, 90_000) / 100,
        "shop.customer.returning": shop.rng.random() < 0.4,
        "shop.region": shop.rng.choice(("eu-west", "eu-north", "us-east")),
        "shop.experiment": f"layout-{shop.rng.randrange(6)}",
    }


def _exception(shop: _Shop) -> dict[str, object]:
    shape = shop.rng.choices(range(10), shape_weights())[0]
    stack = shop.mould.text(Kind.STACK, (shape, 0.0))
    frames = "".join(
        f'  File "/srv/shop/layer_{depth}.py", line {40 + shape * 7 + depth}, in call_{depth}\n    return call_{depth + 1}(request)\n'
        for depth in range(3 + shape // 2)
    )
    message = f"order {shop.mould.text()} cannot be served"
    return {
        "exception.type": EXCEPTIONS[shape],
        "exception.message": message,
        "exception.stacktrace": f'Traceback (most recent call last):\n{frames}  File "/srv/shop/handlers/h{stack}.py", line 88, in handle\n'
        f"    raise {EXCEPTIONS[shape].rsplit('.', 1)[-1]}(message)\n{EXCEPTIONS[shape]}: {message}\n",
        "exception.escaped": "False",
    }


def _kinds(rng: random.Random, items: int) -> list[str]:
    """What each span is, a server span first and then the spans below it."""
    servers = max(1, round(items * 0.25))
    below = ["database"] * round(items * 0.40) + ["other"] * items
    below = below[: items - servers]
    rng.shuffle(below)
    kinds: list[str] = []
    for trace in range(servers):
        kinds.append("server")
        kinds += below[trace * len(below) // servers : (trace + 1) * len(below) // servers]
    return kinds


def traces(seed: int, items: int) -> Template:
    """A request of `items` spans."""
    shop = _Shop(seed)
    message = ExportTraceServiceRequest()
    resource_spans = message.resource_spans.add(resource=_resource(shop), schema_url="https://opentelemetry.io/schemas/1.28.0")
    names = {"server": "fastapi", "database": "sqlalchemy", "other": "shop"}
    scopes = {kind: resource_spans.scope_spans.add() for kind in names}
    for kind, name in names.items():
        scopes[kind].scope.name, scopes[kind].scope.version = f"opentelemetry.instrumentation.{name}", "0.66b1"
    rows = dict.fromkeys(TRACE_TABLES, 0)
    trace, trace_id, parent, cursor = -1, b"", b"", 0.0
    for kind in _kinds(shop.rng, items):
        if kind == "server":
            trace, cursor = trace + 1, 0.0
            trace_id = shop.mould.word(Kind.RANDOM) + shop.mould.word(Kind.RANDOM)
        failed = shop.rng.random() < ERROR_SHARE
        name, attributes = _server(shop, failed=failed) if kind == "server" else {"database": _database, "other": _other}[kind](shop)
        length = 1.0 if kind == "server" else shop.rng.random() * (1 - cursor) * 0.5
        span_id = shop.mould.word(Kind.RANDOM)
        span = scopes[kind].spans.add(
            trace_id=trace_id,
            span_id=span_id,
            parent_span_id=b"" if kind == "server" else parent,
            name=name,
            kind=Span.SPAN_KIND_SERVER if kind == "server" else Span.SPAN_KIND_INTERNAL if "cart." in name else Span.SPAN_KIND_CLIENT,
            start_time_unix_nano=shop.mould.number(Kind.START, (trace, cursor)),
            end_time_unix_nano=shop.mould.number(Kind.END, (trace, cursor + length)),
            attributes=[_attribute(key, value) for key, value in attributes.items()],
            flags=0x100,
        )  # fmt: skip
        if kind == "server":
            parent = span_id
        else:
            cursor += length
        if failed:
            event = span.events.add(name="exception", time_unix_nano=shop.mould.number(Kind.END, (trace, cursor)))
            event.attributes.extend(_attribute(key, value) for key, value in _exception(shop).items())
            span.status.code, span.status.message = Status.STATUS_CODE_ERROR, "order cannot be served"
        _count(rows, kind, failed=failed, status=attributes.get(shop.key("http.response.status_code", "http.status_code"), 0))
    return _template("traces", message.SerializeToString(), shop, rows, trace + 1)


def _count(rows: dict[str, int], kind: str, *, failed: bool, status: object) -> None:
    rows["spans"] += 1
    rows["span_events"] += failed
    rows["api_performance_metrics"] += kind == "server"
    rows["database_performance_metrics"] += kind == "database"
    rows["api_error_logs"] += kind == "server" and (failed or status == 404)
    rows["database_error_logs"] += kind == "database" and failed


def logs(seed: int, items: int) -> Template:
    """A request of `items` log records, 5 % of them with an exception."""
    shop = _Shop(seed)
    message = ExportLogsServiceRequest()
    resource_logs = message.resource_logs.add(resource=_resource(shop))
    scope_logs = resource_logs.scope_logs.add()
    scope_logs.scope.name = "shop.requests"
    for _ in range(items):
        failed = shop.rng.random() < ERROR_SHARE
        record = scope_logs.log_records.add(
            time_unix_nano=shop.mould.number(Kind.NOW),
            observed_time_unix_nano=shop.mould.number(Kind.NOW),
            severity_number=17 if failed else 9,
            severity_text="ERROR" if failed else "INFO",
            trace_id=shop.mould.word(Kind.RANDOM) + shop.mould.word(Kind.RANDOM),
            span_id=shop.mould.word(Kind.RANDOM),
            flags=1,
        )
        record.body.string_value = (
            f"order {shop.mould.text()} {shop.rng.choice(('accepted', 'priced', 'packed', 'refused'))} for customer {shop.mould.text()}"
        )
        record.attributes.extend(
            _attributes(
                code__function__name="shop.orders.handle",
                code__line__number=shop.rng.randrange(10, 400),
                thread__name="MainThread",
                shop__region=shop.rng.choice(("eu-west", "us-east")),
                shop__queue=f"orders-{shop.rng.randrange(8)}",
            )
        )
        if failed:
            record.attributes.extend(_attribute(key, value) for key, value in _exception(shop).items())
    return _template("logs", message.SerializeToString(), shop, {"logs": items})


def metrics(seed: int, items: int) -> Template:
    """A request of `items` metric points of one collection: 60 % histograms by route, then gauges and counters."""
    shop = _Shop(seed)
    message = ExportMetricsServiceRequest()
    resource_metrics = message.resource_metrics.add(resource=_resource(shop))
    scope_metrics = resource_metrics.scope_metrics.add()
    scope_metrics.scope.name = "opentelemetry.instrumentation.system_metrics"
    histogram = scope_metrics.metrics.add(name=shop.key("http.server.request.duration", "http.server.duration"), unit=shop.key("s", "ms"))
    histogram.histogram.aggregation_temporality = AggregationTemporality.AGGREGATION_TEMPORALITY_CUMULATIVE
    for _ in range(round(items * 0.6)):
        counts = [shop.rng.randrange(1000) for _ in range(15)]
        point = histogram.histogram.data_points.add(
            time_unix_nano=shop.mould.number(Kind.NOW),
            start_time_unix_nano=1_790_000_000_000_000_000,
            count=sum(counts),
            sum=shop.rng.random() * 1000,
            bucket_counts=counts,
            explicit_bounds=[0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10],
        )
        point.attributes.extend(
            [
                _attribute("http.route", shop.rng.choice(ROUTES)),
                _attribute(shop.key("http.response.status_code", "http.status_code"), shop.rng.choice((200, 201, 404, 500))),
                _attribute(shop.key("http.request.method", "http.method"), shop.rng.choice(("GET", "POST"))),
            ]
        )
    _gauges(scope_metrics, shop, items - round(items * 0.6))
    return _template("metrics", message.SerializeToString(), shop, {"metric_points": items})


def _gauges(scope_metrics: object, shop: _Shop, items: int) -> None:
    names = ("process.cpu.utilization", "process.memory.usage", "process.thread.count", "system.cpu.utilization",
             "http.server.active_requests", "db.client.connection.count", "shop.queue.depth", "shop.cache.entries")  # fmt: skip
    metrics = [scope_metrics.metrics.add(name=name, unit="1") for name in names]  # type: ignore[attr-defined]
    for index in range(items):
        value = {"as_double": shop.rng.random()} if index % 2 else {"as_int": shop.rng.randrange(10_000)}
        point = NumberDataPoint(time_unix_nano=shop.mould.number(Kind.NOW), **value)
        point.attributes.extend(_attributes(shop__shard=f"shard-{index // len(names)}", shop__region="eu-west"))
        metrics[index % len(names)].gauge.data_points.append(point)


def _template(signal: str, wire: bytes, shop: _Shop, rows: dict[str, int], traces_count: int = 0) -> Template:
    request = Request(wire, shop.mould, traces_count, np.random.default_rng(shop.seed))
    return Template(signal, request, next(iter(rows.values())), len(wire), rows)


def templates(items: int, rounds: int, first_seed: int = 0) -> list[Template]:
    """`rounds` times 8 requests of spans, 1 of log records and 1 of metric points, `items` items each."""
    return [{8: logs, 9: metrics}.get(seed % 10, traces)(seed, items) for seed in range(first_seed, first_seed + rounds * 10)]
