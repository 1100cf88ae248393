"""Crash intelligence seen from outside: the real SDK sends errors, people are told by a webhook, and what is done about issues holds.

A small shop fails; each message names another order, customer and time. A collector with rules of alerts gets its errors.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from uuid import uuid4

import pytest
from opentelemetry._logs import SeverityNumber
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

ERRORS = 5_000
RULES = ("new_issue", "regression", "unignored")
QUEUE = 2 * ERRORS


def required(order: int, what: str) -> None:
    """The helper that all functions of the shop share."""
    raise LookupError(f"order {order} of customer{order}@shop.example has no {what} at {datetime.now(UTC).isoformat()} ({uuid4()})")


def ship(order: int) -> None:
    """Fails in the helper."""
    required(order, "address")


def bill(order: int) -> None:
    """Fails in the helper too, and is another bug."""
    required(order, "address")


class Webhook(BaseHTTPRequestHandler):
    """Takes what it is told, once its server may answer."""

    def do_POST(self) -> None:
        """Takes one message."""
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.told.append(json.loads(body))  # type: ignore[attr-defined]
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Nothing."""


class Told(ThreadingHTTPServer):
    """A webhook of one's own, on this machine."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Webhook)
        self.told: list[dict[str, Any]] = []

    @property
    def settings(self) -> dict[str, str]:
        """Those of a collector that tells this webhook of every change of an issue, and does not wait to gather."""
        channel = {"name": "here", "kind": "webhook", "url": f"http://127.0.0.1:{self.server_port}/", "allow_private": True, "gather_s": 0}
        rules = [{"name": kind, "kind": kind, "notify": ["here"]} for kind in RULES]
        return {"OTELPOND_NOTIFY": json.dumps([channel]), "OTELPOND_ALERTS": json.dumps(rules)}

    def alerts(self) -> list[tuple[str, str]]:
        """Kind and issue of every alert that was told, in order, each as often as it was."""
        return [(alert["kind"], alert["issue_id"]) for message in self.told for alert in message["alerts"]]


@pytest.fixture
def webhook() -> Iterator[Told]:
    """A webhook that listens."""
    with Told() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@contextmanager
def tracing(collector: Any, service: str, release: str) -> Iterator[Callable[[Callable[[int], None], int], None]]:
    """Fails once in a span of its own, by OpenTelemetry's SDK; at the end everything is accepted."""
    provider = TracerProvider(resource=Resource({"service.name": service, "service.version": release}), shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(f"http://{collector.http}/v1/traces"), max_queue_size=QUEUE))

    def fail(work: Callable[[int], None], order: int) -> None:
        with pytest.raises(LookupError), provider.get_tracer("shop").start_as_current_span("order"):
            work(order)

    yield fail
    assert provider.force_flush()
    provider.shutdown()


@contextmanager
def logging(collector: Any, service: str) -> Iterator[Callable[[Callable[[int], None], int], None]]:
    """Fails once and logs it, by OpenTelemetry's SDK; at the end everything is accepted."""
    provider = LoggerProvider(Resource({"service.name": service, "service.version": "1.0"}), shutdown_on_exit=False)
    provider.add_log_record_processor(BatchLogRecordProcessor(OTLPLogExporter(f"http://{collector.http}/v1/logs"), max_queue_size=QUEUE))

    def fail(work: Callable[[int], None], order: int) -> None:
        try:
            work(order)
        except LookupError as error:
            provider.get_logger("shop").emit(severity_number=SeverityNumber.ERROR, body=f"order {order} failed", exception=error)

    yield fail
    assert provider.force_flush()
    provider.shutdown()


def send(collector: Any, release: str, count: int) -> None:
    """So many errors of a release."""
    with tracing(collector, "story", release) as fail:
        for order in range(count):
            fail(ship, order)


def otelpond(collector: Any, *arguments: str) -> str:
    """What the command `otelpond issues` answers, beside the running collector."""
    command = [sys.executable, "-m", "otelpond.config.cli", "issues", *arguments, "--data", str(collector.data)]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout


@pytest.mark.long
@pytest.mark.timeout(180)
def test_thousands_of_errors_of_one_bug_are_one_issue_and_one_message(
    new_collector: Any, webhook: Told, eventually: Callable[..., Any]
) -> None:
    """5,000 errors differ in id, address and time, and come by spans and logs; beside them two bugs in one shared helper."""
    collector = new_collector(**webhook.settings).start()
    with tracing(collector, "many", "1.0") as fail:
        for order in range(ERRORS - 1_000):
            fail(ship, order)
    with logging(collector, "many") as fail:
        for order in range(ERRORS - 1_000, ERRORS):
            fail(ship, order)
    with tracing(collector, "two", "1.0") as fail:
        fail(ship, 17)
        fail(bill, 17)
    issues = collector.published("select service_name, issue_id::text, events_count from issues order by all")
    assert [("many", ERRORS), ("two", 1), ("two", 1)] == [(service, events) for service, _, events in issues]
    assert [(ERRORS,)] == collector.rows("select count(distinct error_message) from error_logs where service_name = 'many'")
    expected = sorted(("new_issue", issue) for _, issue, _ in issues)
    eventually(lambda: len(webhook.alerts()) >= len(expected), "everybody is told")
    assert 0 == collector.stop()
    assert expected == sorted(webhook.alerts())
    sent = "select kind, issue_id::text from alerts where status = 'sent' order by all"
    assert expected == collector.rows(sent)


@pytest.mark.long
@pytest.mark.timeout(240)
def test_the_story_of_a_release(new_collector: Any, webhook: Told, eventually: Callable[..., Any]) -> None:
    """New in 1.0, resolved in 1.1, late from 1.0, back in 1.2, ignored for 100 more, back then; the collector is killed on the way."""
    collector = new_collector(**webhook.settings).start()

    def state() -> tuple[Any, ...]:
        [row] = collector.published("select status, is_regression, events_count, first_release, last_release from issues")
        return tuple(row)

    def told(*kinds: str) -> None:
        eventually(lambda: len(webhook.alerts()) >= len(kinds), f"alerts of {kinds}")
        assert [(kind, issue) for kind in kinds] == webhook.alerts()

    send(collector, "1.0", 3)
    assert ("open", False, 3, "1.0", "1.0") == state()
    [(issue,)] = collector.rows("select issue_id::text from issues")
    told("new_issue")

    otelpond(collector, "resolve", issue[:8], "--in-release", "1.1")
    send(collector, "1.0", 2)
    assert ("resolved", False, 5, "1.0", "1.0") == state()

    send(collector, "1.2", 1)
    collector.kill()
    collector.start()
    assert ("reopened", True, 6, "1.0", "1.2") == state()
    told("new_issue", "regression")

    otelpond(collector, "ignore", issue[:8], "--events", "100")
    send(collector, "1.2", 60)
    collector.kill()
    collector.start()
    send(collector, "1.2", 39)
    assert ("ignored", False, 105, "1.0", "1.2") == state()

    send(collector, "1.2", 2)
    status, _, *others = state()
    assert ("reopened", 107, "1.0", "1.2") == (status, *others)
    told("new_issue", "regression", "unignored")

    assert [(True,)] == collector.rows("select bool_and(not resolved) from error_logs")
    assert 0 == collector.stop()
    told("new_issue", "regression", "unignored")
    assert [(kind, 1) for kind in sorted(RULES)] == collector.rows(
        "select kind, count(*) from alerts where status = 'sent' group by all order by all"
    )
