"""Every refusal of a receiver, sorted once into permanent and try later; OTLP/HTTP and OTLP/gRPC render their answers from it."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping
from enum import Enum
from types import MappingProxyType
from typing import Final

from google.protobuf import json_format
from google.rpc import error_details_pb2, status_pb2

from ..storage.access import ForbiddenError, LimitedError, UnauthenticatedError
from ..storage.fault_places import place_of
from ..storage.signals import TooDenseError, UnavailableError, UndecodableError

_LOGGER: Final = logging.getLogger(__name__)
_LONGEST_MESSAGE: Final = 1024  # characters: an answer stays far below the 4 MiB that OTLP allows it
_NO_HEADERS: Final[Mapping[str, str]] = MappingProxyType({})


class Kind(Enum):
    """A sort of refusal: its HTTP status and its gRPC code (google.rpc.Code).

    Only UNAVAILABLE and LIMITED may be tried again. OTLP lets clients repeat 429, 502, 503 and 504, UNAVAILABLE, and RESOURCE_EXHAUSTED
    where a RetryInfo comes with it: no other kind may use one of these.
    """

    UNDECODABLE = (400, 3)  # INVALID_ARGUMENT
    UNAUTHENTICATED = (401, 16)  # UNAUTHENTICATED
    FORBIDDEN = (403, 7)  # PERMISSION_DENIED
    UNKNOWN_PATH = (404, 5)  # NOT_FOUND
    WRONG_METHOD = (405, 12)  # UNIMPLEMENTED
    TOO_LARGE = (413, 8)  # RESOURCE_EXHAUSTED, without RetryInfo
    UNSUPPORTED_MEDIA = (415, 3)  # INVALID_ARGUMENT
    LIMITED = (429, 8)  # RESOURCE_EXHAUSTED, with RetryInfo
    LONG_HEAD = (431, 3)  # INVALID_ARGUMENT
    FAILED = (500, 13)  # INTERNAL: our own mistake on this payload, which a repetition would meet again
    UNAVAILABLE = (503, 14)  # UNAVAILABLE

    @property
    def http_status(self) -> int:
        """The status of the HTTP answer."""
        return self.value[0]

    @property
    def grpc_code(self) -> int:
        """The number of the gRPC status code."""
        return self.value[1]


_LATER: Final = (Kind.UNAVAILABLE, Kind.LIMITED)


class RefusedError(Exception):
    """A request is refused.

    Attributes:
        kind: the sort of refusal.
        message: what is wrong and what would be right, for the sender.
        retry_after_s: whole seconds, 1 to 3, where a repetition may help; None where it cannot.
        headers: what the HTTP answer says besides (Allow, Accept, WWW-Authenticate).
    """

    def __init__(self, kind: Kind, message: str, *, retry_after_s: float = 1.0, headers: Mapping[str, str] = _NO_HEADERS) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = sendable(message)
        # Python's exporters drop a batch at once when the delay is longer than what is left of their 10 s.
        self.retry_after_s = min(3, max(1, math.ceil(retry_after_s))) if kind in _LATER else None
        self.headers = headers


class DisconnectedError(Exception):
    """The client went away in the middle of its body: nobody is left to answer."""


def sendable(text: str) -> str:
    """Text as a protobuf string takes it: without lone surrogates, and short."""
    whole = text.encode("utf-8", "backslashreplace").decode("utf-8")
    return whole if len(whole) <= _LONGEST_MESSAGE else f"{whole[: _LONGEST_MESSAGE - 1]}…"


def refusal_of(error: BaseException) -> RefusedError:
    """Sort what went wrong; an unforeseen error is logged here and answered without its text."""
    match error:
        case RefusedError():
            return error
        case TooDenseError():
            return RefusedError(Kind.TOO_LARGE, str(error))
        case UndecodableError():
            return RefusedError(Kind.UNDECODABLE, str(error))
        case UnavailableError():
            return RefusedError(Kind.UNAVAILABLE, str(error), retry_after_s=error.retry_after_s)
        case UnauthenticatedError() | ForbiddenError() | LimitedError():
            return _turned_away(error)
        case _:
            _LOGGER.error("a request failed in the collector: %s", place_of(error))
            return RefusedError(Kind.FAILED, "the collector failed on this request; its log says why")


def _turned_away(error: UnauthenticatedError | ForbiddenError | LimitedError) -> RefusedError:
    match error:
        case UnauthenticatedError():
            return RefusedError(Kind.UNAUTHENTICATED, str(error), headers={"www-authenticate": "Bearer"})
        case ForbiddenError():
            return RefusedError(Kind.FORBIDDEN, str(error))
        case LimitedError():
            return RefusedError(Kind.LIMITED, str(error), retry_after_s=error.retry_after_s)


def retry_info(refusal: RefusedError) -> error_details_pb2.RetryInfo:
    """When to try again, as google.rpc says it; only for a refusal with a delay."""
    message = error_details_pb2.RetryInfo()
    message.retry_delay.FromSeconds(refusal.retry_after_s or 0)
    return message


def status(refusal: RefusedError) -> status_pb2.Status:
    """The google.rpc.Status of a refusal: BadRequest says what is undecodable, RetryInfo when to try again."""
    message = status_pb2.Status(code=refusal.kind.grpc_code, message=refusal.message)
    if refusal.kind is Kind.UNDECODABLE:
        violation = error_details_pb2.BadRequest.FieldViolation(field="body", description=refusal.message)
        message.details.add().Pack(error_details_pb2.BadRequest(field_violations=[violation]))
    elif refusal.retry_after_s is not None:
        message.details.add().Pack(retry_info(refusal))
    return message


def http_body(refusal: RefusedError, *, json: bool) -> bytes:
    """The Status as the body of an HTTP answer: OTLP asks for one in every 4xx and 5xx."""
    message = status(refusal)
    body: bytes = json_format.MessageToJson(message, indent=None).encode() if json else message.SerializeToString()
    return body


def http_headers(refusal: RefusedError) -> dict[str, str]:
    """The headers that this refusal adds to its HTTP answer."""
    if refusal.retry_after_s is None:
        return dict(refusal.headers)
    return {**refusal.headers, "retry-after": str(refusal.retry_after_s)}


def grpc_trailers(refusal: RefusedError) -> tuple[tuple[str, bytes], ...]:
    """The trailing metadata of a gRPC answer.

    The delay goes out twice: Go, .NET and Rust read it from `grpc-status-details-bin`, Python's exporter from
    `google.rpc.retryinfo-bin`.
    """
    trailers = (("grpc-status-details-bin", status(refusal).SerializeToString()),)
    if refusal.retry_after_s is None:
        return trailers
    return (*trailers, ("google.rpc.retryinfo-bin", retry_info(refusal).SerializeToString()))
