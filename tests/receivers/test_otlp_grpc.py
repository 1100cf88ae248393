"""OTLP/gRPC over real channels: what is taken, and how each refusal is said."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager
from typing import Any

import grpc
import pytest
from google.rpc import code_pb2, error_details_pb2, status_pb2
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from otelpond.receivers import otlp_grpc
from otelpond.storage.signals import Signal, UnavailableError

from ..bench import calls as http2

METHODS = {
    Signal.TRACES: "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
    Signal.METRICS: "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
    Signal.LOGS: "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
}


@pytest.fixture
def channel(grpc_port: int) -> Iterator[grpc.Channel]:
    """A channel to the receiver."""
    with grpc.insecure_channel(f"127.0.0.1:{grpc_port}", options=[("grpc.max_send_message_length", -1)]) as opened:
        yield opened


@pytest.fixture
def small_channel(small_grpc_port: int) -> Iterator[grpc.Channel]:
    """A channel to the receiver of small messages."""
    with grpc.insecure_channel(f"127.0.0.1:{small_grpc_port}") as opened:
        yield opened


def refused(channel: grpc.Channel, payload: bytes, method: str = METHODS[Signal.TRACES], **options: Any) -> Any:
    """The error that a call ends with."""
    with pytest.raises(grpc.RpcError) as error:
        channel.unary_unary(method)(payload, **options)
    return error.value


def trailers(error: Any) -> dict[str, Any]:
    """The trailing metadata by key."""
    return {entry.key: entry.value for entry in error.trailing_metadata()}


@pytest.mark.parametrize("signal", Signal)
@pytest.mark.parametrize("compression", [grpc.Compression.NoCompression, grpc.Compression.Gzip, grpc.Compression.Deflate])
def test_takes_each_signal(
    channel: grpc.Channel, sink: Any, request_of: Callable[..., Any], signal: Signal, compression: grpc.Compression
) -> None:
    """The very bytes reach the sink, compressed or not; the answer is an empty response without partial success."""
    payload = request_of(signal, name="n" * 10_000).SerializeToString()
    assert b"" == channel.unary_unary(METHODS[signal])(payload, compression=compression)
    assert [("default", signal, payload)] == sink.stored


def test_says_what_it_rejects(channel: grpc.Channel, sink: Any, request_of: Callable[..., Any]) -> None:
    """Partial success: OK with count and reason, and the payload is stored."""
    payload = request_of(Signal.TRACES, span_id=b"short").SerializeToString()
    answer = ExportTraceServiceResponse.FromString(channel.unary_unary(METHODS[Signal.TRACES])(payload))
    assert (1, "1 spans have no id of 8 bytes") == (answer.partial_success.rejected_spans, answer.partial_success.error_message)
    assert 1 == len(sink.stored)


def test_takes_nothing_as_nothing(channel: grpc.Channel, sink: Any) -> None:
    """An empty request is a success and is not stored."""
    assert b"" == channel.unary_unary(METHODS[Signal.METRICS])(b"")
    assert [] == sink.stored


def test_says_what_is_undecodable(channel: grpc.Channel, sink: Any) -> None:
    """A malformed message is INVALID_ARGUMENT with a BadRequest; nothing is stored, and the next call is served."""
    error = refused(channel, b"\x0a\xff\xff\xff")
    assert grpc.StatusCode.INVALID_ARGUMENT == error.code()
    status = status_pb2.Status.FromString(trailers(error)["grpc-status-details-bin"])
    assert (code_pb2.INVALID_ARGUMENT, error.details()) == (status.code, status.message)
    assert status.details[0].Is(error_details_pb2.BadRequest.DESCRIPTOR)
    assert "google.rpc.retryinfo-bin" not in trailers(error)
    assert b"" == channel.unary_unary(METHODS[Signal.TRACES])(b"")
    assert (0, []) == (sink.held, sink.stored)


@pytest.mark.parametrize("compression", [grpc.Compression.NoCompression, grpc.Compression.Gzip])
def test_limits_a_message(small_channel: grpc.Channel, sink: Any, compression: grpc.Compression) -> None:
    """A message over the limit, as it comes or decompressed, is RESOURCE_EXHAUSTED without RetryInfo."""
    error = refused(small_channel, b"\x0a" * 2_000_000, compression=compression)
    assert grpc.StatusCode.RESOURCE_EXHAUSTED == error.code()
    assert {"grpc-status-details-bin", "google.rpc.retryinfo-bin"}.isdisjoint(trailers(error))
    assert (0, []) == (sink.held, sink.stored)


def test_refuses_65_mib_by_default(channel: grpc.Channel, sink: Any) -> None:
    """The limit is 64 MiB: 65 MiB of zeros, which gzip to little, are refused after decompression."""
    error = refused(channel, bytes(65 * 1024 * 1024), compression=grpc.Compression.Gzip)
    assert grpc.StatusCode.RESOURCE_EXHAUSTED == error.code()
    assert [] == sink.stored


def test_turns_away_before_reading(channel: grpc.Channel, sink: Any) -> None:
    """Without room a call ends with UNAVAILABLE before its client has sent a message, with the delay in both places."""
    sink.room = UnavailableError("too much is in flight", retry_after_s=1.2)
    answered = threading.Event()

    def messages() -> Iterator[bytes]:
        answered.wait(60)
        yield b""

    error = channel.stream_unary(METHODS[Signal.TRACES]).future(messages()).exception(timeout=10)
    answered.set()
    assert (grpc.StatusCode.UNAVAILABLE, "too much is in flight") == (error.code(), error.details())
    assert {"grpc-status-details-bin", "google.rpc.retryinfo-bin"} <= set(trailers(error))


def test_says_when_to_try_again(channel: grpc.Channel, sink: Any, request_of: Callable[..., Any]) -> None:
    """A full or failing disk is UNAVAILABLE; RetryInfo stands in the trailer of the specification and in that of Python's exporter."""
    sink.disk = UnavailableError("the disk is full", retry_after_s=2)
    error = refused(channel, request_of(Signal.TRACES).SerializeToString())
    assert (grpc.StatusCode.UNAVAILABLE, "the disk is full") == (error.code(), error.details())
    status = status_pb2.Status.FromString(trailers(error)["grpc-status-details-bin"])
    standard = error_details_pb2.RetryInfo()
    assert status.details[0].Unpack(standard)
    of_python = error_details_pb2.RetryInfo.FromString(trailers(error)["google.rpc.retryinfo-bin"])
    assert (2, 2) == (standard.retry_delay.seconds, of_python.retry_delay.seconds)
    assert 0 == sink.held


