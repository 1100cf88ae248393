"""A pond of a shop's errors, imported once; tests that act take an issue each that no other test looks at."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from otelpond.config import cli
from otelpond.storage.query import connect

Command = Callable[..., tuple[int, str, str]]

_START_NS = (int(time.time()) - 3600) * 10**9

PYTHON_STACK = """Traceback (most recent call last):
  File "/srv/shop/.venv/lib/python3.12/site-packages/starlette/_exception_handler.py", line 42, in wrapped_app
    await app(scope, receive, sender)
  File "/srv/shop/.venv/lib/python3.12/site-packages/starlette/routing.py", line 73, in app
    response = await f(request)
  File "/srv/shop/.venv/lib/python3.12/site-packages/fastapi/routing.py", line 301, in app
    raw_response = await run_endpoint_function(
  File "/srv/shop/.venv/lib/python3.12/site-packages/fastapi/routing.py", line 212, in run_endpoint_function
    return await dependant.call(**values)
  File "/srv/shop/shop/views.py", line 31, in place_order
    value = orders.total(order)
  File "/srv/shop/shop/orders.py", line 61, in price_of
    return catalogue[line.article]["price"]
KeyError: 'A-17'

The above exception was the direct cause of the following exception:

Traceback (most recent call last):
  File "/srv/shop/shop/orders.py", line 63, in price_of
    raise ValueError(f"cannot price order {order}") from error
ValueError: cannot price order 17
"""
BROWSER_STACK = (
    "TypeError: items is undefined\n    at render (https://shop.example/assets/cart.js:3:14)\n    at https://cdn.example/react.js:1:2"
)


def _attributes(values: Mapping[str, Any]) -> list[dict[str, Any]]:
    kinds = {str: "stringValue", int: "intValue", float: "doubleValue"}
    return [{"key": key, "value": {kinds[type(value)]: value}} for key, value in values.items()]


def _at(offset_ms: float) -> str:
    return str(_START_NS + int(offset_ms * 1e6))


def span(name: str, at_ms: float, took_ms: float, *, trace: int, number: int, parent: int | None = None, **more: Any) -> dict[str, Any]:
    """A span of a trace; both are numbers."""
    told = {"traceId": f"{trace:032x}", "spanId": f"{trace:08x}{number:08x}", "name": name, "kind": more.pop("kind", 1)}
    told |= {
        "startTimeUnixNano": _at(at_ms),
        "endTimeUnixNano": _at(at_ms + took_ms),
        "attributes": _attributes(more.pop("attributes", {})),
    }
    if parent is not None:
        told["parentSpanId"] = f"{trace:08x}{parent:08x}"
    return {**told, **more}


def raised(at_ms: float, kind: str, message: str, stack: str = "") -> dict[str, Any]:
    """An exception event of a span."""
    told = {"exception.type": kind, "exception.message": message, **({"exception.stacktrace": stack} if stack else {})}
    return {"name": "exception", "timeUnixNano": _at(at_ms), "attributes": _attributes(told)}


def log(at_ms: float, severity: int, body: str = "", *, trace: int = 0, event: str = "", **attributes: Any) -> dict[str, Any]:
    """A log record; attributes with `__` for a point."""
    told = {"timeUnixNano": _at(at_ms), "severityNumber": severity, "body": {"stringValue": body}, "eventName": event}
    told["attributes"] = _attributes({key.replace("__", "."): value for key, value in attributes.items()})
    return {**told, **({"traceId": f"{trace:032x}"} if trace else {})}


def errors(service: str, release: str, *, spans: list[dict[str, Any]] | None = None, logs: list[dict[str, Any]] | None = None) -> str:
    """Lines of OTLP: what one process of a service sent."""
    named = {"service.name": service, "service.version": release, "deployment.environment.name": "production"}
    resource = {"attributes": _attributes(named | ({"telemetry.sdk.language": "webjs"} if service == "web" else {}))}
    lines = []
    if spans:
        lines.append({"resourceSpans": [{"resource": resource, "scopeSpans": [{"spans": spans}]}]})
    if logs:
        lines.append({"resourceLogs": [{"resource": resource, "scopeLogs": [{"logRecords": logs}]}]})
    return "".join(json.dumps(line) + "\n" for line in lines)


def _order(at_ms: float, trace: int, user: str) -> list[dict[str, Any]]:
    """A request that failed with an exception below a query."""
    who = {"user.id": user, "user.role": "customer", "session.id": f"{user}-{trace}"}
    failed = {"status": {"code": 2, "message": f"cannot price order {trace}"}}
    request = {"http.request.method": "POST", "http.route": "/orders", "http.response.status_code": 500, **who}
    query = {"db.system.name": "postgresql", "db.query.text": "select price from articles where id = 17"}
    return [
        span("POST /orders", at_ms, 640, trace=trace, number=1, kind=2, attributes=request, **failed),
        span(
            "place order", at_ms + 10, 620, trace=trace, number=2, parent=1, attributes=who, **failed,
            events=[raised(at_ms + 600, "ValueError", f"cannot price order {trace}", PYTHON_STACK)],
        ),
        span("SELECT articles", at_ms + 20, 300, trace=trace, number=3, parent=2, kind=3, attributes=query),
    ]  # fmt: skip


def _long_run(number: int, days_ago: int) -> dict[str, Any]:
    """A step of a trace that lasts for days, which fails as the others do."""
    at_ms = number * 1_000 - days_ago * 86_400_000
    return span("step", at_ms, 100, trace=40, number=number + 1, events=[raised(at_ms + 50, "StaleError", "x", PYTHON_STACK)])


def _shop() -> str:
    crumbs = json.dumps([{"timestamp": "2026-11-21T12:00:00.5Z", "kind": "event", "level": "info", "message": "user.action click pay"}])
    browser = {"exception__type": "TypeError", "exception__message": "items is undefined", "exception__stacktrace": BROWSER_STACK}
    device = {"user_agent__original": "Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0", "page__slug": "cart"}
    hostile = "\x1b]0;owned\x07\x1b[2J\u202etxt" + "9" * 100_000
    return "".join(
        [
            errors("shop", "1.0.0", spans=[*_order(0, 17, "ada"), *_order(2000, 18, "bob")]),
            errors("shop", "1.1.0", spans=_order(9000, 19, "ada"), logs=[log(9500, 13, "the price of A-17 is missing", trace=19)]),
            errors("web", "2.3.0", logs=[log(100, 17, event="exception", otelpond__breadcrumbs=crumbs, **browser, **device)]),
            errors("shop", "1.1.0", logs=[log(300, 21, exception__type="SystemError", exception__message="segmentation fault")]),
            errors(
                "shop", "1.1.0", logs=[log(400, 17, exception__type="Hostile", exception__message=hostile, exception__stacktrace=hostile)]
            ),
            errors("batch", "0.9.0", spans=[_long_run(number, day) for number, day in enumerate((4, 4, 0))]),
            errors("shop", "1.1.0", logs=[log(500 + n, 17, exception__type=f"Acted{n}Error", exception__message="x") for n in range(4)]),
        ]
    )


@pytest.fixture(scope="session")
def pond(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The pond's directory."""
    folder = tmp_path_factory.mktemp("issues")
    (folder / "shop.jsonl").write_text(_shop(), encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("OTELPOND_") and name != "OTELPOND_CACHE_DIR"]:
            patch.delenv(name)
        patch.setattr(sys, "argv", ["otelpond", "import", str(folder / "shop.jsonl"), "--data", str(folder / "pond")])
        with pytest.raises(SystemExit) as ended:
            cli.main()
    assert not ended.value.code
    return folder / "pond"


@pytest.fixture
def command(pond: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """Runs `otelpond issues ...` on the pond, as ada: exit code, standard output, standard error."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("OTELPOND_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("USER", "ada")

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["otelpond", "issues", *arguments, "--data", str(pond)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        printed = capsys.readouterr()
        return ended.value.code if isinstance(ended.value.code, int) else 0, printed.out, printed.err

    return run


@pytest.fixture(scope="session")
def issue_of(pond: Path) -> Callable[[str], str]:
    """The id of the issue with that type, as it was before anybody acted."""
    with connect(pond) as con:
        issues = con.execute("select error_type, issue_id::text from issues").fetchall()

    def find_one(kind: str) -> str:
        (found,) = [issue for error_type, issue in issues if error_type == kind]
        return str(found)

    return find_one
