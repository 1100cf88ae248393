"""Who acts: on the request's span, on what runs in it, on log records, and in the baggage of requests to other services."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from opentelemetry import propagate, trace
from opentelemetry._logs import SeverityNumber
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from otelpond.instrumentation import context, set_session, set_user
from otelpond.instrumentation.settings import Settings

SERVER = trace.SpanKind.SERVER
ADA = {"user.id": "ada", "user.roles": ("admin",)}


class _Observed:
    """Providers with the part `context`, and what came out of them."""

    def __init__(self, **settings: Any) -> None:
        self.tracer_provider, self.logger_provider = TracerProvider(shutdown_on_exit=False), LoggerProvider(shutdown_on_exit=False)
        self.add_span_processor = self.tracer_provider.add_span_processor
        self.add_log_record_processor = self.logger_provider.add_log_record_processor
        context.start(Settings(**settings), self)  # type: ignore[arg-type]
        self._spans, self._logs = InMemorySpanExporter(), InMemoryLogRecordExporter()
        self.add_span_processor(SimpleSpanProcessor(self._spans))
        self.add_log_record_processor(SimpleLogRecordProcessor(self._logs))
        self.tracer = self.tracer_provider.get_tracer("test")

    def log(self, **attributes: str) -> None:
        self.logger_provider.get_logger("test").emit(severity_number=SeverityNumber.INFO, body="x", attributes=attributes)

    def spans(self) -> dict[str, dict[str, Any]]:
        return {span.name: dict(span.attributes or {}) for span in self._spans.get_finished_spans()}

    def logs(self) -> list[dict[str, Any]]:
        return [dict(each.log_record.attributes or {}) for each in self._logs.get_finished_logs()]


@pytest.fixture(autouse=True)
def _alone() -> Iterator[None]:
    """Nothing of one test is left for the next."""
    token = context._current.set(None)
    before = propagate.get_global_textmap()
    yield
    context._current.reset(token)
    propagate.set_global_textmap(before)


def test_the_user_is_on_the_request_and_on_what_it_runs() -> None:
    """Whatever runs later too; the next request on the same thread begins with nobody."""
    observed = _Observed()
    with observed.tracer.start_as_current_span("request", kind=SERVER), observed.tracer.start_as_current_span("open"):
        with observed.tracer.start_as_current_span("ended"):
            pass
        set_user("ada", role="admin")
        set_session(7)
        with observed.tracer.start_as_current_span("query", kind=trace.SpanKind.CLIENT):
            observed.log()
    with observed.tracer.start_as_current_span("next", kind=SERVER):
        observed.log()
    spans = observed.spans()
    whole = {**ADA, "session.id": "7"}
    assert {"request": whole, "open": whole, "query": whole, "ended": {}, "next": {}} == spans
    assert [whole, {}] == observed.logs()


def test_what_a_thread_with_a_copied_context_sets_reaches_the_request() -> None:
    """FastAPI runs plain functions so, dependencies among them."""
    observed = _Observed()
    with observed.tracer.start_as_current_span("request", kind=SERVER):
        thread = threading.Thread(target=contextvars.copy_context().run, args=(set_user, "ada", ["admin"]))
        thread.start()
        thread.join()
        observed.log()
    assert {"request": ADA} == observed.spans()
    assert [ADA] == observed.logs()


def test_outside_of_requests_it_is_the_tasks_own() -> None:
    """Tasks do not see each other's user; what was there before they began they inherit."""
    seen: dict[str, dict[str, Any]] = {}

    async def task(name: str, barrier: asyncio.Barrier) -> None:
        set_user(name)
        await barrier.wait()
        seen[name] = context.current()

    async def tasks() -> None:
        set_session("s")
        barrier = asyncio.Barrier(2)
        await asyncio.gather(task("ada", barrier), task("bob", barrier))

    asyncio.run(tasks())
    assert {name: {"session.id": "s", "user.id": name} for name in ("ada", "bob")} == seen
    assert {} == context.current()


def test_nobody_is_nobody() -> None:
    """None takes user and roles away again; a log record's own user stays."""
    observed = _Observed()
    with observed.tracer.start_as_current_span("request", kind=SERVER):
        set_user("ada", role="admin")
        observed.log(**{"user.id": "bob"})
        set_user(None)
        observed.log()
    assert [{"user.id": "bob", "user.roles": ("admin",)}, {}] == observed.logs()


def test_the_identity_goes_to_other_services_as_baggage() -> None:
    """And is taken from there, beside the baggage that the service sends itself."""
    observed = _Observed()
    sent: dict[str, str] = {}
    with observed.tracer.start_as_current_span("here", kind=SERVER):
        set_user("ada, the first", role=["admin", "audit"])
        set_session("s")
        propagate.inject(sent)
    there = observed.tracer.start_as_current_span("there", kind=SERVER, context=propagate.extract(sent))
    with there, observed.tracer.start_as_current_span("below"):
        pass
    whole = {"user.id": "ada, the first", "user.roles": ("admin", "audit"), "session.id": "s"}
    assert {"here": whole, "there": whole, "below": whole} == observed.spans()


@pytest.mark.parametrize(("setting", "sends", "accepts"), [("send", True, False), ("accept", False, True), ("off", False, False)])
def test_baggage_can_be_turned_off_each_way(setting: str, sends: bool, accepts: bool) -> None:
    """Strangers are not told, and not believed."""
    observed = _Observed(identity_baggage=setting)
    sent: dict[str, str] = {}
    with observed.tracer.start_as_current_span("here", kind=SERVER):
        set_user("ada")
        propagate.inject(sent)
    assert sends == ("ada" in sent.get("baggage", ""))
    with observed.tracer.start_as_current_span("there", kind=SERVER, context=propagate.extract({"baggage": "user.id=eve"})):
        pass
    assert ({"user.id": "eve"} if accepts else {}) == observed.spans()["there"]


def test_stop_gives_the_propagator_back() -> None:
    """The one that the service had."""
    before = propagate.get_global_textmap()
    _Observed()
    assert propagate.get_global_textmap() is not before
    context.stop()
    assert propagate.get_global_textmap() is before
