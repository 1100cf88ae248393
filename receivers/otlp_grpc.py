"""OTLP/gRPC: the three Export services on raw bytes; what is understood goes to the sink, and is made durable before the answer.

Generic handlers, because the generated servicers answer a malformed message with INTERNAL and parse it a second time. grpcio itself
undoes gzip and deflate, and holds the message's size to the limit before, while and after it does.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NoReturn

import grpc

from ..storage.counters import Received
from ..storage.signals import Inspection, Sink, UnavailableError, UndecodableError
from .admission import LONG_BYTES, Admission
from .authentication import OPEN, Authentication
from .counting import Counted, received
from .event_loop import Durable, inline_or_not
from .exports import DEFAULT_MAX_BODY_BYTES, LONGEST_SHARED_S, Export, in_flight_bytes
from .memory import Incoming, return_large_blocks
from .refusals import RefusedError, grpc_trailers, refusal_of

MOST_CALLS: Final = 1024
"""Calls under way at once, most of which wait for the disk; each holds some 50 kB besides its message. More hear try-later."""

_CODES: Final = {code.value[0]: code for code in grpc.StatusCode}


@dataclass(slots=True)
class _UnderWay:
    """How many calls are being served."""

    calls: int = 0


@dataclass(frozen=True, slots=True)
class _Method:
    """Takes one signal's calls: one rung of the ladder after the other, each with its own refusal."""

    export: Export
    sink: Sink
    authentication: Authentication
    incoming: Incoming
    durable: Durable
    under_way: _UnderWay
    received: Received

    def check(self, authorization: str) -> None:
        """Whether a call may send its message at all.

        Raises:
            UnauthenticatedError, ForbiddenError, LimitedError: as `Access.authenticate`.
            UnavailableError: there is no room for another one.
        """
        self.authentication.caller(authorization)
        if self.under_way.calls >= MOST_CALLS:
            raise UnavailableError(f"{MOST_CALLS} calls are under way already", retry_after_s=1.0)
        self.incoming.check()
        with Admission(self.sink) as admission:
            admission.check(1)  # the headers do not tell the size

    async def call(self, _messages: object, context: grpc.aio.ServicerContext) -> bytes:
        """Answer one call."""
        self.under_way.calls += 1
        try:
            return await self._accept(context)
        except Exception as error:  # noqa: BLE001  every error becomes an answer, sorted in one place
            await _refuse(refusal_of(error), context)
        finally:
            self.under_way.calls -= 1

    async def _accept(self, context: grpc.aio.ServicerContext) -> bytes:
        with Counted(self.received) as counted, Admission(self.sink) as admission:
            payload = await self.incoming.message(context.read)
            if payload is grpc.aio.EOF:
                raise UndecodableError("the call ended without a message")
            admission.reserve(len(payload))
            counted.inspection = inspection = await inline_or_not(len(payload) <= LONG_BYTES, self._inspect, payload, admission)
            if inspection.items:
                caller = self.authentication.caller(_authorization(context.invocation_metadata()))  # again: a message may come late
                counted.stored = stored = self.sink.append(caller.tenant, self.export.signal, payload, inspection)
                self.authentication.spend(caller, inspection.items, len(payload), stored)
                await self.durable(stored)
        response: bytes = self.export.response(inspection).SerializeToString()
        return response

    def _inspect(self, payload: bytes, admission: Admission) -> Inspection:
        with admission.parsing(len(payload)):
            return self.sink.inspect(self.export.signal, payload)


class _Handler(grpc.GenericRpcHandler):  # type: ignore[misc]  # grpcio ships no types
    """Finds an Export call by its name, and turns it away before its message is read: whom we do not let in, what has no room.

    Its methods claim to take a stream, for only then grpcio leaves it to them to read a message; of Export calls it is the only one.
    """

    def __init__(self, sink: Sink, authentication: Authentication, incoming: Incoming) -> None:
        durable, under_way = Durable(), _UnderWay()
        methods = (
            _Method(export, sink, authentication, incoming, durable, under_way, counters) for export, counters in received("grpc").items()
        )
        self._methods = {method.export.method: (method, grpc.stream_unary_rpc_method_handler(method.call)) for method in methods}

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler | None:
        """What serves this call; None, which grpcio answers with UNIMPLEMENTED, for a name that we do not know."""
        method, handler = self._methods.get(handler_call_details.method, (None, None))
        if method is None:
            return None
        try:
            method.check(_authorization(handler_call_details.invocation_metadata))
        except Exception as error:  # noqa: BLE001  every error becomes an answer, sorted in one place
            method.received.refused(items=0)
            return _turned_away(refusal_of(error))
        return handler


def _authorization(metadata: tuple[tuple[str, str], ...]) -> str:
    return ", ".join(value for key, value in metadata if key == "authorization")


def _turned_away(refusal: RefusedError) -> grpc.RpcMethodHandler:
    """A method that ends the call at once, its message unread."""

    async def call(_messages: object, context: grpc.aio.ServicerContext) -> bytes:
        await _refuse(refusal, context)

    return grpc.stream_unary_rpc_method_handler(call)


async def _refuse(refusal: RefusedError, context: grpc.aio.ServicerContext) -> NoReturn:
    await context.abort(_CODES[refusal.kind.grpc_code], refusal.message, grpc_trailers(refusal))
    raise AssertionError  # abort has raised


def server(
    sink: Sink,
    address: str,
    *,
    max_body_bytes: int = DEFAULT_MAX_BODY_BYTES,
    in_flight_bytes: int = in_flight_bytes(DEFAULT_MAX_BODY_BYTES),
    authentication: Authentication = OPEN,
    credentials: grpc.ServerCredentials | None = None,
    shared_port: bool = False,
) -> tuple[grpc.aio.Server, int]:
    """The OTLP/gRPC receiver, bound and not yet started, and the port that it is bound to; for the event loop that runs.

    Args:
        sink: where payloads go.
        address: `HOST:PORT`; port 0 takes a free one.
        max_body_bytes: the longest message, as it comes and decompressed.
        in_flight_bytes: how much may be allocated for messages that come in and are not yet durable.
        authentication: who may send.
        credentials: the certificates of a server that speaks TLS.
        shared_port: other processes of this collector listen there too.

    Raises:
        RuntimeError: the address cannot be bound.
    """
    options = [
        ("grpc.max_receive_message_length", max_body_bytes),
        ("grpc.so_reuseport", int(shared_port)),  # a second collector on the port is a mistake, not a partner
        # Go's collectors and SDKs may be set to ping every 10 s; the default ends their connection with "too many pings".
        ("grpc.http2.min_ping_interval_without_data_ms", 10_000),
        ("grpc.keepalive_permit_without_calls", 1),
        # Of a message that nobody reads no more than 64 KiB come; grpcio, estimating the bandwidth, would let megabytes in.
        ("grpc.http2.bdp_probe", 0),
    ]
    if shared_port:  # grpcio ends it in good order, a tenth earlier or later, so that not all clients come again at once
        options += [("grpc.max_connection_age_ms", LONGEST_SHARED_S * 1000), ("grpc.max_connection_age_grace_ms", 60_000)]
    return_large_blocks()
    handler = _Handler(sink, authentication, Incoming(in_flight_bytes, max_body_bytes))
    receiver = grpc.aio.server(handlers=[handler], options=options)
    port = receiver.add_insecure_port(address) if credentials is None else receiver.add_secure_port(address, credentials)
    return receiver, port
