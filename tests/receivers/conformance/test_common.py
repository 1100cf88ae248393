"""OTLP 1.11, rules of both transports: each test is named for its rule, and runs over gRPC, HTTP with protobuf and HTTP with JSON."""

from __future__ import annotations

import inspect
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest
from google.rpc import code_pb2, error_details_pb2
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from otelpond.config.settings import Settings
from otelpond.receivers import otlp_grpc, otlp_http
from otelpond.receivers.refusals import Kind
from otelpond.storage.signals import Inspection, Signal, TooDenseError, UnavailableError

MIB = 1024 * 1024
RETRYABLE_HTTP = {429, 502, 503, 504}
RETRYABLE_GRPC = {
    code_pb2.CANCELLED,
    code_pb2.DEADLINE_EXCEEDED,
    code_pb2.ABORTED,
    code_pb2.OUT_OF_RANGE,
    code_pb2.UNAVAILABLE,
    code_pb2.DATA_LOSS,
}


@pytest.mark.parametrize("signal", Signal)
def test_every_signal_is_taken(send: Any, sink: Any, request_of: Callable[..., Any], signal: Signal) -> None:
    """Traces, metrics and logs at their gRPC methods and HTTP paths; what reaches the sink is the message that was sent."""
    request = request_of(signal)
    assert 0 == send(signal, request).code
    ((tenant, stored_signal, payload),) = sink.stored
    assert ("default", signal, request) == (tenant, stored_signal, type(request).FromString(payload))


@pytest.mark.parametrize("compress", [False, True], ids=["none", "gzip"])
def test_none_and_gzip_are_taken(send: Any, sink: Any, request_of: Callable[..., Any], compress: bool) -> None:
    """Both compressions that every server MUST support."""
    request = request_of(Signal.LOGS, name="n" * 10_000)
    assert 0 == send(Signal.LOGS, request, compress=compress).code
    assert request == ExportLogsServiceRequest.FromString(sink.stored[0][2])


def test_full_success_leaves_partial_success_unset(send: Any, request_of: Callable[..., Any]) -> None:
    """The message of success, in the request's encoding, with nothing in it."""
    answer = send(Signal.TRACES, request_of(Signal.TRACES))
    assert not answer.response.HasField("partial_success")
    assert (b"{}" if send.transport == "http json" else b"") == answer.raw


@pytest.mark.parametrize("signal", Signal)
def test_an_empty_request_is_a_success(send: Any, sink: Any, signal: Signal) -> None:
    """A request without data is acknowledged, and not stored."""
    answer = send(signal, b"{}" if send.transport == "http json" else b"")
    assert (0, False, []) == (answer.code, answer.response.HasField("partial_success"), sink.stored)


def test_empty_envelopes_are_ignored(send: Any, sink: Any) -> None:
    """Resources and scopes without a span are no data."""
    request = ExportTraceServiceRequest()
    request.resource_spans.add().scope_spans.add()
    assert (0, []) == (send(Signal.TRACES, request).code, sink.stored)


def test_partial_success_counts_and_says_why(send: Any, sink: Any, request_of: Callable[..., Any]) -> None:
    """Of two spans one is invalid: the answer is success, counts it and says why in English; the rest is stored."""
    request = request_of(Signal.TRACES)
    request.MergeFrom(request_of(Signal.TRACES, span_id=b"short"))
    answer = send(Signal.TRACES, request)
    assert (0, 1, 1) == (answer.code, answer.response.partial_success.rejected_spans, len(sink.stored))
    assert "span_id has 5 bytes, 8 expected" == answer.response.partial_success.error_message


def test_partial_success_counts_points(send: Any, request_of: Callable[..., Any]) -> None:
    """Points count as points, not as metrics."""
    request = request_of(Signal.METRICS)
    points = request.resource_metrics[0].scope_metrics[0].metrics[0].gauge.data_points
    points.add(as_int=1)
    points.add(as_int=2)
    answer = send(Signal.METRICS, request)
    assert (0, 2) == (answer.code, answer.response.partial_success.rejected_data_points)
    assert "time_unix_nano is absent" == answer.response.partial_success.error_message


def test_the_answer_stays_small(send: Any, sink: Any, request_of: Callable[..., Any]) -> None:
    """A reason of megabytes is shortened, so that the answer stays far below the 4 MiB that OTLP allows it."""
    sink.inspect = lambda *_: Inspection(2, rejected=1, reason="a" * 5 * MIB)
    answer = send(Signal.LOGS, request_of(Signal.LOGS))
    assert (0, 1) == (answer.code, answer.response.partial_success.rejected_log_records)
    assert 1024 == len(answer.response.partial_success.error_message)


def test_unknown_fields_are_ignored(send: Any, sink: Any, request_of: Callable[..., Any]) -> None:
    """A field of a later version of OTLP costs nothing."""
    request = request_of(Signal.TRACES)
    if send.transport == "http json":
        body = b'{"resourceSpans": [{"scopeSpans": [{"spans": [], "later": {"a": [1, null]}}], "later": 1}], "later": "x"}'
        assert (0, []) == (send(Signal.TRACES, body).code, sink.stored)
    else:
        field_1000 = b"\xc2\x3e\x03abc"
        answer = send(Signal.TRACES, request.SerializeToString() + field_1000)
        assert (0, 1) == (answer.code, len(sink.stored))