def test_keeps_its_own_mistakes_to_itself(
    channel: grpc.Channel, sink: Any, request_of: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    """An unforeseen error is INTERNAL; the log says where it was, and its text, which may repeat what was sent, goes nowhere."""
    sink.disk = ZeroDivisionError("inner workings")
    error = refused(channel, request_of(Signal.TRACES).SerializeToString())
    assert grpc.StatusCode.INTERNAL == error.code()
    assert "inner workings" not in error.details()
    assert "ZeroDivisionError at" in caplog.text
    assert "_accept" in caplog.text
    assert "inner workings" not in caplog.text


def test_knows_its_methods(channel: grpc.Channel) -> None:
    """Any other method is UNIMPLEMENTED."""
    error = refused(channel, b"", "/opentelemetry.proto.collector.profiles.v1development.ProfilesService/Export")
    assert grpc.StatusCode.UNIMPLEMENTED == error.code()


def test_serves_many_calls_at_once(channel: grpc.Channel, sink: Any, request_of: Callable[..., Any]) -> None:
    """Calls that overlap on one connection are all stored, each once."""
    payloads = {request_of(Signal.LOGS, name=f"record {number}").SerializeToString() for number in range(200)}
    with ThreadPoolExecutor(32) as clients:
        answers = list(clients.map(channel.unary_unary(METHODS[Signal.LOGS]), payloads))
    assert {b""} == set(answers)
    assert (200, payloads) == (len(sink.stored), {payload for _, _, payload in sink.stored})


def test_a_connection_to_a_shared_port_ends_now_and_then(
    sink: Any, grpc_receiver: Callable[..., AbstractContextManager[int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """In good order, so that its client may come to another process of those that share the port."""
    monkeypatch.setattr(otlp_grpc, "LONGEST_SHARED_S", 1)
    with grpc_receiver(sink, shared_port=True) as port:
        connection = http2.Connection("127.0.0.1", port)
        with pytest.raises(http2.CallError, match="max_age"):
            connection.answers()
        with contextlib.suppress(OSError):  # it is closed already
            connection.close()


def test_calls_beyond_what_is_served_at_once_are_told_to_try_later(
    channel: grpc.Channel, sink: Any, request_of: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A call that waits for the disk is counted; when it is answered there is room again."""
    monkeypatch.setattr(otlp_grpc, "MOST_CALLS", 1)
    slow: Future[None] = Future()
    waits = threading.Event()

    def append(*_: object) -> Future[None]:
        waits.set()
        return slow

    monkeypatch.setattr(sink, "append", append)
    first = channel.unary_unary(METHODS[Signal.TRACES]).future(request_of(Signal.TRACES).SerializeToString())
    assert waits.wait(10)
    assert grpc.StatusCode.UNAVAILABLE == refused(channel, b"").code()
    slow.set_result(None)
    assert b"" == first.result(timeout=10)
    assert b"" == channel.unary_unary(METHODS[Signal.TRACES])(b"", timeout=10)


def test_a_client_that_goes_away_costs_nobody_anything(channel: grpc.Channel, sink: Any, request_of: Callable[..., Any]) -> None:
    """While it sends and while it waits for the disk; memory is given back, and others are served."""
    slow: Future[None] = Future()
    sink.append, append = lambda *_: slow, sink.append
    waiting = channel.unary_unary(METHODS[Signal.TRACES]).future(request_of(Signal.TRACES).SerializeToString())
    sending = channel.stream_unary(METHODS[Signal.TRACES]).future(iter(threading.Event().wait, True))
    while not sink.held:
        time.sleep(0.01)
    waiting.cancel()
    sending.cancel()
    while sink.held:
        time.sleep(0.01)
    slow.set_result(None)
    sink.append = append
    assert b"" == channel.unary_unary(METHODS[Signal.TRACES])(request_of(Signal.TRACES).SerializeToString(), timeout=10)
    assert 1 == len(sink.stored)
