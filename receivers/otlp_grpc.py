"""OTLP/gRPC: the three Export services on raw bytes; what is understood goes to the sink, and is made durable before the answer.

Generic handlers, because the generated servicers answer a malformed message with INTERNAL and parse it a second time. grpcio itself
undoes gzip and deflate, and holds the message's size to the limit before, while and after it does.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Final, NoReturn

import grpc

from ..storage.signals import Sink, UndecodableError
from .admission import Admission
from .authentication import OPEN, Authentication
from .counting import Counted, received
from .exports import DEFAULT_MAX_BODY_BYTES, Export, in_flight_bytes
from .memory import Incoming, return_large_blocks
from .refusals import RefusedError, grpc_trailers, refusal_of

DEFAULT_WORKERS: Final = 64
"""Requests under way at once, most of which wait for the disk."""

_CODES: Final = {code.value[0]: code for code in grpc.StatusCode}


class _Handler(grpc.GenericRpcHandler):  # type: ignore[misc]  # grpcio ships no types
    """Finds an Export call by its name, and turns it away before its message is read: whom we do not let in, what has no room.

    Its methods claim to take a stream, for only then grpcio leaves it to them to read a message; of Export calls it is the only one.
    """

    def __init__(self, sink: Sink, authentication: Authentication, incoming: Incoming) -> None:
        self._sink = sink
        self._incoming = incoming
        self._authentication = authentication
        self._received = received("grpc")
        self._exports = {export.method: export for export in self._received}

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler | None:
        """What serves this call; None, which grpcio answers with UNIMPLEMENTED, for a name that we do not know."""
        export = self._exports.get(handler_call_details.method)
        if export is None:
            return None
        try:
            authorization = _authorization(handler_call_details)
            self._authentication.caller(authorization)
            self._incoming.check()
            with Admission(self._sink) as admission:
                admission.check(1)  # the headers do not tell the size
        except Exception as error:  # noqa: BLE001  every error becomes an answer, sorted in one place
            self._received[export].refused(items=0)
            return _turned_away(refusal_of(error))
        return self._method(export, authorization)

    def _method(self, export: Export, authorization: str) -> grpc.RpcMethodHandler:
        def call(messages: Iterator[bytes], context: grpc.ServicerContext) -> bytes:
            try:
                return self._accept(export, authorization, self._message(export, messages, context))
            except grpc.RpcError:  # nobody is left to answer, and grpcio wants its own error back
                raise
            except Exception as error:  # noqa: BLE001  every error becomes an answer, sorted in one place
                _refuse(refusal_of(error), context)

        return grpc.stream_unary_rpc_method_handler(call)

    def _message(self, export: Export, messages: Iterator[bytes], context: grpc.ServicerContext) -> bytes:
        try:
            with self._incoming.reading(context):
                message = next(messages, None)
        except grpc.RpcError:
            self._received[export].refused(items=0)
            raise
        if message is None:
            raise UndecodableError("the call ended without a message")
        return message

    def _accept(self, export: Export, authorization: str, payload: bytes) -> bytes:
        with Counted(self._received[export]) as counted, Admission(self._sink) as admission:
            admission.reserve(len(payload))
            with admission.parsing(len(payload)):
                inspection = self._sink.inspect(export.signal, payload)
            counted.inspection = inspection
            if inspection.items:
                caller = self._authentication.caller(authorization)  # again: a message may come long after its headers
                self._sink.append(caller.tenant, export.signal, payload, inspection).result()
                self._authentication.spend(caller, inspection.items, len(payload))
        response: bytes = export.response(inspection).SerializeToString()
        return response


def _authorization(call: grpc.HandlerCallDetails) -> str:
    return ", ".join(value for key, value in call.invocation_metadata if key == "authorization")


def _turned_away(refusal: RefusedError) -> grpc.RpcMethodHandler:
    """A method that ends the call at once, its message unread."""

    def call(_messages: Iterator[bytes], context: grpc.ServicerContext) -> bytes:
        _refuse(refusal, context)

    return grpc.stream_unary_rpc_method_handler(call)


def _refuse(refusal: RefusedError, context: grpc.ServicerContext) -> NoReturn:
    context.set_trailing_metadata(grpc_trailers(refusal))
    context.abort(_CODES[refusal.kind.grpc_code], refusal.message)
    raise AssertionError  # abort has raised


def server(
    sink: Sink,
    address: str,
    *,
    max_body_bytes: int = DEFAULT_MAX_BODY_BYTES,
    in_flight_bytes: int = in_flight_bytes(DEFAULT_MAX_BODY_BYTES),
    workers: int = DEFAULT_WORKERS,
    authentication: Authentication = OPEN,
    credentials: grpc.ServerCredentials | None = None,
    shared_port: bool = False,
) -> tuple[grpc.Server, int]:
    """The OTLP/gRPC receiver, bound and not yet started, and the port that it is bound to.

    Args:
        sink: where payloads go.
        address: `HOST:PORT`; port 0 takes a free one.
        max_body_bytes: the longest message, as it comes and decompressed.
        in_flight_bytes: how much may be allocated for messages that come in and are not yet durable.
        workers: how many requests are under way at once.
        authentication: who may send.
        credentials: the certificates of a server that speaks TLS.
        shared_port: other processes of this collector listen there too.

    Raises:
        RuntimeError: the address cannot be bound.
    """
    options = (
        ("grpc.max_receive_message_length", max_body_bytes),
        ("grpc.so_reuseport", int(shared_port)),  # a second collector on the port is a mistake, not a partner
        # Go's collectors and SDKs may be set to ping every 10 s; the default ends their connection with "too many pings".
        ("grpc.http2.min_ping_interval_without_data_ms", 10_000),
        ("grpc.keepalive_permit_without_calls", 1),
        # Of a message that nobody reads no more than 64 KiB come; grpcio, estimating the bandwidth, would let megabytes in.
        ("grpc.http2.bdp_probe", 0),
    )
    return_large_blocks()
    handler = _Handler(sink, authentication, Incoming(in_flight_bytes, max_body_bytes, workers))
    receiver = grpc.server(ThreadPoolExecutor(workers, "otlp-grpc"), handlers=[handler], options=options)
    port = receiver.add_insecure_port(address) if credentials is None else receiver.add_secure_port(address, credentials)
    return receiver, port
