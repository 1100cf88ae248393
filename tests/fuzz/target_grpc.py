"""Any message to the OTLP/gRPC receiver, over a socket.

An input's first line is `METHOD WORDS`: the method's path, and any of `gzip`, `full` (the disk) and a number (all the memory there is,
in bytes); the message follows.
"""

from __future__ import annotations

import re
from typing import Final

import grpc
from google.rpc import status_pb2
from otelpond.receivers.exports import EXPORTS

from ..receivers.over_grpc import grpc_receiver
from .folders import new_folder
from .sink import FuzzedSink, items_of

_MAX_BODY_BYTES: Final = 65_536
_SIGNALS: Final = {export.method: export.signal for export in EXPORTS}
_REFUSALS: Final = {
    grpc.StatusCode.INVALID_ARGUMENT,
    grpc.StatusCode.UNIMPLEMENTED,
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.RESOURCE_EXHAUSTED,
}
_SINK: Final = FuzzedSink()
_ADDRESS: Final = f"unix:{new_folder() / 'grpc'}"
_RECEIVER: Final = grpc_receiver(_SINK, _ADDRESS, max_body_bytes=_MAX_BODY_BYTES)
_RECEIVER.__enter__()
_CHANNEL: Final = grpc.insecure_channel(_ADDRESS)


def check(data: bytes) -> None:
    """A status that OTLP knows; OK only for what is stored; no memory stays reserved."""
    first, _, message = data.partition(b"\n")
    method, *words = first.decode("latin-1").split()[:4] or [""]
    method = re.sub(r"[^!-~]", "", method) or "/"
    rooms = [int(word) for word in words if word.isdecimal()]
    _SINK.reset(room=rooms[0] if rooms else None, disk="full" not in words)
    compression = grpc.Compression.Gzip if "gzip" in words else grpc.Compression.NoCompression
    try:
        answer = _CHANNEL.unary_unary(method)(message, timeout=20, compression=compression)
    except grpc.RpcError as error:
        assert not _SINK.stored, f"stored, and refused with {error}"
        _judge_refusal(error, message, faulty=bool(rooms) or not _SINK.disk)
    else:
        signal = _SIGNALS[method]
        assert _SINK.stored == ([(signal, message)] if items_of(signal, message) else []), "acknowledged and not stored"
        assert isinstance(answer, bytes)
    assert not _SINK.held, f"{_SINK.held} bytes stay reserved"


def _judge_refusal(error: grpc.RpcError, message: bytes, *, faulty: bool) -> None:
    code = error.code()
    assert code in _REFUSALS, str(error)
    assert code is not grpc.StatusCode.UNAVAILABLE or faulty, f"try later, though nothing is wrong: {error}"
    assert code is not grpc.StatusCode.RESOURCE_EXHAUSTED or len(message) > _MAX_BODY_BYTES, str(error)
    trailers = dict(error.trailing_metadata() or ())
    if code in {grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.UNAVAILABLE}:
        assert status_pb2.Status.FromString(trailers["grpc-status-details-bin"]).message
