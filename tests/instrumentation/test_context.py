"""Who acts: on the request's span, on what runs in it, on log records, and in the baggage of requests to other services."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import pytest
from opentelemetry import propagate, trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF
from otelpond.instrumentation import breadcrumbs, context, imports, set_session, set_user

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


def test_requests_that_end_in_other_threads_are_let_go(observed: Observed) -> None:
    """A consumer hands each message to a worker, which ends its span: the next one is in no other, and begins with nobody."""
    seen = observed(context)
    with ThreadPoolExecutor(1) as workers:
        for number in range(500):
            span = seen.tracer.start_span("message", kind=trace.SpanKind.CONSUMER)
            identity = context._current.get()
            assert identity is not None
            assert identity.outer is None
            assert {} == context.current()
            set_user(number)
            workers.submit(span.end).result()
            assert not identity.is_open


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


def _sent(seen: Any, host: str, **attributes: str) -> str:
    """The baggage of a request to another host, as its client sends it."""
    carrier: dict[str, str] = {}
    with seen.tracer.start_as_current_span("call", kind=trace.SpanKind.CLIENT, attributes={"server.address": host, **attributes}):
        propagate.inject(carrier)
    return carrier.get("baggage", "")


def test_the_identity_goes_to_other_services_as_baggage(observed: Observed) -> None:
    """And is taken from there, beside the baggage that the service sends itself."""
    seen = observed(context, identity_baggage="both")
    with seen.tracer.start_as_current_span("here", kind=SERVER):
        set_user("ada, the first", role=["admin", "audit"])
        set_session("s")
        sent = _sent(seen, "billing")
    there = seen.tracer.start_as_current_span("there", kind=SERVER, context=propagate.extract({"baggage": sent}))
    with there, seen.tracer.start_as_current_span("below"):
        pass
    whole = {"user.id": "ada, the first", "user.roles": ("admin", "audit"), "session.id": "s"}
    assert {"here": whole, "there": whole, "below": whole} == {name: seen.spans()[name] for name in ("here", "there", "below")}


@pytest.mark.parametrize(
    ("setting", "sends", "accepts"), [("", False, False), ("send", True, False), ("accept", False, True), ("off", False, False)]
)
def test_baggage_is_off_and_can_be_turned_on_each_way(setting: str, sends: bool, accepts: bool, observed: Observed) -> None:
    """Unless set so, nobody is told and nobody is believed."""
    seen = observed(context, **({"identity_baggage": setting} if setting else {}))
    with seen.tracer.start_as_current_span("here", kind=SERVER):
        set_user("ada")
        assert sends == ("ada" in _sent(seen, "10.0.0.7"))
    with seen.tracer.start_as_current_span("there", kind=SERVER, context=propagate.extract({"baggage": "user.id=eve"})):
        pass
    assert ({"user.id": "eve"} if accepts else {}) == seen.spans()["there"]


@pytest.mark.parametrize(
    ("hosts", "told"),
    [
        ((), {"billing", "billing.default.svc", "BILLING.shop.internal.", "127.0.0.1", "::1"}),
        (("*.shop.example", "billing"), {"billing", "api.shop.example"}),
        (("*",), {"billing", "billing.default.svc", "BILLING.shop.internal.", "127.0.0.1", "::1", "api.shop.example", "1.1.1.1", ""}),
    ],
    ids=["private", "named", "all"],
)
def test_only_hosts_that_are_named_are_told(hosts: tuple[str, ...], told: set[str], observed: Observed) -> None:
    """Private ones unless set; a call that does not say where it goes goes to a stranger."""
    seen = observed(context, identity_baggage="both", **({"identity_hosts": hosts} if hosts else {}))
    everybody = {"billing", "billing.default.svc", "BILLING.shop.internal.", "127.0.0.1", "::1", "api.shop.example", "1.1.1.1", ""}
    with seen.tracer.start_as_current_span("here", kind=SERVER):
        set_user("ada")
        assert told == {host for host in everybody if "ada" in _sent(seen, host)}
        assert ("*" in hosts) == ("ada" in _sent(seen, "", **{"url.full": "https://api.example/v1"}))


def test_what_strangers_say_goes_no_further(observed: Observed) -> None:
    """Neither to hosts that are told who acts, where they are not believed, nor to other strangers, where they are; the rest goes on."""
    seen = observed(context, identity_baggage="send")
    forged = propagate.extract({"baggage": "user.id=eve,tenant=7"})
    with seen.tracer.start_as_current_span("here", kind=SERVER, context=forged) as span:
        carrier: dict[str, str] = {}
        propagate.inject(carrier, trace.set_span_in_context(span, forged))
    assert "tenant=7" == carrier["baggage"]


def test_stop_gives_the_propagator_back(observed: Observed) -> None:
    """The one that the service had."""
    before = propagate.get_global_textmap()
    observed(context, identity_baggage="both")
    assert propagate.get_global_textmap() is not before
    context.stop()
    assert propagate.get_global_textmap() is before


@pytest.fixture
def dropping(observed: Observed) -> Any:
    """The part beside a provider that samples nothing."""
    observed(context)
    return TracerProvider(sampler=ALWAYS_OFF, shutdown_on_exit=False).get_tracer("test")


@pytest.mark.parametrize("kind", [SERVER, trace.SpanKind.CONSUMER])
def test_a_request_that_is_not_sampled_begins_with_nobody(dropping: Any, kind: trace.SpanKind) -> None:
    """Its thread may have served another that was not sampled either; the breadcrumbs are not its own."""
    for user in ("ada", "bob"):
        with dropping.start_as_current_span("request", kind=kind):
            assert ({}, 0) == (context.current(), len(breadcrumbs.scope().breadcrumbs))
            set_user(user)
            breadcrumbs.add("event", user)
            with dropping.start_as_current_span("query", kind=trace.SpanKind.CLIENT):
                assert {"user.id": user} == context.current()
    context.stop()
    with dropping.start_as_current_span("request", kind=kind):
        assert {"user.id": "bob"} == context.current()


def test_within_a_request_that_is_recorded_its_user_stays(observed: Observed, dropping: Any) -> None:
    """As a part of it."""
    seen = observed(context)
    with seen.tracer.start_as_current_span("request", kind=SERVER):
        set_user("ada")
        with dropping.start_as_current_span("within", kind=SERVER):
            assert {"user.id": "ada"} == context.current()
    assert {} == context.current()


def test_a_request_of_a_framework_without_a_package_begins_with_nobody(observed: Observed, monkeypatch: pytest.MonkeyPatch) -> None:
    """At the entry of Flask and Django, which is what it was when the part has stopped."""

    class Flask:
        def wsgi_app(self, user: str) -> dict[str, Any]:
            before = context.current()
            set_user(user)
            return before

    module = SimpleNamespace(Flask=Flask)
    original = Flask.wsgi_app
    monkeypatch.setattr(imports, "when_imported", lambda name, act, _what: act(module) if name == "flask" else None)
    observed(context)
    assert [{}, {}] == [Flask().wsgi_app(user) for user in ("ada", "bob")]
    context.stop()
    assert original is Flask.wsgi_app
