"""Both receivers count how each request ended, under the Go Collector's names."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import AbstractContextManager
from types import SimpleNamespace
from typing import Any, cast

import grpc
import httpx
import pytest
from otelpond.receivers.authentication import Authentication
from otelpond.storage.access import ANYBODY
from otelpond.storage.counters import COUNTERS
from otelpond.storage.signals import Signal, UnavailableError

METHOD = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"


@pytest.fixture
def send(http_port: int, grpc_port: int) -> Callable[[str, bytes], None]:
    """Sends one traces request on a transport, whatever the answer."""

    def over(transport: str, payload: bytes) -> None:
        if transport == "http":
            httpx.post(f"http://127.0.0.1:{http_port}/v1/traces", content=payload, headers={"content-type": "application/x-protobuf"})
            return
        with grpc.insecure_channel(f"127.0.0.1:{grpc_port}") as channel:
            channel.unary_unary(METHOD).future(payload).exception()

    return over


def _counted(transport: str) -> dict[str, int]:
    """The counters of spans and requests on a transport, without their common prefix."""
    return {
        name.removeprefix("otelcol_receiver_") + "".join(f" {value}" for _, value in labels[2:]): count
        for name, labels, count in COUNTERS.samples()
        if labels[:2] == (("receiver", "otlp"), ("transport", transport)) and name.endswith(("_spans", "_requests"))
    }


def _grown(before: dict[str, int], transport: str, total: int) -> dict[str, int]:
    """By how much each counter has grown, as soon as all together have by so much: a request is counted once its answer is out."""
    end = time.monotonic() + 10
    while True:
        grown = {name: count - before.get(name, 0) for name, count in _counted(transport).items() if count != before.get(name, 0)}
        if sum(grown.values()) >= total or time.monotonic() > end:
            return grown
        time.sleep(0.01)


@pytest.mark.parametrize("transport", ["http", "grpc"])
@pytest.mark.parametrize(
    ("fault", "grown"),
    [
        ({}, {"accepted_spans": 1, "requests success": 1}),
        ({"span_id": b"short"}, {"refused_spans": 1, "requests success": 1}),
        ({"disk": UnavailableError("full")}, {"refused_spans": 1, "requests refused": 1}),
        ({"room": UnavailableError("full")}, {"requests refused": 1}),
        ({"disk": ZeroDivisionError()}, {"failed_spans": 1, "requests failure": 1}),
    ],
    ids=["accepted", "breaks a rule", "disk full", "no room", "our mistake"],
)
def test_counts_how_a_request_ended(  # noqa: PLR0917 - fixtures and parameters
    send: Callable[[str, bytes], None],
    sink: Any,
    request_of: Callable[..., Any],
    transport: str,
    fault: dict[str, Any],
    grown: dict[str, int],
) -> None:
    """Items where they are known, and the request."""
    sink.disk, sink.room = fault.get("disk"), fault.get("room")
    before = _counted(transport)
    send(transport, request_of(Signal.TRACES, span_id=fault.get("span_id", b"12345678")).SerializeToString())
    assert grown == _grown(before, transport, sum(grown.values()))


@pytest.mark.parametrize("disk", [None, UnavailableError("full")])
def test_counts_what_is_stored_though_its_sender_has_gone(
    sink: Any,
    request_of: Callable[..., Any],
    grpc_receiver: Callable[..., AbstractContextManager[int]],
    monkeypatch: pytest.MonkeyPatch,
    disk: Exception | None,
) -> None:
    """A call that is cancelled while its payload waits for the disk ends as the payload does, and is charged if that is stored."""
    slow: Future[None] = Future()
    spent: list[int] = []
    access = SimpleNamespace(authenticate=lambda _: ANYBODY, spend=lambda _caller, items, _size: spent.append(items))
    waits = threading.Event()
    monkeypatch.setattr(sink, "append", lambda *_: waits.set() or slow)
    before = _counted("grpc")
    with grpc_receiver(sink, authentication=Authentication(cast("Any", access))) as port:
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            call = channel.unary_unary(METHOD).future(request_of(Signal.TRACES).SerializeToString())
            assert waits.wait(10)
            call.cancel()
        while sink.held:
            time.sleep(0.01)
        assert (before, []) == (_counted("grpc"), spent)
        slow.set_exception(disk) if disk else slow.set_result(None)
    grown = {name: count - before.get(name, 0) for name, count in _counted("grpc").items() if count != before.get(name, 0)}
    ended = ({"refused_spans": 1, "requests refused": 1}, []) if disk else ({"accepted_spans": 1, "requests success": 1}, [1])
    assert ended == (grown, spent)


@pytest.mark.parametrize("transport", ["http", "grpc"])
def test_counts_what_is_undecodable_as_refused(send: Callable[[str, bytes], None], transport: str) -> None:
    """A request that cannot be read has no items."""
    before = _counted(transport)
    send(transport, b"\x0a\xff\xff\xff")
    assert {"requests refused": 1} == _grown(before, transport, 1)
