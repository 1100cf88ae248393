"""Sends payloads over OTLP/HTTP, as binary protobuf, on connections that stay."""

from __future__ import annotations

import gzip
import ssl
from typing import Final

import urllib3

from ..storage.signals import Signal
from .answers import SERVICES, of_http
from .destination import Answer, Destination, TryLater

_MAX_ANSWER_BYTES: Final = 4 << 20  # what OTLP recommends as the limit of an answer
_GZIP_LEVEL: Final = 1


class HttpClient:
    """See `destination.Client`.

    Raises:
        OSError: a certificate or key file cannot be read, or is none.
    """

    def __init__(self, destination: Destination) -> None:
        self._compresses = destination.compression == "gzip"
        self._url = destination.endpoint.rstrip("/")
        self._headers = {"user-agent": "otelpond", "content-type": "application/x-protobuf", **destination.headers}
        if self._compresses:
            self._headers["content-encoding"] = "gzip"
        self._pool = urllib3.PoolManager(
            maxsize=destination.max_in_flight,
            retries=False,
            timeout=urllib3.Timeout(total=destination.timeout_s),
            ssl_context=_context(destination) if destination.endpoint.startswith("https") else None,
        )

    def send(self, signal: Signal, payload: bytes) -> Answer:
        """One attempt."""
        body = gzip.compress(payload, _GZIP_LEVEL, mtime=0) if self._compresses else payload
        try:
            with self._pool.request(
                "POST", self._url + SERVICES[signal].path, body=body, headers=self._headers, redirect=False, preload_content=False
            ) as response:
                answer = response.read(_MAX_ANSWER_BYTES, decode_content=True)
                if len(answer) == _MAX_ANSWER_BYTES:
                    response.close()  # whoever says more is not listened to, and gets a new connection
                return of_http(signal, response.status, response.headers, answer)
        except (urllib3.exceptions.HTTPError, OSError) as error:
            return TryLater(_in_words(error))

    def close(self) -> None:
        """Let go of connections."""
        self._pool.clear()


def _context(destination: Destination) -> ssl.SSLContext:
    """Who is trusted, and what we show."""
    context = ssl.create_default_context(cafile=destination.ca_file)
    if destination.certificate_file is not None:
        context.load_cert_chain(destination.certificate_file, destination.key_file)
    return context


def _in_words(error: Exception) -> str:
    """What a person needs of an error of the network; urllib3's texts begin with objects."""
    return f"{type(error).__name__}: {str(error).rpartition('>: ')[2] or error}"
