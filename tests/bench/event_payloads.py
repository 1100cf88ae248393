"""The events' payload of the benchmark: what people do in a web application, and what its services report, as OTLP logs or plain JSON.

Of 100 events 70 are a browser's (page views, leaves, clicks and searches, with URL, path, title, referrer, user agent, session and user),
30 a service's (features used, workflow and model runs, and 5 that no catalogue knows). About 12 attributes and 480 bytes an event. Ten
events in a row belong to one session of one user; every event has a fresh `log.record.uid`, so that none repeats another.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from payloads import Template, _attribute, _resource, _Shop
from template import Kind, Request

SESSION_EVENTS = 10
PAGES = tuple(
    f"/{area}/{page}" for area in ("orders", "products", "reports", "settings", "help") for page in ("list", "new", "detail", "search")
)
REFERRERS = ("https://www.google.com/", "https://t.co/x", "https://blog.example/post", "/orders/list", "")
AGENTS = tuple(
    f"Mozilla/5.0 ({system}) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{version}.0.0.0 Safari/537.36"
    for system in ("Windows NT 10.0; Win64; x64", "Macintosh; Intel Mac OS X 10_15_7", "X11; Linux x86_64", "Linux; Android 14; Pixel 8")
    for version in range(118, 128)
)
ROLES = ("Auditor", "Admin", "Employee", "General User")
_KINDS = (("user.page_view", 35), ("user.page_leave", 10), ("user.action", 20), ("user.search_performed", 5), ("user.feature_used", 10),
          ("workflow.node_executed", 10), ("ai.model_completed", 5), ("shop.cart_priced", 5))  # fmt: skip
_OF_BROWSER = frozenset({"user.page_view", "user.page_leave", "user.action", "user.search_performed"})


def _event(shop: _Shop, session: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """A name, and attributes as an SDK sends them."""
    name = shop.rng.choices([kind for kind, _ in _KINDS], [share for _, share in _KINDS])[0]
    values = {**session, **_properties(shop, name)}
    if name not in _OF_BROWSER:
        values.pop("user_agent.original")
        return name, values
    path = f"{shop.rng.choice(PAGES)}/{shop.mould.text()}"
    return name, values | {
        "url.full": f"https://app.example.com{path}?tab={shop.rng.randrange(5)}",
        "page_path": path,
        "page_title": "Orders and more",
        "referrer": shop.rng.choice(REFERRERS),
    }


def _properties(shop: _Shop, name: str) -> dict[str, Any]:
    rng = shop.rng
    duration = rng.randrange(1, 90_000) / 100
    of_name: dict[str, Callable[[], dict[str, Any]]] = {
        "user.page_view": lambda: {"viewport_size": rng.choice(("desktop", "mobile"))},
        "user.page_leave": lambda: {"time_on_page": duration, "scroll_depth": rng.randrange(101), "interactions_count": rng.randrange(9)},
        "user.action": lambda: {"action_type": rng.choice(("click", "submit", "filter")), "action_target": f"#button-{rng.randrange(40)}"},
        "user.search_performed": lambda: {
            "search_query": f"order {shop.mould.text()}",
            "results_count": rng.randrange(200),
            "search_duration": duration,
        },
        "user.feature_used": lambda: {"feature_name": f"feature_{rng.randrange(20)}", "action_type": "edit", "duration": duration},
        "workflow.node_executed": lambda: {
            "workflow_id": f"w{rng.randrange(50)}",
            "execution_id": shop.mould.text(),
            "node_id": f"n{rng.randrange(12)}",
            "node_type": rng.choice(("http", "filter", "map")),
            "execution_duration": duration,
            "success": True,
        },
        "ai.model_completed": lambda: {
            "request_id": shop.mould.text(),
            "model_provider": "openai",
            "model_name": "gpt-4",
            "input_tokens": rng.randrange(4_000),
            "output_tokens": rng.randrange(2_000),
            "processing_time": duration,
            "actual_cost": rng.randrange(100) / 1000,
        },
        "shop.cart_priced": lambda: {"cart_id": shop.mould.text(), "total": duration, "currency": "EUR", "size": rng.randrange(20)},
    }
    return of_name[name]()


def _session(shop: _Shop) -> dict[str, Any]:
    return {
        "session.id": f"session-{shop.mould.text()}",
        "user.id": f"user-{shop.rng.randrange(50_000)}",
        "user.role": shop.rng.choice(ROLES),
        "user_agent.original": shop.rng.choice(AGENTS),
    }


def _events(shop: _Shop, items: int) -> list[tuple[str, dict[str, Any]]]:
    found: list[tuple[str, dict[str, Any]]] = []
    session: dict[str, Any] = {}
    for number in range(items):
        session = _session(shop) if number % SESSION_EVENTS == 0 else session
        name, values = _event(shop, session)
        found.append((name, {"log.record.uid": f"{shop.mould.text()}-{shop.mould.text()}", **values}))
    return found


def events(seed: int, items: int) -> Template:
    """A request of `items` events as OTLP log records."""
    shop = _Shop(seed)
    message = ExportLogsServiceRequest()
    scope_logs = message.resource_logs.add(resource=_resource(shop)).scope_logs.add()
    scope_logs.scope.name = "otelpond.events"
    for name, values in _events(shop, items):
        now = shop.mould.number(Kind.NOW)
        record = scope_logs.log_records.add(time_unix_nano=now, observed_time_unix_nano=now, severity_number=9, event_name=name)
        record.attributes.extend(_attribute(key, value) for key, value in values.items())
    return _template("logs", message.SerializeToString(), shop, items)


def json_events(seed: int, items: int) -> Template:
    """A request of `items` events as POST /v1/events takes them; their time is that of the template's making."""
    shop = _Shop(seed)
    now_ms = time.time_ns() // 1_000_000
    batch = [_plain(name, values) | {"timestamp": now_ms} for name, values in _events(shop, items)]
    return _template("events", json.dumps({"events": batch}).encode(), shop, items)


def _plain(name: str, values: dict[str, Any]) -> dict[str, Any]:
    """The base fields under their plain names, the rest as properties."""
    names = {
        "log.record.uid": "event_id",
        "session.id": "session_id",
        "user.id": "user_id",
        "user.role": "user_role",
        "user_agent.original": "user_agent",
        "url.full": "url",
    }
    base = {"page_path", "page_title", "referrer", "workflow_id", "execution_id"}
    fields = {names.get(key, key): value for key, value in values.items() if key in names or key in base}
    return (
        {"event_name": name}
        | fields
        | {"properties": {key: value for key, value in values.items() if key not in names and key not in base}}
    )


def _template(signal: str, body: bytes, shop: _Shop, items: int) -> Template:
    request = Request(body, shop.mould, 1, np.random.default_rng([shop.seed, time.time_ns()]))  # another run must repeat no event_id
    return Template(signal, request, items, len(body), {"events": items})
