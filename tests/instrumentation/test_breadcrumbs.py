"""What happened before an error, kept by request, and by thread outside of requests."""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from otelpond.instrumentation import breadcrumbs, scopes


@pytest.fixture(autouse=True)
def _alone() -> Iterator[None]:
    """Nothing of one test is left for the next."""
    token = breadcrumbs._current.set(None)
    breadcrumbs.scope().breadcrumbs.clear()
    yield
    breadcrumbs._current.reset(token)


def _span() -> ReadableSpan:
    span = TracerProvider(shutdown_on_exit=False).get_tracer("test").start_span("request")
    assert isinstance(span, ReadableSpan)
    return span


def _messages() -> list[str]:
    return [breadcrumb[2] for breadcrumb in breadcrumbs.scope().breadcrumbs]


def test_the_last_hundred_are_kept_newest_last() -> None:
    """With their time, kind, level and data."""
    for number in range(150):
        breadcrumbs.add("event", str(number), level="warning", data={"number": number})
    assert [str(number) for number in range(50, 150)] == _messages()
    last = breadcrumbs.described(breadcrumbs.scope().breadcrumbs[-1])
    assert last.pop("timestamp").endswith("+00:00")
    assert {"kind": "event", "level": "warning", "message": "149", "data": {"number": 149}} == last


def test_what_is_kept_is_bounded() -> None:
    """A message of any length, and an event of any size."""
    breadcrumbs.add("log", "x" * 1_000_000)
    assert ["x" * breadcrumbs.LONGEST] == _messages()
    kept = breadcrumbs.bounded({"text": "x" * 1_000_000, "number": 7, **{str(number): [number] * 5000 for number in range(100)}})
    assert breadcrumbs.WIDEST == len(kept)
    assert ("x" * breadcrumbs.LONGEST, 7, [0] * breadcrumbs.LONGEST) == (kept["text"], kept["number"], kept["0"])


def test_a_request_shares_its_own_with_the_threads_it_runs() -> None:
    """And neither with what was before, nor with what comes behind."""
    breadcrumbs.add("log", "before")
    first, second = _span(), _span()
    breadcrumbs.open_scope(first)
    thread = threading.Thread(target=contextvars.copy_context().run, args=(breadcrumbs.add, "log", "in a thread"))
    thread.start()
    thread.join()
    assert ["in a thread"] == _messages()
    breadcrumbs.open_scope(second)
    assert [] == _messages()
    breadcrumbs.close_scope(second)
    assert ["in a thread"] == _messages()


def test_what_follows_a_request_still_finds_what_it_left() -> None:
    """A server logs an exception when the request's span has ended."""
    span = _span()
    breadcrumbs.open_scope(span)
    breadcrumbs.add("log", "inside")
    breadcrumbs.close_scope(span)
    assert ["inside"] == _messages()


def test_requests_that_end_in_other_threads_are_let_go() -> None:
    """A consumer hands each message to a worker: of those that are still open the last few are known, of the others none."""
    pending: list[ReadableSpan] = []
    with ThreadPoolExecutor(1) as workers:
        for _ in range(500):
            pending.append(_span())
            breadcrumbs.open_scope(pending[-1])
            if len(pending) > 20:
                ended = workers.submit(breadcrumbs.close_scope, pending.pop(0)).result()
                assert ended is not None
                assert not ended.is_open
            assert _depth() <= scopes.DEPTH + 1
        for span in pending:
            workers.submit(breadcrumbs.close_scope, span).result()
    breadcrumbs.open_scope(_span())
    assert 1 == _depth()


def _depth() -> int:
    scope: breadcrumbs.Scope | None = breadcrumbs.scope()
    depth = 0
    while scope is not None:
        scope, depth = scope.outer, depth + 1
    return depth


def test_threads_do_not_share_outside_of_requests() -> None:
    """Each has its own."""
    breadcrumbs.add("log", "main")
    seen: list[list[str]] = []
    thread = threading.Thread(target=lambda: seen.append(_messages()))
    thread.start()
    thread.join()
    assert [[]] == seen
