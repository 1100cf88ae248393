"""Sends payloads over OTLP/gRPC: raw bytes to the Export calls, on one channel."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import grpc

from ..storage.signals import Signal
from .answers import SERVICES, delivered, of_grpc
from .destination import Answer, Destination

_MAX_ANSWER_BYTES: Final = 4 << 20
_OPTIONS: Final = (
    ("grpc.primary_user_agent", "otelpond"),
    ("grpc.max_send_message_length", -1),
    ("grpc.max_receive_message_length", _MAX_ANSWER_BYTES),
    ("grpc.initial_reconnect_backoff_ms", 1_000),  # the forwarder backs off itself; the default waits up to two minutes more
    ("grpc.max_reconnect_backoff_ms", 5_000),
    ("grpc.use_local_subchannel_pool", 1),  # a new channel is a new connection
    ("grpc.enable_http_proxy", 0),  # as over HTTP
)


class GrpcClient:
    """See `destination.Client`.

    Raises:
        OSError: a certificate or key file cannot be read.
    """

    def __init__(self, destination: Destination) -> None:
        url = urlsplit(destination.endpoint)
        self._target = f"{url.hostname}:{url.port or 4317}" if ":" not in str(url.hostname) else f"[{url.hostname}]:{url.port or 4317}"
        self._credentials = _credentials(destination) if url.scheme == "https" else None
        self._compression = grpc.Compression.Gzip if destination.compression == "gzip" else grpc.Compression.NoCompression
        self._metadata = tuple((name.lower(), value) for name, value in destination.headers.items())
        self._timeout_s = destination.timeout_s
        self._lock = threading.Lock()
        self._channel, self._calls = self._open()

    def send(self, signal: Signal, payload: bytes) -> Answer:
        """One attempt."""
        channel, calls = self._channel, self._calls
        try:
            response: bytes = calls[signal](payload, timeout=self._timeout_s, metadata=self._metadata)
        except grpc.RpcError as error:
            if error.code() is grpc.StatusCode.DEADLINE_EXCEEDED:
                self._replace(channel)
            code, name = error.code().value[0], error.code().name
            return of_grpc(code, name, error.details() or "", error.trailing_metadata() or ())
        except ValueError as error:  # the channel was replaced this moment
            return of_grpc(*_CANCELLED, str(error), ())
        return delivered(signal, response)

    def close(self) -> None:
        """Let go of the channel."""
        self._channel.close()

    def _open(self) -> tuple[grpc.Channel, dict[Signal, grpc.UnaryUnaryMultiCallable]]:
        if self._credentials is None:
            channel = grpc.insecure_channel(self._target, options=_OPTIONS, compression=self._compression)
        else:
            channel = grpc.secure_channel(self._target, self._credentials, options=_OPTIONS, compression=self._compression)
        return channel, {signal: channel.unary_unary(service.method) for signal, service in SERVICES.items()}

    def _replace(self, used: grpc.Channel) -> None:
        """Connect anew: a connection that swallows everything would be believed in for a quarter of an hour."""
        with self._lock:
            if self._channel is used:
                self._channel, self._calls = self._open()
                used.close()


_CANCELLED: Final = (1, "CANCELLED")


def _credentials(destination: Destination) -> grpc.ChannelCredentials:
    def content(path: Path | None) -> bytes | None:
        return None if path is None else path.read_bytes()

    return grpc.ssl_channel_credentials(content(destination.ca_file), content(destination.key_file), content(destination.certificate_file))
