"""OTLP/gRPC 1.11: what only gRPC has; each test is named for its rule."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
import pytest
from google.rpc import error_details_pb2, status_pb2
from otelpond.storage.signals import Signal, UnavailableError

COLLECTOR = "/opentelemetry.proto.collector"
TRACES = f"{COLLECTOR}.trace.v1.TraceService/Export"


@pytest.fixture
def channel(grpc_port: int) -> Iterator[grpc.Channel]:
    """A channel to the receiver."""
    with grpc.insecure_channel(f"127.0.0.1:{grpc_port}") as opened:
        yield opened


def refused(channel: grpc.Channel, method: str, payload: bytes = b"") -> Any:
    """The error that a call ends with."""
    with pytest.raises(grpc.RpcError) as error:
        channel.unary_unary(method)(payload, timeout=20)
    return error.value


@pytest.mark.parametrize(
    "method", [f"{COLLECTOR}.profiles.v1development.ProfilesService/Export", f"{COLLECTOR}.trace.v1.TraceService/Send"]
)
def test_other_methods_are_unimplemented(channel: grpc.Channel, method: str) -> None:
    """Profiles, still in development, among them: clients do not repeat."""
    assert grpc.StatusCode.UNIMPLEMENTED == refused(channel, f"{COLLECTOR}.{method}").code()


def test_retry_info_stands_in_both_trailers(channel: grpc.Channel, sink: Any, request_of: Callable[..., Any]) -> None:
    """`grpc-status-details-bin` holds a Status with code, message and RetryInfo; Python's exporter reads `google.rpc.retryinfo-bin`."""
    sink.disk = UnavailableError("the disk is full", retry_after_s=2)
    error = refused(channel, TRACES, request_of(Signal.TRACES).SerializeToString())
    trailers = {entry.key: entry.value for entry in error.trailing_metadata()}
    status = status_pb2.Status.FromString(trailers["grpc-status-details-bin"])
    in_status, bare = error_details_pb2.RetryInfo(), error_details_pb2.RetryInfo.FromString(trailers["google.rpc.retryinfo-bin"])
    assert status.details[0].Unpack(in_status)
    assert (error.code().value[0], error.details(), bare) == (status.code, status.message, in_status)


def test_calls_on_one_connection_do_not_wait_for_each_other(channel: grpc.Channel, sink: Any, request_of: Callable[..., Any]) -> None:
    """Clients pipeline: calls that overlap on one connection are all served, each stored once."""
    payloads = {request_of(Signal.LOGS, name=f"record {number}").SerializeToString() for number in range(100)}
    export = channel.unary_unary(f"{COLLECTOR}.logs.v1.LogsService/Export")
    with ThreadPoolExecutor(32) as clients:
        assert {b""} == set(clients.map(export, payloads))
    assert (100, payloads) == (len(sink.stored), {payload for _, _, payload in sink.stored})


def test_a_connection_serves_on_after_a_refusal(channel: grpc.Channel, sink: Any) -> None:
    """Successes and refusals of one connection, in turn."""
    export, codes = channel.unary_unary(TRACES), []
    for payload in (b"", b"\xff", b"", b"\xff"):
        try:
            codes.append(export(payload, timeout=20))
        except grpc.RpcError as error:
            codes.append(error.code())
    assert [b"", grpc.StatusCode.INVALID_ARGUMENT] * 2 == codes
    assert [] == sink.stored