def test_bad_data_is_refused_for_good(send: Any, sink: Any) -> None:
    """INVALID_ARGUMENT and 400, with a BadRequest that says what is wrong and no word of trying again."""
    answer = send(Signal.METRICS, b"{nonsense" if send.transport == "http json" else b"\x0a\xff\xff\xff")
    assert code_pb2.INVALID_ARGUMENT == answer.code
    assert answer.http_status in {None, 400}
    detail = error_details_pb2.BadRequest()
    assert answer.status.details[0].Unpack(detail)
    assert answer.status.message == detail.field_violations[0].description != ""
    assert ({}, []) == (answer.delays_s, sink.stored)


@pytest.mark.parametrize("compress", [False, True], ids=["as it comes", "decompressed"])
def test_a_request_over_the_limit_is_refused_for_good(send_small: Any, sink: Any, request_of: Callable[..., Any], compress: bool) -> None:
    """Over the limit, before or after decompression: RESOURCE_EXHAUSTED without RetryInfo, and 413; nothing is kept."""
    answer = send_small(Signal.LOGS, request_of(Signal.LOGS, name="n" * 2_000_000), compress=compress)
    assert (code_pb2.RESOURCE_EXHAUSTED, {}) == (answer.code, answer.delays_s)
    assert answer.http_status in {None, 413}
    assert (0, []) == (sink.held, sink.stored)


def test_a_request_of_too_many_messages_is_refused_for_good(
    send: Any, sink: Any, request_of: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """More than anybody sends in so few bytes: as a request over the limit."""

    def inspect(*_: object) -> Inspection:
        raise TooDenseError("the request holds more than 1000000 messages")

    monkeypatch.setattr(sink, "inspect", inspect)
    answer = send(Signal.TRACES, request_of(Signal.TRACES))
    assert (code_pb2.RESOURCE_EXHAUSTED, {}) == (answer.code, answer.delays_s)
    assert answer.http_status in {None, 413}
    assert (0, []) == (sink.held, sink.stored)


def test_the_limit_is_64_mib_unless_set() -> None:
    """What OTLP 1.11 recommends, for both receivers and the setting."""
    defaults = {inspect.signature(make).parameters["max_body_bytes"].default for make in (otlp_grpc.server, otlp_http.app)}
    assert {64 * MIB} == {*defaults, int(Settings().max_body_bytes)}


@pytest.mark.parametrize(("delay_s", "seconds"), [(0.0, 1), (1.2, 2), (30.0, 3)])
def test_try_later_says_when(send: Any, sink: Any, request_of: Callable[..., Any], delay_s: float, seconds: int) -> None:
    """A full disk or no room is UNAVAILABLE and 503, with the delay (1 to 3 whole seconds) in every place that clients read."""
    sink.disk = UnavailableError("the disk is full", retry_after_s=delay_s)
    answer = send(Signal.TRACES, request_of(Signal.TRACES))
    assert (code_pb2.UNAVAILABLE, "the disk is full") == (answer.code, answer.status.message)
    assert answer.http_status in {None, 503}
    of_transport = "google.rpc.retryinfo-bin" if send.transport == "grpc" else "retry-after"
    assert {"status": seconds, of_transport: seconds} == answer.delays_s
    assert 0 == sink.held


def test_overload_is_answered_before_the_body_is_read(send: Any, sink: Any, request_of: Callable[..., Any]) -> None:
    """Without room nothing is read, inspected or stored, and the answer says when to try again."""
    sink.room = UnavailableError("too much is in flight", retry_after_s=1)
    sink.inspect = None
    answer = send(Signal.TRACES, request_of(Signal.TRACES))
    assert (code_pb2.UNAVAILABLE, {1}) == (answer.code, set(answer.delays_s.values()))


def test_our_own_mistake_is_refused_for_good(send: Any, sink: Any, request_of: Callable[..., Any]) -> None:
    """A payload on which the collector itself fails would fail again: INTERNAL and 500, without details and without a delay."""
    sink.disk = ZeroDivisionError("inner workings")
    answer = send(Signal.TRACES, request_of(Signal.TRACES))
    assert (code_pb2.INTERNAL, {}) == (answer.code, answer.delays_s)
    assert answer.http_status in {None, 500}
    assert "inner workings" not in answer.status.message


def test_only_try_later_uses_a_retryable_code() -> None:
    """No permanent refusal has a status or code that clients repeat; RESOURCE_EXHAUSTED is one only where RetryInfo comes with it."""
    retryable = {kind for kind in Kind if kind.http_status in RETRYABLE_HTTP or kind.grpc_code in RETRYABLE_GRPC}
    assert {Kind.UNAVAILABLE} <= retryable <= {Kind.UNAVAILABLE, *(kind for kind in Kind if kind.http_status == 429)}


def test_many_requests_are_served_at_once(send: Any, sink: Any, request_of: Callable[..., Any]) -> None:
    """32 requests wait for the disk together: none is answered before all have arrived, and then each is, as it should be."""
    arrived = threading.Barrier(32, timeout=30)

    def append(*_: Any) -> Future[None]:
        future: Future[None] = Future()
        threading.Thread(target=lambda: (arrived.wait(), future.set_result(None))).start()
        return future

    sink.append = append
    with ThreadPoolExecutor(32) as clients:
        answers = list(clients.map(lambda number: send(Signal.LOGS, request_of(Signal.LOGS, name=f"{number}")), range(32)))
    assert [0] * 32 == [answer.code for answer in answers]


def test_a_request_that_comes_again_is_taken_again(send: Any, sink: Any, request_of: Callable[..., Any]) -> None:
    """OTLP delivers at least once: a repetition is a success like the first (behind the sink it is stored once)."""
    request = request_of(Signal.TRACES)
    assert [0, 0] == [send(Signal.TRACES, request).code for _ in range(2)]
    assert 2 == len(sink.stored)
