"""Who acts: on the request's span, on what runs in it, on log records, and in the baggage of requests to other services."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from opentelemetry import propagate, trace
from otelpond.instrumentation import context, set_session, set_user

SERVER = trace.SpanKind.SERVER
Observed = Callable[..., Any]
ADA = {"user.id": "ada", "user.roles": ("admin",)}


@pytest.fixture(autouse=True)
def _alone() -> Iterator[None]:
    """Nothing of one test is left for the next."""
    token = context._current.set(None)
    before = propagate.get_global_textmap()
    yield
    context._current.reset(token)
    propagate.set_global_textmap(before)


def test_the_user_is_on_the_request_and_on_what_it_runs(observed: Observed) -> None:
    """Whatever runs later too; the next request on the same thread begins with nobody."""
    seen = observed(context)
    with seen.tracer.start_as_current_span("request", kind=SERVER), seen.tracer.start_as_current_span("open"):
        with seen.tracer.start_as_current_span("ended"):
            pass
        set_user("ada", role="admin")
        set_session(7)
        with seen.tracer.start_as_current_span("query", kind=trace.SpanKind.CLIENT):
            seen.log()
    with seen.tracer.start_as_current_span("next", kind=SERVER):
        seen.log()
    spans = seen.spans()
    whole = {**ADA, "session.id": "7"}
    assert {"request": whole, "open": whole, "query": whole, "ended": {}, "next": {}} == spans
    assert [whole, {}] == seen.logs()


def test_what_a_thread_with_a_copied_context_sets_reaches_the_request(observed: Observed) -> None:
    """FastAPI runs plain functions so, dependencies among them."""
    seen = observed(context)
    with seen.tracer.start_as_current_span("request", kind=SERVER):
        thread = threading.Thread(target=contextvars.copy_context().run, args=(set_user, "ada", ["admin"]))
        thread.start()
        thread.join()
        seen.log()
    assert {"request": ADA} == seen.spans()
    assert [ADA] == seen.logs()


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


def test_nobody_is_nobody(observed: Observed) -> None:
    """None takes user and roles away again; a log record's own user stays, without another's roles."""
    seen = observed(context)
    with seen.tracer.start_as_current_span("request", kind=SERVER):
        set_user("ada", role="admin")
        seen.log(**{"user.id": "bob"})
        set_user(None)
        seen.log()
    assert [{"user.id": "bob"}, {}] == seen.logs()


def test_the_identity_goes_to_other_services_as_baggage(observed: Observed) -> None:
    """And is taken from there, beside the baggage that the service sends itself."""
    seen = observed(context)
    sent: dict[str, str] = {}
    with seen.tracer.start_as_current_span("here", kind=SERVER):
        set_user("ada, the first", role=["admin", "audit"])
        set_session("s")
        propagate.inject(sent)
    there = seen.tracer.start_as_current_span("there", kind=SERVER, context=propagate.extract(sent))
    with there, seen.tracer.start_as_current_span("below"):
        pass
    whole = {"user.id": "ada, the first", "user.roles": ("admin", "audit"), "session.id": "s"}
    assert {"here": whole, "there": whole, "below": whole} == seen.spans()


@pytest.mark.parametrize(("setting", "sends", "accepts"), [("send", True, False), ("accept", False, True), ("off", False, False)])
def test_baggage_can_be_turned_off_each_way(setting: str, sends: bool, accepts: bool, observed: Observed) -> None:
    """Strangers are not told, and not believed."""
    seen = observed(context, identity_baggage=setting)
    sent: dict[str, str] = {}
    with seen.tracer.start_as_current_span("here", kind=SERVER):
        set_user("ada")
        propagate.inject(sent)
    assert sends == ("ada" in sent.get("baggage", ""))
    with seen.tracer.start_as_current_span("there", kind=SERVER, context=propagate.extract({"baggage": "user.id=eve"})):
        pass
    assert ({"user.id": "eve"} if accepts else {}) == seen.spans()["there"]


def test_stop_gives_the_propagator_back(observed: Observed) -> None:
    """The one that the service had."""
    before = propagate.get_global_textmap()
    observed(context)
    assert propagate.get_global_textmap() is not before
    context.stop()
    assert propagate.get_global_textmap() is before
